-- httpserver_response: the part of httpserver that sends. It makes packets of what
-- the program answers, and sends the next one when the last has arrived.

return function(M)
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
  -- ever.) It is false when only the connection has to end. Its array part is what
  -- is to be sent, in packets. Its fields, absent as long as they say nothing:
  --   next     the server's handler; later what makes the rest of the response
  --   req      the request, once its first line is there
  --   want     what comes next: 1 request line, 2 header, 3 header behind Host, 4 size
  --            of a chunk, 5 end of a chunk, 6 trailer, 7 body, 8 chunk; nil when the
  --            request has ended
  --   line     the beginning of that line
  --   left     bytes that may still come of head, trailer, body or chunk
  --   len      bytes of body announced so far, true for chunks
  --   expect   the client waits for 100 Continue
  --   old      the client speaks HTTP/1.0
  --   code     status of the response
  --   head     the program's headers, until the head is queued
  --   mode     how the body is sent, from then on: 0 not at all, 1 as it is, 2 in
  --            chunks
  --   finish   the program has finished the response
  --   busy     1: a `sent` is due; true: the client's data are being handled
  --   sent     something was sent
  local exchanges = {}

  -- put adds s to what is to be sent, in the given mode.
  local function put(x, s, mode)
    local MSS = 1460 -- a `send` of at most one TCP segment gives one `sent`
    if mode == 2 and s ~= "" then
      put(x, ("%x\r\n"):format(#s))
      put(x, s)
      s = "\r\n"
    end
    for i = 1, #s, MSS do
      local n, part = #x, s:sub(i, i + MSS - 1) -- no copy if that is all of s
      if n > 0 and #x[n] + #part <= MSS then
        x[n] = x[n] .. part
      else
        x[n + 1] = part
      end
    end
  end

  local tick, ticking

  -- later has tick called. There is a timer only meanwhile, as its callback holds
  -- all of this module.
  local function later()
    if not ticking then
      ticking = tmr.create():alarm(500, tmr.ALARM_SINGLE, tick)
    end
  end

  -- pump sends the next packet, or closes when there is none. The last one waits
  -- for the end of the request: closing while the client still sends would reset
  -- the connection, and the client might lose the response. With must it does not
  -- wait for RAM.
  local function pump(sock, must)
    local x = exchanges[sock]
    if not x then return end
    local pull = x.mode and x.next
    while pull and not x[2] do
      local s = pull()
      if not s then
        pull = nil
        x.next = nil
      end
      put(x, s or x.mode == 2 and "0\r\n\r\n" or "", s and x.mode)
    end
    x.busy = nil
    if x[1] and not (x.finish and x.want and not x[2]) then
      -- Until it has arrived, each packet takes a whole segment of RAM. If that is
      -- short, others' go first. `send` fails without it, and when the client has
      -- small segments that are still under way.
      local wait
      if not must and node.heap() < 2 * M.reserve then
        for _, y in pairs(exchanges) do wait = wait or y and y.busy == 1 end
      end
      if not wait and pcall(sock.send, sock, x[1]) then
        for i = 1, #x do x[i] = x[i + 1] end
        x.busy, x.sent = 1, true
      else
        later()
      end
    elseif x.finish and not x.want then
      -- The client gets time to close the connection: who closes first keeps it for
      -- 10 s more, and data that come after our close would reset it before the
      -- client has read the response. HTTP/1.0 waits for us.
      if x.old then
        exchanges[sock] = nil
        pcall(sock.close, sock)
      else
        exchanges[sock] = false
        later()
      end
    end
    if not x[1] or x.finish then sock:unhold() end
  end

  function tick()
    ticking = nil
    for sock, x in pairs(exchanges) do
      if not x then
        exchanges[sock] = nil
        pcall(sock.close, sock) -- the client or the program may have done so
      elseif x[1] and not x.busy then
        pump(sock, true)
      end
    end
  end

  -- Res is the response that the handler gets, with a send_header of its own, Res[1], as
  -- long as that can be called.
  local Res = {}
  Res.__index = Res

  function Res:send(data, code, last)
    local sock = self.conn
    local x = exchanges[sock]
    if not x or x.finish then return end
    code = x.code or code
    if code then x.code = code end
    local pull = last and type(data) == "function" and data
    local s = pull and "" or (data or "") .. ""
    if not x.mode and (data or last) then
      local head, mode = x.head or "", 1
      if code == 204 or code == 304 then
        mode = 0
      elseif last and not pull then
        head = head .. "content-length" .. ": " .. #s .. "\r\n"
      elseif not x.old then
        head = head .. "transfer-encoding: chunked\r\n"
        mode = 2
      end
      x.mode = x.req and x.req.method == "HEAD" and 0 or mode
      x.head, self.send_header = nil
      code = code or 200
      put(x, "HTTP/1.1 " .. code .. (REASONS:match(code .. "( %C+)") or " ")
        .. "\r\nconnection: close\r\n" .. head .. "\r\n")
    end
    local mode = x.mode
    if mode ~= 0 then
      put(x, s, mode)
      if pull then
        x.next = pull
      elseif mode == 2 and last then
        put(x, "0\r\n\r\n")
      end
    end
    if last then x.finish = true end
    if mode and not x.busy then pump(sock) end
  end

  function Res:finish(data, code) return self:send(data, code, true) end

  Res[1] = function(self, name, value)
    local x = exchanges[self.conn]
    if not x or x.mode then return nil end
    local lower = name:lower()
    if lower ~= "connection" and lower ~= "content-length" then -- those are ours
      x.head = (x.head or "") .. (name .. ": " .. value):gsub("%c+", " ") .. "\r\n"
    end
    return true
  end

  return exchanges, put, pump, Res
end
