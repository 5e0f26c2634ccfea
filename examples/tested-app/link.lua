-- The greenhouse in MQTT: it says greenhouse/soil and greenhouse/pump, waters on
-- greenhouse/pour, and says in greenhouse/available whether it is there.
local config, pump = require("config"), require("pump")
local M = {online = false}
local client = mqtt.Client("greenhouse", config.keepalive)
local wait = 1 -- seconds until the next attempt
local connect

client:lwt("greenhouse/available", "offline", 1, 1)

-- say publishes a value, if somebody listens: old ones are of no use.
function M.say(what, value)
  return M.online and client:publish("greenhouse/" .. what, value, 1, 1)
end

client:on("message", function(_, topic, data)
  local seconds = tonumber(data or "")
  if topic == "greenhouse/pour" and seconds and seconds > 0 and seconds <= 60 then
    pump.pour(seconds)
  else
    print("not understood: " .. topic)
  end
end)

-- connect() must not be called within connfail, nor while a connection is there or is
-- being made: so everything that ends one only starts this timer.
local function again()
  M.online = false
  tmr.create():alarm(wait * 1000, tmr.ALARM_SINGLE, connect)
  wait = math.min(wait * 2, 60)
end

-- offline follows connfail when there was a connection, and comes alone when one is lost.
local failed = false
client:on("offline", function()
  print("offline")
  if not failed then again() end
end)

function connect()
  failed = false
  client:connect(config.broker, config.port, false, function()
    print("online")
    M.online, wait = true, 1
    client:subscribe("greenhouse/pour", 1)
    M.say("available", "online")
  end, function(_, code)
    print("failed", code)
    failed = true
    again()
  end)
end

-- start may be called again and again: the station may get its address anew.
local started = false
function M.start()
  if not started then
    started = true
    connect()
  end
end

return M
