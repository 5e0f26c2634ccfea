describe("a group", function()
  it("is defined", function() end)
  describe("in a group", function()
    local config = nil
    print(config.missing)
  end)
end)
