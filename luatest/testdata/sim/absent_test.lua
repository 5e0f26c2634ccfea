local _, raises = dofile("checks.lua")

it("says what is not there", function()
  raises("sim has no foo", function() sim.foo() end)
  raises("only a test itself can wait", coroutine.wrap(function() sim.advance(1) end))
end)
