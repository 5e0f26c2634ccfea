-- The lamp in MQTT: lamp/state says how it is, lamp/set switches it.
local lamp = require("lamp")
local M = {}

function M.start(host)
  local client = mqtt.Client("lamp", 60)
  client:on("message", function(_, _, data) lamp.set(data == "on") end)
  client:connect(host, 1883, false, function(c)
    c:subscribe("lamp/set", 1, function()
      lamp.changed = function(on) c:publish("lamp/state", on and "on" or "off", 1, 0) end
      lamp.changed(lamp.on)
    end)
  end)
  return function()
    lamp.changed = nil
    client:close()
  end
end

return M
