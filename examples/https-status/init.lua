-- Asks a server every half minute for {"temperature": 21.5}, over HTTPS, and says what
-- has changed.

local URL = "https://host.internal:8443/status.json"
local PERIOD = 30000

-- Whom to trust: the server's own certificate, or that of who has signed it. The function is
-- asked for the first, the second ... at each connection, so that none takes heap before.
-- With no certificate at all the firmware would refuse every server.
if file.exists("ca.pem") then
  tls.cert.verify(function(k) if k == 1 then return file.getcontents("ca.pem") end end)
else
  print("no ca.pem: whoever answers is believed")
end

local busy, last = false, nil

local function answer(code, body)
  busy = false
  if code ~= 200 then
    print("no answer", code)
    return
  end
  local ok, status = pcall(sjson.decode, body)
  if not ok or type(status) ~= "table" or not status.temperature then
    print("not what was expected", body)
  elseif status.temperature ~= last then
    last = status.temperature
    print("temperature", last)
  end
end

-- One request at a time: http has one callback, and a handshake takes 25 to 30 KB.
local function ask()
  if busy then return end
  busy = true
  http.get(URL, nil, answer)
end

wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  ask()
  tmr.create():alarm(PERIOD, tmr.ALARM_AUTO, ask)
end)
