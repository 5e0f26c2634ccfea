-- The same server. A connection holds only the number of the row that it sends
-- next, and makes a piece of the page when the one before has been sent.

wifi.sta.setip({ip = "192.168.1.80", netmask = "255.255.255.0", gateway = "192.168.1.1"})

local rows = {}

tmr.create():alarm(100, tmr.ALARM_AUTO, function()
  rows[#rows + 1] = {at = tmr.now(), heap = node.heap()}
  if #rows > 60 then table.remove(rows, 1) end
end)

local function answer(sk)
  local row = 0
  local function more(sk)
    local piece = ""
    if row == 0 then
      piece = "HTTP/1.0 200 OK\r\n\r\n<h1>free heap: " .. node.heap() .. "</h1><table>"
    end
    while row < #rows and #piece < 400 do
      row = row + 1
      piece = piece .. "<tr><td>" .. rows[row].at .. "</td><td>" .. rows[row].heap .. "</td></tr>\n"
    end
    if piece ~= "" then
      sk:send(piece)
    else
      sk:close()
    end
  end
  sk:on("sent", more)
  more(sk)
end

local server = net.createServer(30)
server:listen(80, function(sk)
  sk:on("receive", function(sk, request)
    if request:find("\r\n\r\n", 1, true) then answer(sk) end
  end)
end)
