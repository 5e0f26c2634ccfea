-- assert as Lua people know it from luassert: a function, and a table of assertions whose
-- names are put together: assert.is_true, assert.has.no.errors, assert.are_not.equal.
local core = ...
local host, env, show = core.host, core.env, core.show

local formatters = {}

-- text is one or more values for people.
local function text(...)
  if #formatters == 0 or select("#", ...) ~= 1 then return show(...) end
  for i = #formatters, 1, -1 do
    local s = formatters[i]((...))
    if s ~= nil then return s end
  end
  return show(...)
end
core.text = text

-- An assertion is a table with
--   n       how many arguments it takes; behind them comes the tester's own message,
--   least   how many it needs (default n),
--   test    test(chain, ...): does it hold, then what the caller gets of it, or where not,
--   say     say(chain, result, ...): what was expected, and what is, as texts,
--   fails   what to say when it does not hold, and
--   holds   what when it does and should not.
local assertions = {}
core.assertions = assertions

function core.define(names, assertion)
  for name in names:gmatch("%S+") do assertions[name] = assertion end
end

local filler = {is = true, are = true, was = true, were = true, has = true, have = true, does = true, be = true, a = true, an = true}

-- resolve finds the assertion that a chain of words names, the longest name first.
local function resolve(chain)
  local words, negated, found, name = {}, false, nil, nil
  for w in chain.words:gmatch("[^_]+") do words[#words + 1] = w end
  local i = 1
  while i <= #words do
    local j = #words
    while j >= i and not assertions[table.concat(words, "_", i, j)] do j = j - 1 end
    if j >= i and not found then
      name = table.concat(words, "_", i, j)
      found, i = assertions[name], j
    elseif words[i] == "not" or words[i] == "no" then
      negated = not negated
    elseif found or not filler[words[i]] then
      found = nil
      break
    end
    i = i + 1
  end
  if not found then core.misuse("there is no assertion " .. table.concat(words, ".")) end
  return found, name, negated
end
core.resolve = resolve

local function message(own, what)
  if own == nil then return what end
  if type(own) ~= "string" then own = type(own) == "function" and own() or show(own) end
  return own .. "\n" .. what
end

local function judge(chain, assertion, negated, args, ok, result, ...)
  local n, own = assertion.n, args[assertion.n + 1]
  if assertion.own then own = assertion.own(args) end
  if (not ok) == negated then
    host.held()
    if type(result) == "table" then return unpack(result, 1, result.n or #result) end
    return unpack(args, 1, args.n)
  end
  local what = negated and assertion.holds or assertion.fails
  if type(what) == "function" then what = what(chain, args, result) end
  local expected, actual
  if assertion.say then
    expected, actual = assertion.say(chain, result, unpack(args, 1, args.n))
  elseif n == 2 then
    expected, actual = show(args[1], args[2])
    if #formatters > 0 then expected, actual = text(args[1]), text(args[2]) end
  end
  if negated and expected then expected = "not " .. expected end
  if type(result) == "string" and result ~= "" and not negated then what = what .. " (" .. result .. ")" end
  core.fail(message(own or rawget(chain, "own"), what), expected ~= nil, expected, actual)
end

local Chain = {}

function Chain.__index(chain, key)
  if type(key) ~= "string" then return nil end
  return setmetatable({words = rawget(chain, "words") .. "_" .. key:lower(), subject = rawget(chain, "subject"), own = rawget(chain, "own")}, Chain)
end

function Chain.__call(chain, ...)
  local assertion, name, negated = resolve(chain)
  local args = {n = select("#", ...), ...}
  local least = assertion.least or assertion.n
  if args.n < least then
    core.misuse("assert." .. name .. " wants " .. least .. (least == 1 and " argument" or " arguments") .. ", and has " .. args.n)
  end
  rawset(chain, "name", name)
  return judge(chain, assertion, negated, args, assertion.test(chain, ...))
end

-- A chain can be about something: assert.spy(s), assert.message(m).
function core.chain(fields)
  fields.words = fields.words or ""
  return setmetatable(fields, Chain)
end

local root = {words = ""}
env.assert = setmetatable(root, {
  __index = Chain.__index,
  __call = function(_, ok, ...)
    if ok then
      host.held()
      return ok, ...
    end
    local own = ...
    if own == nil then own = "assertion failed!" end
    core.fail(type(own) == "string" and own or text(own))
  end,
})
core.assert = env.assert
core.provide("luassert", env.assert)

function root.message(own) return core.chain{own = own} end

core.define("equal equals", {n = 2, fails = "not equal", holds = "equal", test = function(_, a, b) return a == b end})

core.define("same", {n = 2, fails = "not the same", holds = "the same", test = function(_, a, b)
  local ok, at = core.same(a, b)
  return ok, not ok and at ~= "" and "at " .. at or nil
end})

-- Those of a single value have the same table: their name says what is asked.
local kinds = {truthy = "truthy", falsy = "falsy", ["true"] = "true", ["false"] = "false", ["nil"] = "nil"}
local function kind(chain) return kinds[rawget(chain, "name")] or "a " .. rawget(chain, "name") end
core.define("true false truthy falsy nil boolean number string table function userdata thread", {n = 1, holds = kind,
  fails = function(chain) return "not " .. kind(chain) end,
  test = function(chain, x)
    local name = rawget(chain, "name")
    if name == "truthy" then return x end
    if name == "falsy" then return not x end
    if name == "true" or name == "false" then return x == (name == "true") end
    return type(x) == name
  end,
  say = function(chain, _, x) return kind(chain), text(x) end})

-- Messages of their own of the assertions with a pattern and of error: behind the last
-- argument that is one.
local function behindPattern(args)
  if type(args[3]) == "string" then return args[3] end
  return args[5]
end

local function matching(s, pattern, init, plain)
  if type(init) == "string" then init = nil end
  local found = {n = 0}
  local function take(from, _, ...)
    if from then found = {n = select("#", ...), ...} end
    return from
  end
  return take(s:find(pattern, init, plain)) ~= nil, found
end

core.define("match matches", {n = 2, fails = "does not match", holds = "matches", own = behindPattern,
  test = function(_, pattern, s, ...)
    if type(pattern) ~= "string" then core.misuse("assert.matches wants a pattern and a string") end
    if type(s) == "number" then s = tostring(s) end
    if type(s) ~= "string" then return false end
    local ok, found = matching(s, pattern, ...)
    if not ok or found.n == 0 then return ok end
    return ok, found
  end,
  say = function(_, _, pattern, s) return "text with " .. show(pattern), text(s) end})

-- What an error says, without its place.
local function saying(err)
  if type(err) == "string" then return (err:gsub("^[^\n]-:%d+: ", "", 1)) end
  local mt = getmetatable(err)
  if type(mt) == "table" and mt.__tostring then return tostring(err) end
  return err
end

core.define("error errors", {n = 2, least = 1, holds = "an error",
  fails = function(_, _, result) return result.ok and "no error" or "another error" end,
  test = function(_, fn, expected)
    local ok, err = core.try(fn)
    local right = not ok
    if right and expected ~= nil then
      right = core.same(expected, err) or type(expected) == "string" and expected == saying(err)
    end
    return right, {n = 1, err, ok = ok}
  end,
  say = function(_, result, _, expected)
    return expected == nil and "an error" or show(expected), result.ok and "no error" or show(result[1])
  end})

core.define("error_match error_matches errors_match errors_matches", {n = 2, holds = "such an error", own = behindPattern,
  fails = function(_, _, result) return result.ok and "no error" or "another error" end,
  test = function(_, fn, pattern, ...)
    local ok, err = core.try(fn)
    local said = saying(err)
    local right = not ok and type(said) == "string"
      and (matching(said, pattern, ...) or type(err) == "string" and matching(err, pattern, ...))
    return right, {n = 1, err, ok = ok}
  end,
  say = function(_, result, _, pattern)
    return "an error with " .. show(pattern), result.ok and "no error" or show(result[1])
  end})

function root:add_formatter(fn) formatters[#formatters + 1] = fn end
function root:remove_formatter(fn)
  for i = #formatters, 1, -1 do if formatters[i] == fn then table.remove(formatters, i) end end
end

-- changes are what spies have put in the place of functions: each has revert().
core.changes = {}

-- snapshot notes the state: revert() puts back what spies and formatters have changed since.
function root:snapshot()
  local n, m = #core.changes, #formatters
  return {revert = function()
    for i = #core.changes, n + 1, -1 do core.changes[i]:revert() end
    while #formatters > m do table.remove(formatters) end
  end}
end
