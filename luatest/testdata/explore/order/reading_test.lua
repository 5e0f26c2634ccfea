local reading = require("reading")

it("takes a reading", function()
  local got
  reading.take(function(value) got = value or "nothing" end)
  sim.advance(50)
  assert.is_number(got)
end)
