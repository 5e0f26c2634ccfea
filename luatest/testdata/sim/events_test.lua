local function eq(a, b)
  if a ~= b then error(("%s is not %s"):format(tostring(a), tostring(b)), 2) end
end
local function raises(text, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("no error", 2) end
  if not tostring(err):find(text, 1, true) then error("the error is " .. tostring(err), 2) end
end

describe("events", function()
  it("are there", function()
    local c = sim.connect(7)
    c:send("x"):expect("echo x")
    local list = sim.events{kind = "socket"}
    eq(#list > 0, true)
    eq(list[1].kind, "socket")
    eq(type(list[1].state), "string")
    eq(type(list[1].time), "number")
    eq(#sim.events{kind = "socket", state = "no such"}, 0)
    sim.events.clear()
    eq(#sim.events{kind = "socket"}, 0)
    raises("knows no kind \"x\"", sim.events, {kind = "x"})
    raises("sim.events takes fields", sim.events, {{}})
    c:reset()
  end)
end)
