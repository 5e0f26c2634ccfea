-- A console for telnet, at port 23: lines that come are run as if they were typed, and what
-- they print goes back. One at a time, since there is one output.
local IDLE = 600 -- seconds until the server hangs up

local taken = false
net.createServer(IDLE):listen(23, function(socket)
  if taken then
    socket:on("sent", socket.close)
    socket:send("somebody else is here\n")
    return
  end
  taken = true

  -- The next piece goes when the one before has gone.
  local output, sending
  local function send()
    local text = output and output:read(1000)
    sending = text ~= nil
    if text then socket:send(text) end
  end
  node.output(function(pipe)
    output = pipe
    if not sending then send() end
    return false -- call again when there is more, not at once
  end, 0)

  socket:on("sent", send)
  socket:on("receive", function(_, text)
    text = text:gsub("\255[\251-\254].", "") -- what telnet would like to negotiate
    node.input(text)
  end)
  socket:on("disconnection", function()
    taken = false
    node.output()
  end)
  socket:send("version " .. require("version") .. "\n> ")
  sending = true
end)
