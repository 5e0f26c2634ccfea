local config, pump, settings = require("config"), require("pump"), require("settings")

describe("the web server", function()
  after_each(function() pump.stop() end)

  it("says how things are", function()
    sim.adc.set(1.85)
    local r = sim.http{path = "/"}
    assert.are.equal(200, r.status)
    assert.are.same({soil = 50, pump = false, limit = 30}, sjson.decode(r.body))
  end)

  it("waters", function()
    assert.are.equal(202, sim.http{method = "POST", path = "/pour"}.status)
    assert.are.equal(409, sim.http{method = "POST", path = "/pour"}.status)
    assert.are.equal(1, sim.pin.get(config.pump))
  end)

  it("takes a limit", function()
    assert.are.equal(204, sim.http{method = "PUT", path = "/limit/40"}.status)
    assert.are.equal(400, sim.http{method = "PUT", path = "/limit/101"}.status)
    assert.are.equal(40, settings.limit)
    assert.are.equal('{"limit":40}', file.getcontents("settings.json"))
    settings.save(30)
  end)

  it("has nothing else", function()
    assert.are.equal(404, sim.http{path = "/favicon.ico"}.status)
    assert.are.equal(404, sim.http{method = "DELETE", path = "/pour"}.status)
  end)

  it("puts up with a request that comes in pieces", function()
    local c = sim.connect(80)
    for _, piece in ipairs{"GET / H", "TTP/1.1\r", "\nHost: x\r\n\r", "\n"} do
      c:send(piece)
      sim.advance(200)
    end
    c:expect("HTTP/1.1 200 OK\r\n")
  end)

  it("puts up with those who talk nonsense, too much, or leave", function()
    sim.connect(80):send("hello\r\n\r\n"):expect("HTTP/1.1 400 ")
    sim.connect(80):send(("x"):rep(600)):expect("HTTP/1.1 400 ")
    sim.connect(80):send("GET / HT"):reset()
    assert.are.equal(200, sim.http{path = "/"}.status)
  end)

  it("is there over a bad line", function()
    sim.link{latency = 100, jitter = 50, loss = 0.1}
    for _ = 1, 5 do
      assert.are.equal(200, sim.http{path = "/", timeout = 60000}.status)
    end
  end)
end)
