-- A program that the test of docs/testing.md fits.
wifi.eventmon.register(wifi.eventmon.STA_DISCONNECTED, function() print("offline") end)
net.createServer(30):listen(80, function(s)
  s:on("sent", function(s) s:close() end)
  s:on("receive", function(s, request)
    local path = request:match("^GET (%S+)")
    s:send("HTTP/1.0 " .. (path == "/status" and "200 OK\r\n\r\nok" or "404 Not Found\r\n\r\n"))
  end)
end)
