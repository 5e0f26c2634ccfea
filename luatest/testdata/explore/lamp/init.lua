-- Switches a lamp at each datagram with another number than the one before had: who sends
-- may say it several times. One that comes late, behind the next number, switches, too.
lamp = false
udp = net.createUDPSocket()
udp:listen(4711)
udp:on("receive", function(_, number)
  if number ~= last then
    lamp = not lamp
    last = number
  end
end)
