-- The program. Yours would stand here.
local config, update = require("config"), require("update")

print("version " .. require("version"))
require("console")

local started = false
local function start()
  if started then return end
  started = true
  update()
  tmr.create():alarm(config.period * 1000, tmr.ALARM_AUTO, update)
end
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, start)
if wifi.sta.getip() then start() end
