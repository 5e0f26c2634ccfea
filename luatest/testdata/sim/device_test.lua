local function eq(a, b)
  if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end
end
local function raises(text, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("no error", 2) end
  if not tostring(err):find(text, 1, true) then error("the error is " .. tostring(err), 2) end
end

describe("further devices", function()
  it("talk", function()
    local d = sim.device{dir = "other"}
    d:expect("other is up")
    d:type("print(1+1)\n")
    d:expect("2\n")
    eq(d:name(), "other")
    sim.run_until(function() return d:address() end, 20000)
    local got
    local s = net.createConnection()
    s:on("receive", function(_, text) got = text end)
    s:connect(9, d:address())
    sim.run_until(function() return got end)
    eq(got, "from the other\n")
    d:reset()
    d:expect("other is up")
    eq(d:output():find("other is up", 1, true) ~= nil, true)
    raises("dir must be", sim.device, {})
    raises("sim.device", sim.device, {dir = "no such"})
  end)
end)
