local eq = dofile("checks.lua")
local function trust(pem)
  tls.cert.verify(function(k) if k == 1 then return pem end end)
end

describe("TLS", function()
  after_each(function() tls.cert.verify(false) tls.cert.auth(false) end)

  it("carries MQTT", function()
    local b = sim.mqtt{tls = true}
    eq(select(2, b:address()), 8883)
    trust(sim.ca())
    local m = mqtt.Client("lamp", 120)
    local got
    m:on("message", function(_, topic, data) got = data end)
    m:connect((b:address()), 8883, true, function(c) c:subscribe("lamp/set", 1) end)
    b:subscribed("lamp/set", 30000)
    b:publish("lamp/set", "on", {qos = 1})
    sim.run_until(function() return got end)
    eq(got, "on")
    m:publish("lamp/state", "on", 1, 0)
    eq(b:expect("lamp/state").client, "lamp")
    local off
    m:on("offline", function() off = true end)
    b:drop()
    sim.run_until(function() return off end)
    b:handshake("refuse")
    local why
    m:connect((b:address()), 8883, true, nil, function(_, reason) why = reason end)
    eq(b:failed(30000), "the server refuses it")
    sim.run_until(function() return why end)
    eq(why, mqtt.CONN_FAIL_SERVER_NOT_FOUND)
  end)

  it("carries a websocket", function()
    local l = sim.listen("ws.example", 443, {tls = true})
    local ws = websocket.createClient()
    local got
    ws:on("connection", function(k) k:send("hi") end)
    ws:on("receive", function(_, data) got = data end)
    ws:connect("wss://ws.example/chat")
    local c = l:accept()
    local _, key = c:expect("Sec%-WebSocket%-Key: (%S+)")
    c:expect("\r\n\r\n")
    local accept = encoder.toBase64(crypto.hash("SHA1", key .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
    c:send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " .. accept .. "\r\n\r\n")
    eq(#c:read(8), 8) -- a frame of two bytes, masked
    c:send("\129\2ho")
    sim.run_until(function() return got end)
    eq(got, "ho")
    ws:close()
  end)
end)
