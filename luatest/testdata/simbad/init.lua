-- The app that the tests of sim talk with: an echo, a web server, a switch.
app = {}

net.createServer(30):listen(7, function(s)
  s:on("receive", function(c, text) c:send("echo " .. text) end)
end)

-- /chunked, /close and everything else; the connection stays open but for /close.
net.createServer(30):listen(80, function(s)
  local got = ""
  s:on("receive", function(c, text)
    got = got .. text
    local path = got:match("^%u+ (%S+) HTTP")
    if not got:find("\r\n\r\n", 1, true) then return end
    local want = tonumber(got:match("[Cc]ontent%-[Ll]ength: (%d+)") or 0)
    local body = got:match("\r\n\r\n(.*)$")
    if #body < want then return end
    local x = got:match("X%-Test: ([^\r]*)") or ""
    got = ""
    if path == "/chunked" then
      c:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnode\r\n3\r\nmcu\r\n0\r\n\r\n")
    elseif path == "/close" then
      c:on("sent", function(k) k:close() end)
      c:send("HTTP/1.0 404 Not here\r\nX-A: 1\r\nX-A: 2\r\n\r\nuntil the end")
    elseif path == "/never" then
      c:send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    elseif path == "/garbage" then
      c:send("hello\r\n\r\n")
    else
      local text = path .. "|" .. body .. "|" .. x
      c:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #text .. "\r\n\r\n" .. text)
    end
  end)
end)

udp = net.createUDPSocket()
udp:on("receive", function(s, data, port, ip) s:send(port, ip, "got " .. data) end)
udp:listen(5000)

gpio.mode(1, gpio.OUTPUT)
gpio.mode(2, gpio.INT)
gpio.trig(2, "both", function(level) gpio.write(1, level) end)
print("app is up")
