it("reads a table", function()
  local rows = dofile("table.lua")
  assert(#rows == 300)
end)

it("holds some", function()
  _G.kept = ("x"):rep(9000)
end)

it("holds little", function() end)

pending("is not ready")

it("fails anyway", function()
  assert(false, "no such luck")
end)
