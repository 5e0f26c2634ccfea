-- The firmware's own style of tests (fw: tests/NTest/NTest.md), written anew.
local core = ...
local host, env = core.host, core.env

local function new(run)
  local tests = {}
  local group = host.group(0, tostring(run))
  local function add(name, fn) host.test(group, tostring(name), core.where(), fn) end
  tests.test = add
  return tests
end
core.provide("NTest", new)

return core
