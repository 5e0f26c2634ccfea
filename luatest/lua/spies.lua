-- spy, stub and mock: functions that note how they are called, instead of others or before
-- them. What stood in a table is back behind the test that changed it.
local core = ...
local host, env = core.host, core.env

local function copy(x, seen)
  if type(x) ~= "table" or getmetatable(x) ~= nil then return x end
  if seen[x] then return seen[x] end
  local c = {}
  seen[x] = c
  for k, y in next, x do c[copy(k, seen)] = copy(y, seen) end
  return c
end

local Spy = {as_function = true}
local methods = {}

function Spy.__index(s, key)
  if key == "callback" then -- for functions of the firmware, which take nothing but functions
    return function(...) return s(...) end
  end
  return methods[key]
end

local function returned(s, ...)
  s.returnvals[#s.returnvals + 1] = {n = select("#", ...), vals = {...}}
  return ...
end

function Spy.__call(s, ...)
  local n = select("#", ...)
  s.calls[#s.calls + 1] = {n = n, refs = {...}, vals = copy({...}, {})}
  return returned(s, s.target(...))
end

function methods:clear()
  self.calls, self.returnvals = {}, {}
  return self
end

-- revert puts back what the spy stands in the place of.
function methods:revert()
  if self.back then
    self.back()
    self.back = nil
    for i = #core.changes, 1, -1 do
      if core.changes[i] == self then table.remove(core.changes, i) end
    end
  end
  return self.original
end

local function fits(expected, n, got)
  if expected.n ~= n then return false end
  for i = 1, n do
    if not core.same(expected[i], got[i]) then return false end
  end
  return true
end

function methods:called_with(...)
  local expected = {n = select("#", ...), ...}
  for i = 1, #self.calls do
    local c = self.calls[i]
    if fits(expected, c.n, c.vals) or fits(expected, c.n, c.refs) then return true end
  end
  return false
end
function methods:returned_with(...)
  local expected = {n = select("#", ...), ...}
  for i = 1, #self.returnvals do
    if fits(expected, self.returnvals[i].n, self.returnvals[i].vals) then return true end
  end
  return false
end
function methods:called(times) return times == nil and #self.calls > 0 or times == #self.calls, #self.calls end

local spy, stub = {}, {}

local function isSpy(x) return type(x) == "table" and getmetatable(x) == Spy end
spy.is_spy = isSpy

function spy.new(fn)
  fn = fn or function() end
  if type(fn) ~= "function" and not isSpy(fn) then core.misuse("a spy is made of a function") end
  return setmetatable({calls = {}, returnvals = {}, target = fn, original = fn}, Spy)
end

-- path finds a table of the firmware's: the names that lead to it.
local function path(t)
  local rom = (getmetatable(_G) or {}).__index
  if type(rom) ~= "table" then return end
  for name, x in pairs(rom) do
    if x == t then return {name} end
  end
  for name, x in pairs(rom) do
    if type(x) == "table" and x ~= rom then -- ROM has all of them again
      for inner, y in pairs(x) do
        if y == t then return {name, inner} end
      end
    end
  end
end

-- shadow makes a table of the firmware's that can be written, as programs see it from now on:
-- modules lie in flash, so a global table of the same name is put before them.
local function shadow(t)
  local names = path(t)
  if not names then core.misuse("this table can't be written, and is no module of the firmware's") end
  local top = names[1]
  local before = rawget(_G, top)
  local at = before
  if before == nil then
    at = setmetatable({}, {__index = _G[top]})
    rawset(_G, top, at)
  end
  local function back() if before == nil then rawset(_G, top, nil) end end
  if #names == 2 then
    local inner = rawget(at, names[2])
    if inner == nil then
      inner = setmetatable({}, {__index = t})
      rawset(at, names[2], inner)
    end
    at = inner
  end
  return at, back
end

-- replace puts a spy into a table.
local function replace(t, key, s)
  local own = rawget(t, key)
  local back = function() rawset(t, key, own) end
  if not pcall(rawset, t, key, s) or rawget(t, key) ~= s then
    local at, gone = shadow(t)
    local before = rawget(at, key)
    rawset(at, key, s)
    back = function()
      rawset(at, key, before)
      gone()
    end
  end
  s.back = back
  core.changes[#core.changes + 1] = s
  host.later(function() s:revert() end)
  return s
end

function spy.on(t, key)
  if type(t) ~= "table" or type(t[key]) ~= "function" and not isSpy(t[key]) then
    core.misuse("there is no function " .. tostring(key) .. " to spy on")
  end
  return replace(t, key, spy.new(t[key]))
end

-- A stub answers instead of the function: nothing, or what it is told to.
local function answers(s, set)
  return {
    returns = function(...)
      local n, list = select("#", ...), {...}
      set(function() return unpack(list, 1, n) end)
      return s
    end,
    invokes = function(fn)
      set(fn)
      return s
    end,
  }
end

local function stubbed(s, ...)
  local default = function() end
  local cases = {}
  s.target = function(...)
    for i = #cases, 1, -1 do
      if fits(cases[i].args, select("#", ...), {...}) then return cases[i].fn(...) end
    end
    return default(...)
  end
  s.by_default = answers(s, function(fn) default = fn end)
  s.returns, s.invokes = s.by_default.returns, s.by_default.invokes
  function s.on_call_with(...)
    local case = {args = {n = select("#", ...), ...}}
    return answers(s, function(fn)
      case.fn = fn
      cases[#cases + 1] = case
    end)
  end
  local first = ...
  if type(first) == "function" and select("#", ...) == 1 then
    default = first
  elseif select("#", ...) > 0 then
    s.returns(...)
  end
  return s
end

function stub.new(t, key, ...)
  if t == nil then return stubbed(spy.new()) end
  if type(t) ~= "table" or key == nil then core.misuse("stub wants a table and the name of a function") end
  local s = spy.new(type(t[key]) == "function" and t[key] or nil)
  return stubbed(replace(t, key, s), ...)
end

-- mock puts spies, or stubs, in the place of all functions of a table and of those in it.
local function mock(t, stubs, seen)
  if type(t) == "function" then return stubs and stubbed(spy.new(t)) or spy.new(t) end
  seen = seen or {}
  if type(t) ~= "table" or isSpy(t) or seen[t] then return t end
  seen[t] = true
  for key, x in pairs(t) do
    if type(x) == "function" then
      if stubs then stub.new(t, key) else spy.on(t, key) end
    elseif type(x) == "table" then
      mock(t[key], stubs, seen)
    end
  end
  return t
end

local function each(t, method, seen)
  seen = seen or {}
  if seen[t] then return t end
  seen[t] = true
  for _, x in next, t do
    if isSpy(x) then x[method](x) elseif type(x) == "table" then each(x, method, seen) end
  end
  return t
end

env.spy = setmetatable(spy, {__call = function(_, fn) return spy.new(fn) end})
env.stub = setmetatable(stub, {__call = function(_, ...) return stub.new(...) end})
env.mock = setmetatable({
  clear = function(t) return each(t, "clear") end,
  revert = function(t) return each(t, "revert") end,
}, {__call = function(_, t, stubs) return mock(t, stubs) end})
core.provide("luassert.spy", env.spy)
core.provide("luassert.stub", env.stub)
core.provide("luassert.mock", env.mock)

-- assert.spy(s).was.called()
local function about(s)
  if not isSpy(s) then core.misuse("assert.spy wants a spy") end
  return core.chain{subject = s}
end
rawset(core.assert, "spy", about)
rawset(core.assert, "stub", about)

local function subject(chain)
  local s = rawget(chain, "subject")
  if not isSpy(s) then core.misuse("this is asserted of a spy: assert.spy(s).was.called()") end
  return s
end

local function times(n) return n == 1 and "1 call" or n .. " calls" end

local function counted(names, words, holds)
  core.define(names, {n = 1, least = words and 1 or 0, fails = function(_, args) return args.n == 0 and "not called" or "another number of calls" end,
    holds = function(_, args) return args.n == 0 and "called" or "this number of calls" end,
    test = function(chain, n)
      if words and type(n) ~= "number" then core.misuse("a number of calls is wanted") end
      return holds(#subject(chain).calls, n), {n = 0}
    end,
    say = function(chain, _, n) return (words or "") .. (n and times(n) or "a call"), times(#subject(chain).calls) end})
end
counted("called", nil, function(got, n) return n == nil and got > 0 or got == n end)
counted("called_at_least", "at least ", function(got, n) return got >= n end)
counted("called_at_most", "at most ", function(got, n) return got <= n end)
counted("called_more_than", "more than ", function(got, n) return got > n end)
counted("called_less_than", "fewer than ", function(got, n) return got < n end)

-- list writes what a spy was called with, a line each.
local function list(entries, n)
  if n == 0 then return "no calls" end
  local lines = {}
  for i = math.max(1, n - 9), n do
    local shown = {}
    for j = 1, entries[i].n do shown[j] = core.show(entries[i].vals[j]) end
    lines[#lines + 1] = "(" .. table.concat(shown, ", ") .. ")"
  end
  return table.concat(lines, "\n")
end

local function compared(names, method, field, fails, holds)
  core.define(names, {n = 0, own = function() end, fails = fails, holds = holds,
    test = function(chain, ...) return methods[method](subject(chain), ...), {n = 0} end,
    say = function(chain, _, ...)
      local entries = subject(chain)[field]
      return list({{n = select("#", ...), vals = {...}}}, 1), list(entries, #entries)
    end})
end
compared("called_with", "called_with", "calls", "not called like this", "called like this")
compared("returned_with", "returned_with", "returnvals", "has not returned this", "has returned this")
