-- What a file of tests is loaded with: its environment, the list of its tests, and how a
-- coroutine of one is run. The rest of the engine is Go's (file.go).
local host = ...

local core = {}

-- The environment of tests: names that they alone have, before the globals.
core.env = setmetatable({}, {__index = _G})

-- A failed assertion is an error with this metatable. Whoever catches it by accident sees
-- its text.
local Failure = {__tostring = function(f) return f.message end}
core.Failure = Failure

-- where returns "file:line" of the innermost function that is not of this library.
function core.where()
  for level = 2, 60 do
    local _, text = pcall(error, "", level)
    if text ~= "" and text:sub(1, 1) ~= "(" then return (text:gsub(": $", "")) end
  end
  return ""
end

-- fail ends the test with a failed assertion, at the first place outside of this library.
function core.fail(message, compared, expected, actual)
  local failure = setmetatable({message = message, compared = compared, expected = expected, actual = actual, where = core.where()}, Failure)
  host.failed(failure.message, failure.where, compared and true or false, expected, actual)
  failure.told = true
  error(failure, 0)
end

-- load gives a file of tests its environment.
function core.load(fn)
  setfenv(fn, core.env)
  return fn
end

-- A global that a library of tests is required by.
local required = {}
function core.provide(name, value) required[name] = value end
function core.env.require(name)
  if required[name] ~= nil then return required[name] end
  return require(name)
end

core.host = host
core.env.sim = host.sim

-- step goes on with a coroutine and tells the host where it has come.
function core.step(co, ...)
  local ok, err = coroutine.resume(co, ...)
  if not ok then
    if getmetatable(err) ~= Failure or not err.told then host.broken(co, err) end
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
