local M = {}
function M.add(a, b) return a + b end
function M.fail() error("adder fails") end
return M
