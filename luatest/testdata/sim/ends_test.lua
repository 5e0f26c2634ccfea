local eq = dofile("checks.lua")

describe("what a test has opened", function()
  local broker, kept
  setup(function()
    broker = sim.mqtt()
    kept = sim.connect(7)
  end)
  it("is there", function()
    for i = 1, 3 do sim.connect(7) end
    sim.mqtt{port = 1900}
    sim.listen(1901)
    sim.udp(nil, 1902)
    sim.link{loss = 1}
    sim.partition()
  end)
  it("is gone with it", function()
    sim.mqtt{port = 1900}
    sim.listen(1901)
    sim.udp(nil, 1902)
    for i = 1, 3 do sim.connect(7, 500) end
  end)
  it("stays where setup has opened it", function()
    kept:send("x"):expect("echo x")
    eq(pcall(sim.mqtt), false)
  end)
  it("closes the window", function()
    local l = sim.listen(1903)
    local s = net.createConnection()
    local sent = 0
    s:on("sent", function() sent = sent + 1 s:send(("x"):rep(1400)) end)
    s:on("connection", function() s:send("first") end)
    s:connect(1903, (l:address()))
    local c = l:accept()
    c:pause()
    sim.advance(5000)
    local before = sent
    sim.advance(5000)
    eq(sent, before)
    eq(before > 10, true)
    c:resume()
    sim.run_until(function() return sent > before end, 60000)
    c:reset()
  end)
end)
