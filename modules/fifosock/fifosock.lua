-- fifosock: a send queue for a TCP socket. See README.md.
--
-- A socket of the firmware has no send queue: `send` fails as soon as more than
-- 2920 bytes are under way, and the script has to wait for `sent`. Here each
-- socket has a queue of strings and functions. One packet's worth of it is sent,
-- and the next one when `sent` says that it has arrived.

-- A packet is at most one TCP segment, so that one `send` gives one `sent`.
local MSS = 1460

-- The queue of each wrapped socket. A handler that captures its socket keeps it
-- alive for ever, so nothing here does: the keys are weak, and a queue goes with
-- its socket, in whatever way that ends.
local weak = {__mode = "k"}
local queues = setmetatable({}, weak)

-- take removes the next packet from the queue and returns it, "" when there is
-- nothing to send. A function's turn comes when all before it has arrived.
local function take(sock, q)
  local s = ""
  while q[1] and #s < MSS do
    local item = q[1]
    if type(item) == "function" then
      if s ~= "" then break end
      table.remove(q, 1)
      local str, again = item(sock)
      if again then table.insert(q, 1, again) end
      if str and str ~= "" then table.insert(q, 1, str) end
    else
      local part = item:sub(q.from, q.from + MSS - #s - 1)
      s = s .. part
      q.from = q.from + #part
      if q.from > #item then
        table.remove(q, 1)
        q.from = 1
      end
    end
  end
  return s
end

-- pump sends the next packet. It is the `sent` handler of every wrapped socket.
local function pump(sock)
  local q = queues[sock]
  if not q then return end
  q.busy = true
  local s = q.packet or take(sock, q)
  q.packet = nil
  if s == "" then
    q.busy = nil
    return
  end
  local ok, err = pcall(sock.send, sock, s)
  if ok then return end
  if not sock:getpeer() then -- closed
    queues[sock] = nil
    return
  end
  -- A peer with small segments may have acknowledged a part only: there is no
  -- room yet, and the rest will give another `sent`.
  q.packet = s
  if not err:find("out of memory", 1, true) then
    q.busy = nil
    error(err, 0)
  end
end

return function(sock, ended)
  local ref = setmetatable({[sock] = true}, weak)
  queues[sock] = {from = 1}
  sock:on("sent", pump)
  if ended then
    sock:on("disconnection", function(s, code)
      queues[s] = nil
      s:on("sent", nil)
      s:on("disconnection", nil) -- ended may have captured the socket
      ended(s, code)
    end)
  end
  return function(item)
    if type(item) ~= "string" and type(item) ~= "function" then
      error("string or function expected", 2)
    end
    local s = next(ref)
    local q = s and queues[s]
    if not q then return nil end
    q[#q + 1] = item
    if not q.busy then pump(s) end
    return queues[s] and true or nil
  end
end
