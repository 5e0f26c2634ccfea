-- A second board that plays the browsers: one request after 10 s, and five at
-- once after 15 s.

local function ask(n)
  local sk, got = net.createConnection(net.TCP, 0), 0
  sk:on("connection", function(sk) sk:send("GET / HTTP/1.0\r\n\r\n") end)
  sk:on("receive", function(sk, data) got = got + #data end)
  local function over() print("request " .. n .. ": " .. got .. " bytes") end
  sk:on("disconnection", over)
  sk:on("reconnection", over)
  sk:connect(80, "192.168.1.80")
end

tmr.create():alarm(10000, tmr.ALARM_SINGLE, function() ask(1) end)
tmr.create():alarm(15000, tmr.ALARM_SINGLE, function()
  for n = 2, 6 do ask(n) end
end)
