local eq, raises = dofile("checks.lua")

describe("heap", function()
  it("is looked at", function()
    local h = sim.heap()
    eq(h.free > 10000 and h.least <= h.free and h.largest > 10000, true)
    eq(sim.heap.below(1000), false)
    eq(sim.heap.below(h.free + 1), true)
    eq(#sim.heap.leaks(), 0)
  end)
  it("grows or not", function()
    eq(sim.heap.growth(function() local t = {} for i = 1, 10 do t[i] = {} end end, 20), 0)
    _G.kept = {}
    local grown = sim.heap.growth(function() kept[#kept + 1] = ("x"):rep(100) .. #kept end, 16)
    _G.kept = nil
    eq(grown > 1600, true)
    eq(sim.heap.growth(function() sim.advance(1) end, 5), 0)
    local before = sim.heap().free
    local least = sim.heap.least(function() _G.s = ("y"):rep(3000) _G.s = nil sim.advance(1) end)
    eq(least < before - 2000, true)
    raises("takes a function", sim.heap.growth, 1)
    raises("takes a function", sim.heap.least)
  end)
  it("leaks", function()
    local l = sim.listen(4100)
    leaked = {}
    for i = 1, 2 do
      local s = net.createConnection()
      s:on("receive", function() leaked[s] = 1 end)
      s:connect(4100, (l:address()))
      local c = l:accept()
      c:close()
      c:closed(5000)
    end
    sim.advance(100)
    local list = sim.heap.leaks()
    eq(#list > 0, true)
    eq(type(list[1].what), "string")
    leaked = nil
    l:close()
  end)
end)
