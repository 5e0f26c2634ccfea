local M = {}

-- watch calls fn once a press of a button that pulls its pin low, however it bounces.
function M.watch(pin, fn)
  local quiet = tmr.create()
  local pressed = false
  quiet:register(30, tmr.ALARM_SEMI, function()
    local now = gpio.read(pin) == gpio.LOW
    if now and not pressed then fn() end
    pressed = now
  end)
  gpio.mode(pin, gpio.INT, gpio.PULLUP)
  gpio.trig(pin, "both", function() quiet:start() end)
end

return M
