local adder = require("adder")
describe("adder", function()
  it("adds", function()
    if adder.add(1, 2) ~= 3 then error("no") end
  end)
  it("waits", function()
    local t = sim.now()
    local fired = 0
    tmr.create():alarm(100, tmr.ALARM_AUTO, function() fired = fired + 1 end)
    sim.advance(1050)
    if fired ~= 10 then error("fired " .. fired) end
    if sim.now() - t < 1049.9 then error("time") end
  end)
  it("fails", function()
    adder.fail()
  end)
  it("resets", function() node.restart() sim.advance(500) end)
  it("goes on", function() print("still here") end)
  pending("later", "not yet")
end)
