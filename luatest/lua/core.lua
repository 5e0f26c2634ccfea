-- What a file of tests is loaded with: its environment, how a coroutine of a test is run,
-- what a failed assertion is, and when two values are the same. The rest of the engine is
-- Go's (file.go).
local host = ...

local core = {host = host, show = host.show}

-- The environment of tests: names that they alone have, before the globals.
local env = setmetatable({sim = host.sim}, {__index = host.globals or _G})
core.env = env

-- load gives a file of tests its environment.
function core.load(fn) return setfenv(fn, env) end

-- What tests alone can require.
local provided = {}
function core.provide(name, value) provided[name] = value end

-- helper is a file beside the tests that is not on the device: it is theirs.
local function helper(file)
  local source = host.beside(file)
  if not source then return nil end
  local fn, err = loadstring(source, "@" .. file)
  if not fn then error(err, 0) end
  return core.load(fn)
end

function env.require(name)
  if provided[name] ~= nil then return provided[name] end
  local file = tostring(name)
  local fn = helper(file .. ".lua") or helper(file:gsub("%.", "/") .. ".lua")
  if not fn then return require(name) end
  local x = fn(name)
  provided[name] = x == nil or x
  return provided[name]
end

function env.dofile(file)
  local fn = helper(tostring(file))
  if fn then return fn() end
  return dofile(file)
end

-- where returns "file:line" of the innermost function that is not of this library.
function core.where()
  for level = 2, 60 do
    local _, text = pcall(error, "", level)
    if text ~= "" and text:sub(1, 1) ~= "(" then return (text:gsub(": $", "")) end
  end
  return ""
end

-- misuse is an error of who wrote the test, at the line where it is.
function core.misuse(message)
  local where = core.where()
  error(where == "" and message or where .. ": " .. message, 0)
end

-- A failed assertion is an error with this metatable. Whoever catches it by accident sees
-- its text.
local Failure = {shown = "message"}
function Failure.__tostring(f) return f.message end
core.Failure = Failure

-- fail ends the test with a failed assertion. The host is told at once: a program that
-- catches all errors does not make it good.
function core.fail(message, compared, expected, actual)
  local failure = setmetatable({message = message, compared = compared, expected = expected, actual = actual, where = core.where()}, Failure)
  host.failed(failure)
  error(failure, 0)
end

-- pending ends the test as one that is not ready.
function core.pending(why)
  host.pending(why)
  error(setmetatable({message = why, told = 0}, Failure), 0)
end

-- caught takes a failure back: the test itself has caught it.
local function caught(err)
  if host.is_failure(err) and err.told ~= 0 then
    if err.told then host.retract(err.told) end
    err.told = nil
  end
end

-- try is the pcall of tests. What it calls can wait, so it is a coroutine.
local function finish(co, ok, ...)
  if ok and coroutine.status(co) ~= "dead" then
    return finish(co, coroutine.resume(co, coroutine.yield(...)))
  end
  host.unnest(co)
  if not ok then caught((...)) end
  return ok, ...
end
function core.try(fn, ...)
  local co = coroutine.create(function(...) return fn(...) end)
  host.nest(co)
  return finish(co, coroutine.resume(co, ...))
end
env.pcall = core.try
function env.xpcall(fn, handler)
  return xpcall(fn, function(err)
    caught(err)
    return handler(err)
  end)
end

-- same reports whether two values are the same in depth, and if not, where they differ. A
-- table with the method `fits` (lua/match.lua) says itself what is the same as it.
function core.same(a, b, seen)
  if rawequal(a, b) then return true end
  local ma, mb = getmetatable(a), getmetatable(b)
  if type(ma) == "table" and ma.fits then return ma.fits(a, b), "" end
  if type(mb) == "table" and mb.fits then return mb.fits(b, a), "" end
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false, "" end
  seen = seen or {}
  if seen[a] == b then return true end
  seen[a] = b
  for k, x in next, a do
    local ok, at = core.same(x, rawget(b, k), seen)
    if not ok then
      if type(k) == "string" and k:find("^[%a_][%w_]*$") then return false, "." .. k .. at end
      return false, "[" .. host.show(k) .. "]" .. at
    end
  end
  for k in next, b do
    if rawget(a, k) == nil then return false, "[" .. host.show(k) .. "]" end
  end
  return true
end

-- step goes on with a coroutine and tells the host where it has come.
function core.step(co, ...)
  local ok, err = coroutine.resume(co, ...)
  if not ok then
    if not host.is_failure(err) then
      local known, mt = pcall(getmetatable, err) -- not of a table of the device before its reset
      host.broken(co, err, known and type(mt) == "table" and mt.__tostring and tostring(err) or nil)
    elseif not err.told then
      host.failed(err)
    end
    host.over(co)
  elseif coroutine.status(co) == "dead" then
    host.over(co)
  end
end

-- start begins a function as a coroutine.
function core.start(fn, ...)
  local co = coroutine.create(fn)
  host.begin(co)
  core.step(co, ...)
end

return core
