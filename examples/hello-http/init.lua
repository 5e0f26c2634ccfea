-- A small web server: a page, the same as JSON, and an echo. The board connects to
-- the network that is stored in its flash by itself.

local function uptime() return tmr.time() end

local function page()
  return ([[<!DOCTYPE html>
<title>NodeMCU</title>
<h1>Hello from NodeMCU</h1>
<p>%d bytes of heap free, up for %d s.</p>
<p><a href="/json">JSON</a></p>
]]):format(node.heap(), uptime())
end

local function json() return ('{"heap":%d,"uptime":%d}\n'):format(node.heap(), uptime()) end

local function answer(res, kind, body, code)
  res:send_header("Content-Type", kind)
  res:finish(body, code)
end

require("httpserver").createServer(80, function(req, res)
  local path = req.url:match("^[^?]*")
  if req.method == "POST" then
    -- The body is not gathered: each piece goes back as it comes.
    res:send_header("Content-Type", "application/octet-stream")
    req.ondata = function(_, piece)
      if piece then res:send(piece) else res:finish() end
    end
  elseif req.method ~= "GET" and req.method ~= "HEAD" then
    res:send_header("Allow", "GET, HEAD, POST")
    answer(res, "text/plain", "not here\n", 405)
  elseif path == "/" then
    answer(res, "text/html", page())
  elseif path == "/json" then
    answer(res, "application/json", json())
  else
    answer(res, "text/plain", "no such page\n", 404)
  end
end)

if wifi then
  wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(ip)
    print("serving on http://" .. ip.IP .. "/")
  end)
end
