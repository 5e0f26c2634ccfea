local settings = require("settings")

it("saves what it did not have", function()
  assert.equal("old", settings.load())
  settings.save("new")
end)

it("has settings", function()
  assert.is_string(settings.load())
  settings.save("new")
  assert.equal("new", settings.load())
end)
