-- Looks for hub.local by multicast DNS and reports a number to it every two
-- seconds, each one when the one before was answered.
local QUERY = "\0\0\0\0\0\1\0\0\0\0\0\0" .. "\3hub\5local\0" .. "\0\1\0\1" -- one question: A, IN
local count = 0
local hub     -- its connection
local waiting -- for an answer of the hub

local function connect(ip)
  local c = net.createConnection()
  hub, waiting = c, true
  c:on("connection", function() waiting = false end)
  c:on("receive", function() waiting = false end)
  c:on("disconnection", function(_, code)
    print("lost the hub: " .. code)
    hub = nil
  end)
  c:connect(9000, ip)
end

local socket = net.createUDPSocket()
socket:on("receive", function(_, data)
  -- The record of an address: type A, class IN, 4 bytes of time to live, 4 bytes follow.
  local address = not hub and data:match("%z\1.\1....%z\4(....)")
  if address then
    local ip = ("%d.%d.%d.%d"):format(address:byte(1, 4))
    print("hub.local is " .. ip)
    connect(ip)
  end
end)

tmr.create():alarm(2000, tmr.ALARM_AUTO, function()
  if not wifi.sta.getip() then return end
  if not hub then
    socket:send(5353, "224.0.0.251", QUERY)
  elseif not waiting then
    count = count + 1
    waiting = true
    hub:send("reading " .. count)
  end
end)
