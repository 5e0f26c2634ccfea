local M = {big = {}}
for i = 1, 20000 do M.big[i] = "a helper's own " .. i end -- more than a device has room for
function M.twice(x) return 2 * x end
return M
