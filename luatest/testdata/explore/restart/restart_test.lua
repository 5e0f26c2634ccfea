it("is updated", function()
  assert(file.exists("init.lua"))
end)
