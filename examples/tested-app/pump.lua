-- The pump. Whatever happens to the rest of the program, it runs no longer than it was told.
local config = require("config")
local M = {running = false}
local stop = tmr.create()

gpio.mode(config.pump, gpio.OUTPUT)
gpio.write(config.pump, gpio.LOW)

function M.stop()
  stop:stop()
  gpio.write(config.pump, gpio.LOW)
  M.running = false
  if M.changed then M.changed() end
end

-- pour runs the pump for some seconds, unless it runs. It returns whether it does so.
function M.pour(seconds)
  if M.running then return false end
  M.running = true
  gpio.write(config.pump, gpio.HIGH)
  stop:alarm(seconds * 1000, tmr.ALARM_SINGLE, M.stop)
  if M.changed then M.changed() end
  return true
end

return M
