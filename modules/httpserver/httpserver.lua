-- httpserver: a small HTTP/1.1 server. See README.md.
--
-- One request per connection, answered with `connection: close`. The request is
-- parsed as it arrives and never held as a whole; the response goes out one TCP
-- segment at a time, the next when `sent` says that the last has arrived.
--
-- It is made of three files because of the device's compiler, which keeps a table
-- of the names and constants of each function until the whole file is done. What
-- it leaves are holes between the functions, which the next file fills.
--
-- The code is dense on purpose, as each distinct name in a function counts. So do
-- nested calls: parse tells receive what the program is to hear, as Lua's stack
-- would double to hold one frame more.

-- Limits, which a program may change: bytes of a line (beyond: 414, 431), whose
-- beginning is kept until its end has come; of request line and headers together;
-- of a request's body (413); connections, as many as the firmware takes unless
-- they come all at once (the others are closed); and the free RAM that a new
-- connection must find. With less than twice as much, responses wait for each other.
local M = {max_line = 1280, max_head = 4000, max_body = 8388608, max_clients = 5, reserve = 4000}

local function part(name)
  local p = require(name)
  package.loaded[name] = nil
  return p
end

local exchanges, put, pump, Res = part("httpserver_response")(M)
local parse = part("httpserver_request")

local function receive(sock, data)
  local x, pos, code = exchanges[sock], 1
  if not x or not x.want then return end
  local busy = x.busy
  x.busy = true
  while x.want and not code and pos <= #data do
    local req, want, name, value = x.req, x.want
    if want > 6 then
      local left = x.left
      local part = data:sub(pos, pos + left - 1)
      pos = pos + left
      left = left - #part
      x.left = left
      if left == 0 then
        x.want = want == 8 and 5 or nil
        x.left = M.max_head
      end
      if req.ondata then req:ondata(part) end
    else
      code, pos, name, value = parse(M, x, data, pos)
      if name and req.onheader then req:onheader(name, value) end
      if x.expect and want < 4 and (x.want or 3) > 3 and not x.mode then
        put(x, "HTTP/1.1 100 Continue\r\n\r\n")
      end
      req = x.req
      if want == 1 and req then
        local handler = x.next
        x.next = nil
        req.conn = sock
        handler(req, setmetatable({conn = sock, send_header = Res[1]}, Res))
      end
    end
  end
  if code then
    -- What the program has answered is dropped. If some of it was sent, all that
    -- can be done is to break off.
    x = {busy = true, mode = x.sent and x.mode, finish = x.sent and x.mode}
    exchanges[sock] = x
    Res.send({conn = sock}, nil, code, true)
  elseif not x.want and x.req.ondata then
    x.req:ondata()
  end
  x.busy = busy
  if not busy then pump(sock) end
  if x.want and x[1] and not x.finish then sock:hold() end
end

-- event is `receive`, without data `sent`, and with a number `disconnection`. When
-- RAM is short, a connection for which it does not suffice is broken off, and not
-- the program; there is no traceback of other errors then.
local function event(sock, data)
  local fn = data and receive or pump
  if type(data) == "number" then exchanges[sock] = nil end
  if node.heap() > 3 * M.reserve then
    fn(sock, data)
  else
    local ok, err = pcall(fn, sock, data)
    if not ok then
      if err ~= "not enough memory" then error(err, 0) end
      exchanges[sock] = nil
      pcall(sock.close, sock)
    end
  end
  for s, x in pairs(exchanges) do -- what had to wait
    if x and x[1] and not x.busy then pump(s) end
  end
end

function M.createServer(port, handler)
  local server = net.createServer()
  server:listen(port, function(sock)
    local n = 1
    for s, x in pairs(exchanges) do
      if not s:getpeer() then
        exchanges[s] = nil -- closed by the program
      elseif x then
        n = n + 1
      end
    end
    if n > M.max_clients or node.heap() < M.reserve then return sock:close() end
    exchanges[sock] = {next = handler, want = 1, left = M.max_head}
    sock:on("receive", event)
    sock:on("sent", event)
    sock:on("disconnection", event)
  end)
  return server
end

return M
