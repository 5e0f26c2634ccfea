local function raises(text, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("no error", 2) end
  if not tostring(err):find(text, 1, true) then error("the error is " .. tostring(err), 2) end
end

it("says what is not there", function()
  raises("sim has no reboot", sim.reboot)
  raises("sim has no power_cut", sim.power_cut)
  raises("sim has no foo", function() sim.foo() end)
  raises("only a test itself can wait", coroutine.wrap(function() sim.advance(1) end))
end)
