-- GET / says how the lamp is, POST /on and /off switch it.
local lamp = require("lamp")
local M = {}

local function answer(method, path)
  if method == "GET" and path == "/" then return "200 OK", sjson.encode({on = lamp.on}) end
  if method == "POST" and (path == "/on" or path == "/off") then
    lamp.set(path == "/on")
    return "204 No Content", ""
  end
  return "404 Not Found", "no " .. path
end

function M.listen(port)
  net.createServer(net.TCP, 10):listen(port, function(socket)
    local head = ""
    socket:on("receive", function(s, data)
      head = head .. data
      local method, path = head:match("^(%u+) (%S+) HTTP.*\r\n\r\n")
      if not method then return end
      local status, body = answer(method, path)
      s:on("sent", s.close)
      s:send("HTTP/1.1 " .. status .. "\r\nConnection: close\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body)
    end)
  end)
end

return M
