-- Tests as Lua people know them from busted: describe, it, before_each, and assert.
local core = ...
local host, env = core.host, core.env

local group = 0 -- the one that is being described

local function place() return core.where() end

local function describe(name, fn)
  local outer = group
  group = host.group(outer, tostring(name))
  local ok, err = pcall(fn)
  group = outer
  if not ok then error(err, 0) end
end
env.describe, env.context, env.insulate, env.expose = describe, describe, describe, describe

local function it(name, fn) host.test(group, tostring(name), place(), fn) end
env.it, env.spec, env.test = it, it, it

function env.pending(name, why) host.test(group, tostring(name), place(), nil, type(why) == "string" and why or "") end

local function hook(kind)
  return function(fn) host.hook(group, kind, fn) end
end
env.before_each, env.after_each = hook("before_each"), hook("after_each")
env.setup, env.lazy_setup, env.strict_setup = hook("setup"), hook("setup"), hook("setup")
env.teardown, env.lazy_teardown, env.strict_teardown = hook("teardown"), hook("teardown"), hook("teardown")

return core
