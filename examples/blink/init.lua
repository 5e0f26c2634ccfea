-- Blinks the LED of the module, which lights when its pin is low.
local LED = 4 -- D4, GPIO2

local level = gpio.LOW
gpio.mode(LED, gpio.OUTPUT)
tmr.create():alarm(500, tmr.ALARM_AUTO, function()
  gpio.write(LED, level)
  level = 1 - level
end)
