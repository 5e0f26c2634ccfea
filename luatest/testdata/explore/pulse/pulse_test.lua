local pulse = require("pulse")

it("is long enough for the relay", function()
  local pin = sim.pin.watch(1)
  pulse.give(1)
  sim.advance(50)
  local on, off = unpack(pin:changes(), pin:count() - 1)
  assert.is_true(off.time - on.time > 1)
end)
