-- 25 tests of what the device does: button, web server, MQTT, timers.
local lamp, link, blinker = require("lamp"), require("link"), require("blinker")

before_each(function() lamp.set(false) end)

local function press(ms)
  for _, level in ipairs {0, 1, 0} do
    sim.pin.set(3, level)
    sim.advance(2)
  end
  sim.advance(ms)
  sim.pin.set(3, 1)
  sim.advance(100)
end

describe("button", function()
  setup(function() sim.pin.set(3, 1) end)
  for n = 1, 6 do
    it("switches at each press, of " .. n, function()
      for _ = 1, n do press(300) end
      assert.are.equal(n % 2 == 1, lamp.on)
      assert.are.equal(n % 2, sim.pin.get(4))
      sim.advance(1000)
      assert.are.equal(n % 2 == 1, lamp.on)
    end)
  end
end)

describe("web", function()
  for n, path in ipairs {"/on", "/off", "/on?now", "/", "/lamp", "/index.html"} do
    it("answers POST " .. path, function()
      local r = sim.http{method = "POST", path = path}
      assert.are.equal(n <= 2 and 204 or 404, r.status)
      sim.advance(1000)
      assert.are.equal(n == 1, lamp.on)
    end)
  end
  for n = 1, 4 do
    it("says how the lamp is, after changes " .. n, function()
      for i = 1, n do sim.http{method = "POST", path = i % 2 == 1 and "/on" or "/off"} end
      local r = sim.http{path = "/"}
      assert.are.equal(200, r.status)
      assert.are.same({on = n % 2 == 1}, sjson.decode(r.body))
      sim.advance(500)
    end)
  end
end)

describe("mqtt", function()
  local broker, stop
  before_each(function()
    broker = sim.mqtt()
    stop = link.start((broker:address()))
    broker:expect("lamp/state", "off")
  end)
  after_each(function()
    stop()
    sim.advance(200)
  end)
  for n = 1, 5 do
    it("is switched, times " .. n, function()
      for i = 1, n do
        local want = i % 2 == 1 and "on" or "off"
        broker:publish("lamp/set", want, {qos = 1})
        assert.are.equal("lamp", broker:expect("lamp/state", want).client)
        sim.advance(500)
      end
      assert.are.equal(n % 2 == 1, lamp.on)
    end)
  end
  it("takes nonsense as off", function()
    lamp.set(true)
    broker:publish("lamp/set", "maybe")
    broker:expect("lamp/state", "off")
    sim.advance(2000)
    assert.is_false(lamp.on)
  end)
end)

describe("blinking", function()
  for n = 1, 3 do
    it("shows at the pin, times " .. n, function()
      local seen = sim.pin.watch(4)
      local stop = blinker.start(n, 400, function(level) lamp.set(level == 1) end)
      sim.advance(800 * n + 500)
      assert.are.equal(2 * n, seen:count())
      stop()
    end)
  end
end)
