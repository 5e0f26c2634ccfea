-- 25 tests that need Lua and timers: they also run beside mocks of a device (mocks.lua).
local blinker, backoff, thermostat, csv = require("blinker"), require("backoff"), require("thermostat"), require("csv")

describe("blinker", function()
  for n = 1, 7 do
    it("blinks, " .. n .. " times", function()
      local levels, over = {}, false
      blinker.start(n, 200, function(level) levels[#levels + 1] = level end, function() over = true end)
      sim.advance(400 * n + 300)
      assert.are.equal(2 * n, #levels)
      assert.are.equal(1, levels[1])
      assert.are.equal(0, levels[#levels])
      assert.is_true(over)
    end)
  end
  it("can be stopped", function()
    local count = 0
    local stop = blinker.start(10, 300, function() count = count + 1 end)
    sim.advance(1000)
    stop()
    sim.advance(1500)
    assert.are.equal(3, count)
  end)
end)

describe("backoff", function()
  for n = 1, 5 do
    it("tries again, failures " .. n, function()
      local calls = {}
      backoff.run(function(tried)
        calls[#calls + 1] = tried
        return tried > n
      end, 100, 800)
      sim.advance(100 * 2 ^ n)
      assert.are.equal(n + 1, #calls)
      assert.are.same({1, 2}, {calls[1], calls[2]})
    end)
  end
  it("does not wait without a failure", function()
    local tried
    backoff.run(function(n) tried = n return true end, 100, 800)
    assert.are.equal(1, tried)
    sim.advance(2000)
    assert.are.equal(1, tried)
  end)
end)

describe("thermostat", function()
  for _, degrees in ipairs {5, 10, 15, 18} do
    it("heats up from " .. degrees, function()
      local now, heating, switched = degrees, false, 0
      local t = thermostat.new(19, 22, function()
        now = now + (heating and 1.5 or -0.25)
        return now
      end, function(on)
        heating = on
        switched = switched + 1
      end)
      sim.advance(600)
      assert.is_true(heating)
      assert.matches("on$", t.state())
      sim.advance(3400)
      t.stop()
      assert.is_false(heating)
      assert.is_true(switched >= 2)
      assert.is_true(now >= 19)
    end)
  end
  it("leaves it cold where it is warm", function()
    local heated = false
    local t = thermostat.new(19, 22, function() return 25 end, function() heated = true end)
    sim.advance(3000)
    t.stop()
    assert.is_false(heated)
    assert.are.equal("25.0 off", t.state())
  end)
end)

describe("csv", function()
  for i, row in ipairs {{"a", "b"}, {"a,b", ""}, {'say "hi"', "x"}, {'"', '""', ","}, {"1", "2", "3", "4"}} do
    it("comes back, row " .. i, function()
      local lines = {}
      blinker.start(4, 250, function() lines[#lines + 1] = csv.line(row) end)
      sim.advance(2100)
      assert.are.equal(8, #lines)
      for _, line in ipairs(lines) do assert.are.same(row, csv.row(line)) end
    end)
  end
  it("writes numbers", function() assert.are.equal("1,2", csv.line({1, 2})) end)
end)
