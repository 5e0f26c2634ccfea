-- httpserver: a small HTTP/1.1 server. See README.md.
--
-- One request per connection, answered with `connection: close`. The request is
-- parsed as it arrives and never held as a whole; the response goes out one TCP
-- segment at a time, the next when `sent` says that the last has arrived.
--
-- The code is dense on purpose: the device compiles it with some 40 KB of RAM,
-- where each distinct name in a function counts.

-- Limits, which a program may change: bytes of request line and headers (beyond:
-- 414, 431; must stay below the 4096 bytes that the firmware lets a glued string
-- have), and of a request's body (413); connections, as many as the firmware takes
-- unless they come all at once. Those beyond are closed: they would take the RAM
-- that the others need to be answered.
local M = {max_head = 4000, max_body = 8388608, max_clients = 5}

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
409 Conflict
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
--   handler  the server's handler
--   req      the request, once its first line is there
--   want     what the next line is: 1 request, 2 header, 3 size of a chunk,
--            4 end of a chunk, 5 trailer; nil when the request has ended
--   line     the beginning of that line
--   left     bytes that request line and headers may still take
--   body     bytes of body, or of its chunk, to come before it
--   len      bytes of body announced so far
--   chunked  the body comes in chunks
--   expect   the client waits for 100 Continue
--   old      the client speaks HTTP/1.0
--   code     status of the response
--   head     the program's headers
--   mode     how the body is sent, once the head is queued: 0 not at all, 1 as
--            it is, 2 in chunks
--   pull     makes the rest of the body
--   done     the program has finished the response
--   busy     a `sent` is due, or the client's data are being handled
--   out      something was sent
local exchanges = {}

-- put adds s to what is to be sent, in the given mode.
local function put(x, s, mode)
  if mode == 2 and s ~= "" then
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
local function pump(sock)
  local x = exchanges[sock]
  if not x then return end
  while x.pull and not x[2] do
    local s = x.pull()
    if not s then x.pull = nil end
    put(x, s or x.mode == 2 and "0\r\n\r\n" or "", s and x.mode)
  end
  if not x[2] then sock:unhold() end
  x.busy = nil
  if x[1] and not (x.done and x.want and not x[2]) then
    x.busy, x.out = true, true
    local s = table.remove(x, 1)
    -- No room: a client with small segments. There will be another `sent`.
    if not pcall(sock.send, sock, s) then table.insert(x, 1, s) end
  elseif x.done and not x.want then
    exchanges[sock] = nil
    pcall(sock.close, sock) -- the program may have done so
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
  local pull = last and type(data) == "function" and data
  local s = pull and "" or tostring(data or "")
  if not x.mode and (data or last) then
    local head, mode = x.head, 1
    if code == 204 or code == 304 then
      mode = 0
    elseif last and not pull then
      head = head .. "content-length: " .. #s .. "\r\n"
    elseif not x.old then
      head = head .. "transfer-encoding: chunked\r\n"
      mode = 2
    end
    x.mode = x.req and x.req.method == "HEAD" and 0 or mode
    code = code or 200
    put(x, "HTTP/1.1 " .. code .. (REASONS:match(code .. "( %C+)") or " ")
      .. "\r\nconnection: close\r\n" .. head .. "\r\n")
  end
  local mode = x.mode
  if mode ~= 0 then
    put(x, s, mode)
    x.pull = pull
    if mode == 2 and last and not pull then put(x, "0\r\n\r\n") end
  end
  x.done = last
  if mode and not x.busy then pump(sock) end
end

function Res:finish(data, code) self:send(data, code, true) end

function Res:send_header(name, value)
  local x = exchanges[self.conn]
  if not x or x.mode then return nil end
  local lower = name:lower()
  if lower ~= "connection" and lower ~= "content-length" then -- those are ours
    x.head = x.head .. (name .. ": " .. value):gsub("%c+", " ") .. "\r\n"
  end
  return true
end

-- parse takes a line of the request. It returns a status when the line is wrong.
local function parse(sock, x, s)
  local want, req = x.want, x.req
  if want == 1 then
    if s == "" then return end
    local method, url, minor = s:match("^([%w_-]+) ([^%c ]+) HTTP/1%.(%d)$")
    if not method then return 400 end
    x.want = 2
    x.old = minor == "0"
    x.req = {conn = sock, method = method, url = url}
    x.handler(x.req, setmetatable({conn = sock}, Res))
  elseif want == 2 and s ~= "" then
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
    if req.onheader then req:onheader(name, value) end
  elseif want == 2 then
    local len = x.len or 0
    if len > M.max_body then return 413 end
    if x.chunked then
      if x.len or x.old then return 400 end
      x.len, x.want = 0, 3
    else
      x.body = len
      if len == 0 or x.expect and x.done then x.want = nil end
    end
    if x.expect and x.want and not x.mode then put(x, "HTTP/1.1 100 Continue\r\n\r\n") end
  elseif want == 3 then
    local size = (s .. ";"):match("^(%x+)[ \t]*;")
    if not size or #size > 7 then return 400 end
    size = tonumber(size, 16)
    x.len = x.len + size
    if x.len > M.max_body then return 413 end
    x.left = M.max_head
    x.body = size
    x.want = size > 0 and 4 or 5
  elseif s == "" then
    x.want = want == 4 and 3 or nil
  elseif want == 4 then
    return 400
  end
end

local function receive(sock, data)
  local x, pos, code = exchanges[sock], 1
  if not x or not x.want then return end
  local busy = x.busy
  x.busy = true
  while x.want and pos <= #data do
    local req, n, part = x.req, x.body
    if n > 0 then
      part = data:sub(pos, pos + n - 1)
      n = n - #part
      x.body = n
      if req.ondata then req:ondata(part) end
      if n == 0 and x.want == 2 then x.want = nil end
    else
      n = data:find("\n", pos, true)
      part = data:sub(pos, n)
      x.left = x.left - #part
      if x.left < 0 then
        code = req and 431 or 414
      else
        local s = x.line .. part
        x.line = n and "" or s
        code = n and parse(sock, x, s:match("^(.-)\r?\n$"))
      end
      if code then
        -- What the program has answered is dropped. If some of it was sent, all
        -- that can be done is to break off.
        x = {head = "", busy = true, mode = x.out and x.mode, done = x.out and x.mode}
        exchanges[sock] = x
        Res.send({conn = sock}, nil, code, true)
      end
    end
    pos = pos + #part
  end
  if not x.want and not code and x.req.ondata then x.req:ondata() end
  x.busy = busy
  if not busy then pump(sock) end
  if x.want and x[2] then sock:hold() end
end

local function gone(sock) exchanges[sock] = nil end

function M.createServer(port, handler)
  local server = net.createServer()
  server:listen(port, function(sock)
    local n = 1
    for s in pairs(exchanges) do
      if s:getpeer() then n = n + 1 else exchanges[s] = nil end -- closed by the program
    end
    if n > M.max_clients then return sock:close() end
    exchanges[sock] = {handler = handler, want = 1, line = "", left = M.max_head, body = 0, head = ""}
    sock:on("receive", receive)
    sock:on("sent", pump)
    sock:on("disconnection", gone)
  end)
  return server
end

return M
