local M = {on = false}

gpio.mode(4, gpio.OUTPUT)

function M.set(on)
  M.on = on
  gpio.write(4, on and gpio.HIGH or gpio.LOW)
  if M.changed then M.changed(on) end
end

function M.toggle() M.set(not M.on) end

return M
