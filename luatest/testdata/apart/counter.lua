local M = {n = 0, list = {}}
function M.up(by) M.n = M.n + (by or 1) return M.n end
function M.each(fn) for i = 1, 3 do fn(i, M) end end
function M.keep(x) M.kept = x end
function M.later(ms, fn) tmr.create():alarm(ms, tmr.ALARM_SINGLE, fn) end
return M
