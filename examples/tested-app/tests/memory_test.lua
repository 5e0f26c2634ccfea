-- What is done again and again must leave nothing behind, and a bad moment must do with
-- what is left of the heap.
local config, pump = require("config"), require("pump")

local function leaves_nothing(fn)
  local growth = sim.heap.growth(fn)
  assert.is_true(growth <= 0, growth .. " bytes are left")
end

describe("memory", function()
  local broker

  before_each(function()
    broker = sim.mqtt()
    sim.dns{[config.broker] = broker:address()}
    broker:subscribed("greenhouse/pour", 120000)
  end)

  it("is not left behind by requests", function()
    leaves_nothing(function()
      assert.are.equal(200, sim.http{path = "/"}.status)
      sim.advance(150000) -- TIME_WAIT is over
    end)
  end)

  it("is not left behind by those who vanish", function()
    leaves_nothing(function()
      sim.connect(80):send("GET / HT")
      sim.partition()
      sim.advance(60000)
      sim.heal()
      sim.advance(120000)
    end)
  end)

  it("is not left behind by lost connections to the broker", function()
    leaves_nothing(function()
      broker:drop()
      broker:subscribed("greenhouse/pour", 30000)
      sim.advance(150000)
    end)
  end)

  it("is not left behind by the pump", function()
    leaves_nothing(function()
      pump.pour(1)
      sim.advance(2000)
    end)
  end)

  it("is enough for three requests at once", function()
    collectgarbage()
    local before = sim.heap().free
    local least = sim.heap.least(function()
      local c = {}
      for i = 1, 3 do c[i] = sim.connect(80):send("GET / HTTP/1.1\r\n") end
      for i = 1, 3 do c[i]:send("\r\n") end
      for i = 1, 3 do c[i]:expect("200 OK") end
    end)
    assert.is_true(before - least < 8000, "they take " .. before - least)
  end)

  it("is held by no callback of what has ended", function()
    assert.are.same({}, sim.heap.leaks())
  end)
end)
