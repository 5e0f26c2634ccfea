local eq = dofile("checks.lua")

describe("time", function()
  it("runs until", function()
    local n = 0
    local began = sim.now()
    tmr.create():alarm(30, tmr.ALARM_SINGLE, function() n = 1 end)
    eq(sim.run_until(function() return n == 1 end, 100), true)
    local took = sim.now() - began
    if took < 30 or took > 33 then error("took " .. took) end
  end)
  it("advances at least", function()
    local began = sim.now()
    sim.advance(50)
    if sim.now() - began < 50 then error("less") end
  end)
  it("keeps the test while it waits", function()
    local t = tmr.create()
    t:alarm(10, tmr.ALARM_AUTO, function() for i = 1, 50 do local x = {i} end collectgarbage() end)
    local here = {"still"}
    sim.advance(200)
    eq(here[1], "still")
    t:unregister()
  end)
end)
