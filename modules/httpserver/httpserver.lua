-- httpserver: a small HTTP/1.1 server. See README.md.
--
-- One request per connection, answered with `connection: close`. The request is
-- parsed as it arrives and never held as a whole; the response goes out one TCP
-- segment at a time, the next when `sent` says that the last has arrived.

-- Limits, which a program may change: bytes of request line and headers (beyond:
-- 414 and 431; stays below the 4096 bytes that the firmware lets a string have
-- that it glues together), bytes of a request's body (413).
local M = {max_head = 4000, max_body = 8388608}

local MSS = 1460 -- a `send` of at most one TCP segment gives one `sent`

local REASONS = [[
200 OK
201 Created
202 Accepted
204 No Content
206 Partial Content
301 Moved Permanently
302 Found
303 See Other
304 Not Modified
307 Temporary Redirect
308 Permanent Redirect
400 Bad Request
401 Unauthorized
403 Forbidden
404 Not Found
405 Method Not Allowed
406 Not Acceptable
408 Request Timeout
409 Conflict
410 Gone
411 Length Required
412 Precondition Failed
413 Content Too Large
414 URI Too Long
415 Unsupported Media Type
422 Unprocessable Content
429 Too Many Requests
431 Request Header Fields Too Large
500 Internal Server Error
501 Not Implemented
503 Service Unavailable]]

-- The exchange on each connection, by socket. Nothing else holds one, so all of
-- it goes with its entry. (Callbacks that captured their socket would keep it for
-- ever.) Its array part is what is to be sent, in packets. Its fields:
--   handler  the server's handler, until there is a request
--   req      the request
--   want     parser of the next line, which returns a status when it fails; nil
--            when the request has ended
--   left     bytes that request line and headers may still take
--   line     the beginning of a line that has not ended
--   body     bytes of body, or of its current chunk, to come; with chunks also 0:
--            the line end after one is due, nil: a size is due, false: trailers
--   len      bytes of body announced so far
--   chunked  the request's body comes in chunks
--   expect   the client waits for 100 Continue
--   old      the client speaks HTTP/1.0
--   code     status of the response
--   head     the program's headers
--   framed   they have a content-length
--   mode     how the body is sent, once the head is queued: true for as it is,
--            "chunked", "HEAD" for not at all
--   pull     makes the rest of the body
--   done     the program has finished the response
--   busy     a `sent` is due; nil until something was sent
--   held     the client is told to wait
local exchanges = {}

-- The socket whose data are being handled. What is sent meanwhile is gathered.
local corked

-- put adds s to what is to be sent.
local function put(x, s, chunked)
  if chunked and s ~= "" then
    put(x, ("%x\r\n"):format(#s))
    put(x, s)
    s = "\r\n"
  end
  local i, n = 1, x[1] and #x or 1
  while i <= #s do
    local last = x[n] or ""
    local part = s:sub(i, i + MSS - #last - 1)
    x[n] = last .. part
    i, n = i + #part, n + 1
  end
end

-- pump sends the next packet, or closes when there is none. The last one waits
-- for the end of the request: closing while the client still sends would reset
-- the connection, and the client might lose the response.
local function pump(sock, x)
  if x.busy or corked == sock or not x.mode then return end
  while x.pull and not x[2] do
    local s = x.pull()
    if not s then x.pull = nil end
    put(x, s or x.mode == "chunked" and "0\r\n\r\n" or "", s and x.mode == "chunked")
  end
  if x[1] and not (x.done and x.want and not x[2]) then
    x.busy = true
    local s = table.remove(x, 1)
    -- no room: a client with small segments, another `sent` will come
    if not pcall(sock.send, sock, s) then table.insert(x, 1, s) end
  elseif x.done and not x.want then
    exchanges[sock] = nil
    return sock:close()
  end
  if x.held and not x[2] then
    x.held = nil
    sock:unhold()
  end
end

-- Res is the response that the handler gets.
local Res = {}
Res.__index = Res

function Res:send(data, code, last)
  local sock = self.conn
  local x = exchanges[sock]
  if not x or x.done then return end
  code = x.code or code
  x.code = code
  local pull = type(data) == "function" and data
  local s = not pull and data and tostring(data) or ""
  if not x.mode and (data or last) then
    local head, mode = x.head, true
    if code == 204 or code == 304 then
      mode = "HEAD"
    elseif x.framed then
    elseif last and not pull then
      head = head .. "content-length: " .. #s .. "\r\n"
    elseif not x.old then
      head = head .. "transfer-encoding: chunked\r\n"
      mode = "chunked"
    end
    x.mode = x.req and x.req.method == "HEAD" and "HEAD" or mode
    code = code or 200
    put(x, "HTTP/1.1 " .. code .. (REASONS:match(code .. "( %C+)") or " ")
      .. "\r\nconnection: close\r\n" .. head .. "\r\n")
  end
  if x.mode ~= "HEAD" then
    local chunked = x.mode == "chunked"
    put(x, s, chunked)
    x.pull = pull
    if last and chunked and not pull then put(x, "0\r\n\r\n") end
  end
  x.done = last
  pump(sock, x)
end

function Res:finish(data, code) self:send(data, code, true) end

function Res:send_header(name, value)
  local x = exchanges[self.conn]
  if not x or x.mode then return end
  local lower = name:lower()
  if lower == "content-length" then x.framed = true end
  if lower ~= "connection" then
    x.head = x.head .. (name .. ": " .. value):gsub("%c+", " ") .. "\r\n"
  end
  return true
end

-- complete ends the request.
local function complete(x)
  x.want = nil
  local req = x.req
  if req.ondata then req:ondata() end
end

-- chunk parses the lines of a chunked body.
local function chunk(x, s)
  local body = x.body
  if body == false then
    if s == "" then complete(x) end
  elseif body then
    if s ~= "" then return 400 end
    x.body = nil
  else
    local hex = s:match("^(%x+)[ \t]*$") or s:match("^(%x+)[ \t]*;")
    if not hex or #hex > 7 then return 400 end
    body = tonumber(hex, 16)
    x.len = x.len + body
    if x.len > M.max_body then return 413 end
    x.left = M.max_head
    x.body = body > 0 and body
  end
end

local function header(x, s, sock)
  if s ~= "" then
    local name, value = s:match("^([%w!#$%%&'*+.^_`|~-]+):[ \t]*([^%z\1-\8\10-\31\127]-)[ \t]*$")
    if not name then return 400 end
    name = name:lower()
    if name == "content-length" then
      local len = value:match("^%d+$") and tonumber(value)
      if not len or x.len and x.len ~= len then return 400 end
      x.len = len
    elseif name == "transfer-encoding" then
      if value:lower() ~= "chunked" then return 501 end
      x.chunked = true
    elseif name == "expect" then
      x.expect = not x.old
    end
    local req = x.req
    if req.onheader then req:onheader(name, value) end
    return
  end
  local len = x.len or 0
  if x.chunked then
    if x.len or x.old then return 400 end
    x.len, x.want = 0, chunk
  elseif len > M.max_body then
    return 413
  elseif len == 0 or x.expect and x.done then -- answered: the body will not come
    return complete(x)
  else
    x.body = len
  end
  if x.expect and not x.mode then
    x.busy = pcall(sock.send, sock, "HTTP/1.1 100 Continue\r\n\r\n")
  end
end

local function request(x, s, sock)
  if s == "" then return end
  local method, url, minor = s:match("^([%w_-]+) ([^%c ]+) HTTP/1%.(%d)$")
  if not method then return 400 end
  x.old = minor == "0"
  x.want = header
  x.req = {conn = sock, method = method, url = url}
  x.handler(x.req, setmetatable({conn = sock}, Res))
end

local function receive(sock, data)
  local x, pos = exchanges[sock], 1
  if not x then return end
  corked = sock
  while x.want and pos <= #data do
    local n, req, part, code = x.body or 0, x.req
    if n > 0 then
      part = data:sub(pos, pos + n - 1)
      x.body = n - #part
      if req.ondata then req:ondata(part) end
      if x.body == 0 and not x.chunked then complete(x) end
    else
      local stop = data:find("\n", pos, true)
      part = data:sub(pos, stop)
      x.left = x.left - #part
      if x.left < 0 then
        code = req and 431 or 414
      else
        local s = x.line .. part
        x.line = s
        if stop then
          x.line = ""
          code = x.want(x, s:match("^(.-)\r?\n$"), sock)
        end
      end
    end
    if code then
      -- What the program has answered is dropped, unless some of it was sent:
      -- then all that can be done is to break off.
      if x.mode and x.busy ~= nil then
        corked, exchanges[sock] = nil
        pcall(sock.close, sock)
        return
      end
      x = {head = "", busy = x.busy}
      exchanges[sock] = x
      Res.send({conn = sock}, nil, code, true)
    end
    pos = pos + #part
  end
  corked = nil
  pump(sock, x)
  if x.want and x.busy and x.mode and x[1] and not x.done and not x.held then
    x.held = true
    sock:hold()
  end
end

local function sent(sock)
  local x = exchanges[sock]
  if not x then return end
  x.busy = false
  pump(sock, x)
end

local function gone(sock) exchanges[sock] = nil end

function M.createServer(port, handler)
  local server = net.createServer()
  server:listen(port, function(sock)
    for s in pairs(exchanges) do -- closed by the program
      if not s:getpeer() then exchanges[s] = nil end
    end
    exchanges[sock] = {handler = handler, want = request, left = M.max_head, line = "", head = ""}
    sock:on("receive", receive)
    sock:on("sent", sent)
    sock:on("disconnection", gone)
  end)
  return server
end

return M
