-- The greenhouse over HTTP:
--
--   GET /          {"soil":41,"pump":false,"limit":30}; soil is null without a probe
--   POST /pour     runs the pump; 409 while it runs
--   PUT /limit/N   waters below N percent
local config, soil, pump, settings = require("config"), require("soil"), require("pump"), require("settings")

local function state()
  return sjson.encode({soil = soil.percent() or sjson.NULL, pump = pump.running, limit = settings.limit})
end

local function answer(method, path)
  if method == "GET" and path == "/" then return 200, state() end
  if method == "POST" and path == "/pour" then
    return pump.pour(config.pour) and 202 or 409
  end
  local limit = method == "PUT" and path:match("^/limit/(%d+)$")
  if limit then return settings.save(tonumber(limit)) and 204 or 400 end
  return 404
end

local REASONS = {[200] = "OK", [202] = "Accepted", [204] = "No Content", [400] = "Bad Request", [404] = "Not Found", [409] = "Conflict"}

local function respond(socket, head)
  local method, path = head:match("^(%u+) (%S+) HTTP/1%.%d\r\n")
  local status, body = 400, nil
  if method then status, body = answer(method, path) end
  socket:on("sent", socket.close)
  socket:send(("HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"):format(status, REASONS[status], #(body or ""), body or ""))
end

-- Somebody who vanishes is found out after ten seconds: there are only a few sockets.
net.createServer(10):listen(80, function(socket)
  local head = ""
  socket:on("receive", function(s, data)
    if not head then return end
    head = head .. data
    local all = head:find("\r\n\r\n", 1, true)
    if all or #head > 500 then
      respond(s, all and head or "too long")
      head = nil
    end
  end)
end)
