-- A web server that shows its last measurements as a table. Every browser test
-- passes, and it dies when a few people look at once.

wifi.sta.setip({ip = "192.168.1.80", netmask = "255.255.255.0", gateway = "192.168.1.1"})

local rows = {}

tmr.create():alarm(100, tmr.ALARM_AUTO, function()
  rows[#rows + 1] = {at = tmr.now(), heap = node.heap()}
  if #rows > 60 then table.remove(rows, 1) end
end)

-- The page, as one string.
local function page()
  local html = "<h1>free heap: " .. node.heap() .. "</h1><table>"
  for i = 1, #rows do
    html = html .. "<tr><td>" .. rows[i].at .. "</td><td>" .. rows[i].heap .. "</td></tr>\n"
  end
  return html .. "</table>"
end

local function answer(sk)
  local body = page()
  local response = "HTTP/1.0 200 OK\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
  local from = 1
  local function more(sk)
    if from <= #response then
      sk:send(response:sub(from, from + 511))
      from = from + 512
    else
      print("sent " .. #body .. " bytes")
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
