-- Names of tests are in an environment of their own.
it("leaves the app's globals alone", function()
  local names = {}
  for k in pairs(_G) do names[#names + 1] = tostring(k) end
  table.sort(names)
  assert.same(GLOBALS, names)
end)
stray = "of the test"
it("has globals of its own", function()
  assert.equal("of the test", stray)
  assert.is_nil(_G.stray)
  assert.is_nil(rawget(_G, "describe"))
  assert.are_not.equal(assert, _G.assert)
  assert.equal(require("lamp"), package.loaded.lamp)
  assert.equal(_G, getfenv(require("lamp").switch))
end)
describe("insulated", function()
  insulate(function()
    it("changes globals and modules", function()
      _G.leak = 1
      package.loaded.lamp = {fake = true}
      assert.is_true(require("lamp").fake)
    end)
  end)
  it("finds none of it later", function()
    assert.is_nil(_G.leak)
    assert.is_nil(require("lamp").fake)
  end)
end)
