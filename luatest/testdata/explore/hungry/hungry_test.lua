it("reads a table", function()
  local rows = dofile("table.lua")
  assert(#rows == 100)
end)

it("holds little", function() end)

pending("is not ready")

it("fails anyway", function()
  assert(false, "no such luck")
end)
