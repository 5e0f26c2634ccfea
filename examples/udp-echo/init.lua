-- Sends every datagram back to where it came from, and counts them.
local count = 0
local socket = net.createUDPSocket()
socket:listen(7777)
socket:on("receive", function(s, data, port, ip)
  count = count + 1
  print(("%d: %d bytes from %s:%d"):format(count, #data, ip, port))
  if #data > 0 then s:send(port, ip, data) end
end)
