-- A lamp that a broker switches. It listens to lamp/set ("on" or "off"), says what it
-- is in lamp/state, and that it is there in lamp/available, where the broker says so
-- when it is gone.
local broker = require("broker")
local LED, ON, OFF = 4, gpio.LOW, gpio.HIGH -- the board's own LED, between the pin and 3.3 V

gpio.mode(LED, gpio.OUTPUT)
gpio.write(LED, OFF)

local lamp = mqtt.Client("lamp-" .. node.chipid(), 30, broker.user, broker.password, 1)
local wait = 1 -- seconds until the next attempt
local connect

lamp:lwt("lamp/available", "offline", 1, 1)

local function say(state) lamp:publish("lamp/state", state, 1, 1) end

lamp:on("message", function(_, topic, data)
  if topic ~= "lamp/set" then return end
  if data == "on" or data == "off" then
    gpio.write(LED, data == "on" and ON or OFF)
    say(data)
  else
    print("lamp/set: on or off, not", data)
  end
end)

-- connect() must not be called within connfail, nor while a connection is there or is
-- being made: so everything that ends one only starts this timer.
local function again()
  print("next attempt in " .. wait .. " s")
  tmr.create():alarm(wait * 1000, tmr.ALARM_SINGLE, connect)
  wait = math.min(wait * 2, 60)
end

-- offline follows connfail when there was a connection, and comes alone when one is lost.
local lost = false
lamp:on("offline", function()
  print("offline")
  if not lost then again() end
end)

function connect()
  lost = false
  lamp:connect(broker.host, broker.port, false, function()
    print("connected")
    wait = 1
    lamp:subscribe("lamp/set", 1)
    lamp:publish("lamp/available", "online", 1, 1)
    say(gpio.read(LED) == ON and "on" or "off")
  end, function(_, code)
    print("failed", code)
    lost = true
    again()
  end)
end

-- The station may have its address already, or get it later, or anew.
local started = false
local function start()
  if not started then
    started = true
    connect()
  end
end
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, start)
if wifi.sta.getip() then start() end
