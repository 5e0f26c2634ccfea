-- A pulse of two milliseconds, made by two timers that do not know of each other: when the
-- first is late the pulse is short.
local M = {}

function M.give(pin)
  gpio.mode(pin, gpio.OUTPUT)
  tmr.create():alarm(10, tmr.ALARM_SINGLE, function() gpio.write(pin, 1) end)
  tmr.create():alarm(12, tmr.ALARM_SINGLE, function() gpio.write(pin, 0) end)
end

return M
