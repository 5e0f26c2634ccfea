describe("a group", function() assert.equal("at", "load") end)
