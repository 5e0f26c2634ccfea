local config, soil, settings = require("config"), require("soil"), require("settings")

-- The ADC has 1024 steps up to 3.3 V.
local function probe(reads) sim.adc.set((reads + 0.5) * 3.3 / 1024) end

describe("the soil", function()
  it("is in percent between air and water", function()
    probe(config.wet)
    assert.are.equal(100, soil.percent())
    probe(config.dry)
    assert.are.equal(0, soil.percent())
    probe((config.wet + config.dry) / 2)
    assert.are.equal(50, soil.percent())
  end)

  it("is not dry when the probe has come off", function()
    probe(0)
    assert.is_nil(soil.percent())
    probe(1020)
    assert.is_nil(soil.percent())
  end)
end)

describe("an hour", function()
  local pin
  before_each(function() pin = sim.pin.watch(config.pump) end)

  it("waters what is too dry, with a rest in between", function()
    probe(config.dry)
    local first = pin:expect(1, 61000)
    local second = pin:expect(1, 700000)
    assert.is_near(config.rest * 1000, second.time - first.time, 1000)
    sim.advance(60000)
    assert.are.equal(4, pin:count())
  end)

  it("leaves alone what is wet, and what no probe says", function()
    probe(config.wet)
    sim.advance(1800000)
    probe(0)
    sim.advance(1800000)
    assert.are.equal(0, pin:count())
  end)
end)

describe("the settings", function()
  after_each(function()
    file.remove("settings.json")
    settings.limit = 30
  end)

  it("are there after a restart", function()
    assert.is_true(settings.save(45))
    settings.limit = 30
    settings.load()
    assert.are.equal(45, settings.limit)
  end)

  it("stay as they are where the file is broken", function()
    for _, text in ipairs{"", "{", "[]", '{"limit":"wet"}', '{"limit":-1}', '{"limit":1e9}'} do
      file.putcontents("settings.json", text)
      settings.load()
      assert.are.equal(30, settings.limit, text)
    end
    sim.serial.expect("settings.json is broken")
  end)
end)
