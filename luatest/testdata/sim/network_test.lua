local eq, raises = dofile("checks.lua")

describe("network", function()
  it("is slow", function()
    local c = sim.connect(7)
    sim.link{latency = 100, jitter = "5ms", loss = 0, bandwidth = "1mbit"}
    local began = sim.now()
    c:send("x"):expect("echo x")
    if sim.now() - began < 200 then error("fast") end
    sim.link()
    raises("sim.link knows no lag", sim.link, {lag = 1})
    raises("sim.link", sim.link, {loss = 2})
    c:reset()
  end)
  it("is cut", function()
    sim.partition()
    local c, why = sim.connect{port = 7, timeout = 2000, try = true}
    eq(c, nil)
    eq(why:find("no answer from port 7", 1, true) ~= nil, true)
    sim.heal()
    sim.partition("192.168.99.0/24")
    sim.connect(7):reset()
    sim.heal()
    raises("neither an IPv4 address nor a network", sim.partition, "x")
  end)
  it("has access points", function()
    sim.wifi.down()
    sim.run_until(function() return wifi.sta.status() ~= wifi.STA_GOTIP end, 20000)
    sim.wifi.up()
    sim.run_until(function() return wifi.sta.status() == wifi.STA_GOTIP end, 20000)
    sim.wifi.ap{ssid = "cafe", password = "12345678", channel = 3, rssi = -70}
    local list
    wifi.sta.getap(1, function(t) list = t end)
    sim.run_until(function() return list end)
    local n = 0
    for _ in pairs(list) do n = n + 1 end
    eq(n, 1)
    raises("8 to 64 bytes", sim.wifi.ap, {ssid = "x", password = "short"})
    raises("a name of 1 to 32 bytes", sim.wifi.ap, {})
  end)
end)
