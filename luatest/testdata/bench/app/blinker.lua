-- A pattern of pulses, on a timer.
local M = {}

-- start gives set n pulses: on and off for ms each, then done.
function M.start(n, ms, set, done)
  local t, left, level = tmr.create(), 2 * n, 0
  t:alarm(ms, tmr.ALARM_AUTO, function()
    level = 1 - level
    set(level)
    left = left - 1
    if left == 0 then
      t:unregister()
      if done then done() end
    end
  end)
  return function() t:unregister() end
end

return M
