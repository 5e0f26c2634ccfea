local config, pump = require("config"), require("pump")

describe("the link", function()
  local broker

  before_each(function()
    broker = sim.mqtt()
    sim.dns{[config.broker] = broker:address()}
    broker:subscribed("greenhouse/pour", 120000)
  end)

  after_each(function() pump.stop() end)

  it("says each minute how wet the soil is", function()
    sim.adc.set(1.85)
    local first = broker:expect("greenhouse/soil", "50", 61000)
    local second = broker:expect("greenhouse/soil", "50", 61000)
    assert.is_near(60000, second.time - first.time, 500)
    sim.adc.set(0)
    broker:expect("greenhouse/soil", "no probe", 61000)
  end)

  it("waters on request", function()
    broker:publish("greenhouse/pour", "3", {qos = 1})
    local on = broker:expect("greenhouse/pump", "on")
    local off = broker:expect("greenhouse/pump", "off")
    assert.is_near(3000, off.time - on.time, 200)
  end)

  it("takes no nonsense", function()
    for _, text in ipairs{"much", "-1", "3600", "nan"} do
      broker:publish("greenhouse/pour", text)
      sim.serial.expect("not understood: greenhouse/pour")
    end
    assert.are.equal(0, sim.pin.get(config.pump))
  end)

  it("comes back when the broker does", function()
    broker:stop()
    sim.serial.expect("offline")
    sim.advance(200000) -- attempts after 1, 2, 4 … 60 s
    broker:start()
    broker:connected("greenhouse", 61000)
    broker:expect("greenhouse/available", "online")
  end)

  it("comes back when the access point does", function()
    for _, seconds in ipairs{5, 40, 90} do
      sim.wifi.down()
      sim.advance(seconds * 1000)
      sim.wifi.up()
      sim.advance(150000) -- a connection that is lost on the way is found out, too
      assert.are.equal(1, #broker:clients())
    end
  end)

  it("comes back when nothing got through for a while", function()
    sim.partition(broker:address())
    broker:expect("greenhouse/available", "offline", 60000) -- its will, after one and a half keepalives
    sim.heal()
    broker:expect("greenhouse/available", "online", 120000)
    broker:publish("greenhouse/pour", "1", {qos = 1})
    broker:expect("greenhouse/pump", "on")
  end)

  it("waters without a link", function()
    sim.partition()
    sim.adc.set(2.7)
    sim.pin.watch(config.pump):expect(1, 700000)
  end)
end)
