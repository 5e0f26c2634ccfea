-- Tests as Lua people know them from busted: describe, it, before_each and their kin.
local core = ...
local host, env = core.host, core.env

local group = 0 -- the one that is being described

local function defining(what, name)
  if not host.loading() then
    core.misuse(what .. " within a test that runs: tests are defined while the file is loaded")
  end
  if type(name) ~= "string" then core.misuse(what .. " wants a name and a function") end
end

local function add(what, name, fn, why)
  defining(what, name)
  if fn ~= nil and type(fn) ~= "function" then core.misuse(what .. " wants a name and a function") end
  host.test(group, name, core.where(), fn, why)
end

local function describe(name, fn)
  if fn == nil then return add("describe", name) end
  defining("describe", name)
  local outer = group
  group = host.group(outer, name)
  fn()
  group = outer
end
env.describe, env.context, env.expose = describe, describe, describe

local function it(name, fn) add("it", name, fn) end
env.it, env.spec, env.test = it, it, it

-- pending defines a test that is not ready; within a test that runs, it says that of it.
function env.pending(name, why)
  if not host.loading() then core.pending(tostring(name or "")) end
  add("pending", name, nil, type(why) == "string" and why or "")
end

local function hook(kind)
  return function(fn)
    defining(kind, kind)
    if type(fn) ~= "function" then core.misuse(kind .. " wants a function") end
    host.hook(group, kind, fn)
  end
end
env.before_each, env.after_each = hook("before_each"), hook("after_each")
env.setup, env.teardown = hook("setup"), hook("teardown")
env.lazy_setup, env.strict_setup = env.setup, env.setup
env.lazy_teardown, env.strict_teardown = env.teardown, env.teardown

-- finally is called behind the test, whatever becomes of it.
function env.finally(fn)
  if host.loading() then core.misuse("finally belongs into a test") end
  host.finally(fn)
end

-- insulate is a describe behind which globals and loaded modules are as before it.
function env.insulate(name, fn)
  if type(name) == "function" then name, fn = "insulate", name end
  describe(name, function()
    local globals, loaded
    local function copy(t)
      local c = {}
      for k, x in next, t do c[k] = x end
      return c
    end
    local function back(t, c)
      for k in next, t do if c[k] == nil then t[k] = nil end end
      for k, x in next, c do t[k] = x end
    end
    env.setup(function() globals, loaded = copy(_G), copy(package.loaded) end)
    fn()
    env.teardown(function()
      back(_G, globals)
      back(package.loaded, loaded)
    end)
  end)
end

core.provide("busted", env)
core.provide("busted.runner", function() end)
