-- A greenhouse that waters itself: see README.md.
local config, soil, pump, settings, link = require("config"), require("soil"), require("pump"), require("settings"), require("link")

settings.load()
require("web")

-- Each minute the soil is looked at. When it is too dry the pump runs for a while, then
-- the water seeps in.
local rest = 0 -- seconds that are left
tmr.create():alarm(config.check * 1000, tmr.ALARM_AUTO, function()
  local percent = soil.percent()
  link.say("soil", tostring(percent or "no probe"))
  rest = math.max(rest - config.check, 0)
  if percent and percent < settings.limit and rest == 0 and pump.pour(config.pour) then
    rest = config.rest
  end
end)

function pump.changed() link.say("pump", pump.running and "on" or "off") end

-- The button waters, and stops that again. Its contacts bounce: what follows within a
-- fifth of a second is the same press.
local last = -200000
gpio.mode(config.button, gpio.INT, gpio.PULLUP)
gpio.trig(config.button, "down", function(_, when)
  if bit.band(when - last, 0x7fffffff) < 200000 then return end
  last = when
  if pump.running then pump.stop() else pump.pour(config.pour) end
end)

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, link.start)
if wifi.sta.getip() then link.start() end
