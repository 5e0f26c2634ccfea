-- Assertions that fewer files have: numbers that are near, lists, snapshots, the tester's own.
local core = ...
local host, show, text = core.host, core.show, core.text
local root, assertions = core.assert, core.assertions

core.define("near", {n = 3, fails = "not near", holds = "near",
  test = function(_, a, b, by)
    a, b, by = tonumber(a), tonumber(b), tonumber(by)
    if not (a and b and by) then core.misuse("assert.near wants three numbers") end
    return b >= a - by and b <= a + by
  end,
  say = function(_, _, a, b, by) return show(a) .. " ± " .. show(by), show(b) end})

core.define("unique", {n = 1, fails = "a value comes twice", holds = "no value comes twice",
  own = function(args) if type(args[2]) == "boolean" then return args[3] end return args[2] end,
  test = function(_, list, deep)
    for k, x in pairs(list) do
      for l, y in pairs(list) do
        if k ~= l and (x == y or deep == true and core.same(x, y)) then
          return false, "at [" .. show(k) .. "] and [" .. show(l) .. "]"
        end
      end
    end
    return true
  end,
  say = function(_, _, list) return "values that differ", text(list) end})

core.define("returned_arguments", {n = 2, fails = "another number of results", holds = "this number of results",
  test = function(_, n, fn)
    local got = select("#", fn())
    return got == n, {n = 1, got}
  end,
  say = function(_, result, n) return n .. " results", result[1] .. " results" end})

core.define("matches_snapshot match_snapshot", {n = 2, least = 1, holds = "as the snapshot",
  fails = function(_, _, result) return result.problem end,
  test = function(_, value, name)
    local ok, want, got, problem = host.snapshot(name, value)
    return ok, {n = 0, want = want, got = got, problem = problem}
  end,
  say = function(_, result) return result.want, result.got end})

-- say has the texts of assertions that testers register.
local texts = {}
local say = setmetatable({}, {__call = function(_, key, args)
  local s = texts[key] or key
  local i = 0
  return (s:gsub("%%(.)", function(c)
    if c == "%" then return "%" end
    i = i + 1
    return tostring(args and args[i])
  end))
end})
function say:set(key, s) texts[key] = s end
function say:set_namespace() end
core.provide("say", say)

-- register takes a tester's own: an assertion is fn(state, arguments), which says whether it
-- holds, with the names of two texts of say.
function root:register(kind, name, fn, positive, negative)
  if kind == "matcher" then return core.matcher(name:lower(), fn) end
  if kind ~= "assertion" then core.misuse("assertions and matchers can be registered, not " .. tostring(kind)) end
  local function saying(key, default)
    return function(_, args, state)
      if state.failure_message then return state.failure_message end
      if not key then return name .. default end
      local shown = {}
      for i = 1, args.n do shown[i] = text(args[i]) end
      return say(key, shown)
    end
  end
  assertions[name:lower()] = {n = 0, own = function() end, fails = saying(positive, " does not hold"), holds = saying(negative, " holds"),
    test = function(chain, ...)
      local state = {mod = true, n = select("#", ...), ...}
      state.payload = rawget(chain, "subject")
      return fn(state, {n = select("#", ...), ...}, 1), state
    end}
end
function root:unregister(_, name) assertions[name:lower()] = nil end
