local counter = require("counter")

describe("apart", function()
  it("takes no heap", function()
    collectgarbage()
    local before = node.heap()
    local list = {}
    for i = 1, 20000 do list[i] = {i, tostring(i)} end
    collectgarbage()
    assert.are.equal(before, node.heap())
    assert.are.equal(0, sim.heap.growth(function() list[#list + 1] = {} end))
  end)

  it("takes no time", function()
    local before = tmr.now()
    local s = 0
    for i = 1, 100000 do s = s + i end
    assert.is_true(tmr.now() - before < 1000)
  end)

  it("is not among the app's globals", function()
    mine = 1
    for k in pairs(_G) do assert.is_not.equal("mine", k) end
    assert.is_nil(rawget(_G, "describe"))
    _G.theirs = 2
    assert.are.equal(2, theirs)
    _G.theirs = nil
  end)

  it("has helpers that are no part of the app", function()
    local helper = require("helper")
    assert.are.equal(20000, #helper.big)
    assert.are.equal(4, helper.twice(2))
    assert.are.equal(helper, require("helper"))
    assert.is_false(file.exists("helper.lua"))
  end)

  it("takes heap when the app holds it", function()
    local grown = sim.heap.growth(function() counter.list[#counter.list + 1] = ("x"):rep(100) .. #counter.list end, 8)
    assert.is_true(grown > 800)
    counter.list = {}
    assert.are.equal(0, sim.heap.growth(function()
      counter.keep({n = 1, nested = {2}})
      counter.keep(nil)
    end))
    local t = {n = 1}
    counter.keep(t)
    t.n = 2
    assert.are.equal(2, counter.kept.n)
    assert.are.same({n = 2}, t)
    assert.are.equal(t, counter.kept)
    counter.keep(nil)
  end)

  it("sees its functions called", function()
    local seen = {}
    counter.each(function(i, m) seen[i] = m.up(10) end)
    assert.are.same({10, 20, 30}, seen)
    local later
    counter.later(50, function() later = sim.now() end)
    local before = sim.now()
    sim.advance(100)
    assert.is_near(before + 50, later, 2)
  end)

  it("spies", function()
    local s = spy.on(counter, "up")
    counter.each(function(i, m) m.up(i) end)
    assert.spy(s).was.called(3)
    assert.spy(s).was.called_with(2)
    local st = stub(node, "heap", 7)
    assert.are.equal(7, node.heap())
    st:revert()
    assert.is_true(node.heap() > 1000)
  end)
end)

describe("a boot", function()
  it("is behind a reboot", function()
    local before = boots
    _G.gone = {}
    counter.n = 5
    sim.reboot()
    assert.are.equal(before + 1, boots)
    assert.is_nil(gone)
    assert.has_error(function() return counter.n end, "a value of the device before it was reset: get it anew")
    assert.has_error(function() counter.up() end, "a value of the device before it was reset: get it anew")
    counter = require("counter")
    assert.are.equal(0, counter.n)
    assert.are.equal(1, #sim.events{kind = "boot"})
  end)

  it("is behind a power cut, with what was flushed", function()
    local f = file.open("log", "w")
    f:write("kept")
    f:flush()
    f:write("lost")
    sim.power_cut()
    assert.are.equal("kept", file.getcontents("log"))
    assert.are.equal("power-on", sim.events{kind = "boot"}[1].reason)
    counter = require("counter")
    counter.later(10, function() counter.up() end)
    sim.advance(20)
    assert.are.equal(1, counter.n)
  end)

  it("is behind a cut in a write", function()
    file.putcontents("other", "whole")
    local written = {}
    for cut = 1, 6 do
      node.task.post(function() file.putcontents("torn", ("t"):rep(251)) end)
      sim.power_cut{write = cut, bytes = 100}
      assert.are.equal("whole", file.getcontents("other"))
      written[#written + 1] = tostring(file.exists("torn") and #(file.getcontents("torn") or ""))
      file.remove("torn")
    end
    -- Only the lookup; the file; the lookup of its page, the page's header, 100 bytes of what is
    -- in it; of the index, again, what is before the rest of the table.
    assert.are.equal("false 0 0 0 0 251", table.concat(written, " "))
  end)

  it("takes only writes that come", function()
    assert.has_error(function() sim.power_cut{write = 0} end, "sim.power_cut: write must be an integer from 1 to 1000000")
    assert.has_error(function() sim.power_cut{when = 1} end, "sim.power_cut knows no when: it takes write, bytes, timeout")
    sim.power_cut{write = 1, timeout = 100}
  end)

  it("may fail", function()
    file.putcontents("init.lua", "error('no more')")
    sim.reboot()
  end)

  it("goes on behind that", function() assert.is_true(boots >= 1) end)
end)

describe("what a test no longer has of the app's", function()
  local function object()
    local o = sjson.decode('{"list": [1, 2, 3, 4, 5, 6, 7, 8]}')
    _G.last = {o}
    return o
  end

  it("is no reason for memory to run out", function()
    for _ = 1, 400 do object() end
    for _ = 1, 400 do
      local o = object()
      o.on = function() return o end
    end
    _G.last = nil
  end)

  it("is garbage, also in circles", function()
    local function ring()
      local o = object()
      o.on = function() return o end
      _G.last = nil
    end
    assert.are.equal(0, sim.heap.growth(ring, 20))
    local function sockets()
      local s
      s = net.createConnection(net.TCP, 0)
      s:on("receive", function() return s end)
      s = nil -- or the socket holds itself, on a device as here
    end
    assert.are.equal(0, sim.heap.growth(sockets, 20))
  end)

  it("is let go of by collectgarbage", function()
    collectgarbage()
    local before = node.heap()
    for _ = 1, 20 do object() end
    _G.last = nil
    collectgarbage()
    assert.are.equal(before, node.heap())
    assert.has_error(function() collectgarbage("no") end, "bad argument #1 to 'collectgarbage' (invalid option 'no')")
  end)

  it("can be an error that is caught behind a reboot", function()
    local old = object()
    sim.reboot()
    local ok, err = pcall(function() error(old) end)
    assert.is_false(ok)
    assert.are.equal("table", type(err))
  end)
end)
