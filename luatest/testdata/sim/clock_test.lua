local eq, raises = dofile("checks.lua")

-- sync is what sntp finds out: seconds, microseconds, server and info, or nil, a code and a text.
local function sync(servers)
  local done, result
  sntp.sync(servers, function(...) done, result = true, {...} end, function(code, text) done, result = true, {nil, code, text} end)
  sim.run_until(function() return done end, 60000)
  return unpack(result, 1, 4)
end
local function near(a, b)
  if math.abs(a - b) > 1 then error(("%d is not %d"):format(a, b), 2) end
end

describe("time of day", function()
  it("is nobody's before somebody says what it is", function()
    local sec, code = sync()
    eq(sec, nil)
    eq(code, 1)
  end)

  it("is the world's date", function()
    sim.date(1700000000)
    local sec, _, server, info = sync()
    near(sec, 1700000000)
    near(rtctime.get(), sim.date())
    eq(info.stratum, 1)
    sim.date(1800000000)
    near((sync{"de.pool.ntp.org"}), sim.date())
    near(sim.date(), 1800000000)
    near((sync("192.168.1.1")), sim.date())
    raises("a date in seconds since 1970", sim.date, -1)
    raises("a date in seconds since 1970", sim.date, 1e300)
  end)

  it("comes from a server of the test", function()
    local t = sim.time_server{offset = 3600, stratum = 3, leap = 1}
    local sec, _, server, info = sync{"0.pool.ntp.org"}
    near(sec, sim.date() + 3600)
    eq(server, (t:address()))
    eq(info.stratum, 3)
    eq(info.leap, 1)
    if t:requests() < 1 then error("no request") end
    t:set{offset = -0.5}
    local sec, usec = sync{server}
    local off = sim.date() - (sec + usec / 1e6)
    if off < -1 or off > 2 then error("off by " .. off) end
    raises("time_server:set knows no ip", t.set, t, {ip = "1.2.3.4"})
    raises("there is one at", sim.time_server)
  end)

  it("is the router's again when that has ended", function()
    local _, _, server = sync{"1.pool.ntp.org"}
    eq(server, "192.168.1.1")
  end)

  it("comes from the best of several", function()
    sim.time_server{ip = "far.example", stratum = 2}
    local t = sim.time_server{ip = "192.168.1.60"}
    local _, _, server = sync{"192.168.1.60", "far.example"}
    if server ~= "192.168.1.60" and server ~= "198.51.100.1" then error(server) end
    t:stop()
    t:stop()
    local _, _, server = sync{"192.168.1.60", "far.example"}
    eq(server, "198.51.100.1")
  end)

  it("does not come", function()
    local t = sim.time_server{ip = "ntp.example", silent = true}
    local sec, code = sync("ntp.example")
    eq(sec, nil)
    eq(code, 4)
    if t:requests() < 2 then error("not asked again") end
    t:set{silent = false, kiss = "DENY"}
    local before = t:requests()
    eq(select(2, sync("ntp.example")), 4)
    eq(t:requests(), before + 1) -- it heeds that
    t:set{kiss = "RATE"}
    eq(select(2, sync("ntp.example")), 4)
    t:set{kiss = ""}
    near((sync("ntp.example")), sim.date())
    t:set{leap = 3}
    eq(select(2, sync("ntp.example")), 4)
    raises("a code of up to four letters", t.set, t, {kiss = "LONGER"})
    raises("stratum must be an integer from 0 to 15", sim.time_server, {stratum = 16})
  end)
end)
