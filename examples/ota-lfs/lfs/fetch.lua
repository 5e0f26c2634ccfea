-- fetch(path, take, done) gets a file over HTTP without ever having it in RAM: take is called
-- with each piece, and in the end done with what went wrong, nil if nothing did.
local config = require("config")
local PATIENCE = 15000 -- ms in which something must come

return function(path, take, done)
  local socket, quiet = net.createConnection(), tmr.create()
  local head, left = "", nil -- of the answer; how many bytes are still to come
  local over, gone = false, false

  -- In a task: closing a socket while it hands over data resets the connection.
  local function finish(problem)
    if over then return end
    over = true
    quiet:unregister()
    node.task.post(function()
      for _, event in ipairs{"connection", "receive", "disconnection"} do socket:on(event, nil) end
      if not gone then socket:close() end
      done(problem)
    end)
  end

  quiet:alarm(PATIENCE, tmr.ALARM_SEMI, function() finish("nothing comes") end)
  socket:on("connection", function(s)
    s:send(("GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n"):format(path, config.host))
  end)
  socket:on("disconnection", function(_, code)
    gone = true
    finish(left and left .. " bytes are missing" or "no answer (" .. code .. ")")
  end)
  socket:on("receive", function(_, data)
    if over then return end
    quiet:start(true)
    if not left then
      head = head .. data
      local _, stop = head:find("\r\n\r\n", 1, true)
      if not stop then
        if #head > 1000 then finish("a head without an end") end
        return
      end
      left = head:match("^HTTP/1%.%d 200 ") and tonumber(head:lower():match("\r\ncontent%-length: *(%d+)\r\n"))
      if not left then return finish(head:match("^[^\r]*")) end
      data, head = head:sub(stop + 1), nil
    end
    left = left - #data
    take(data)
    if left <= 0 then finish() end
  end)
  socket:connect(config.port, config.host)
end
