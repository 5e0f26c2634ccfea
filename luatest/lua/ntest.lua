-- The firmware's own style of tests (fw: tests/NTest/NTest.md), written anew.
local core = ...
local host, env, show = core.host, core.env, core.show

-- What eq returns of values that differ, for ok and nok.
local Different = {}

local function eq(a, b)
  local ok, at = core.same(a, b)
  if ok then return true end
  local actual, expected = show(a, b)
  local msg = actual .. " is not " .. expected
  if type(a) ~= type(b) then
    msg = "a " .. type(a) .. " is not a " .. type(b)
  elseif at ~= "" then
    msg = "they differ at " .. at
  end
  return setmetatable({msg = msg, actual = actual, expected = expected}, Different)
end

local said -- what the last failed assertion says, for the report

local function failed(msg, why, compared, expected, actual)
  said = msg or core.where()
  if why then said = said .. "\n" .. why end
  core.fail(not msg and why or said, compared, expected, actual)
end

local function differs(cond) return type(cond) == "table" and getmetatable(cond) == Different end

local function ok(cond, msg)
  if differs(cond) then failed(msg, cond.msg, true, cond.expected, cond.actual) end
  if not cond then failed(msg, not msg and "the condition is " .. show(cond) or nil) end
  host.held()
end

local function nok(cond, msg)
  if cond and not differs(cond) then failed(msg, not msg and "the condition is " .. show(cond) or nil) end
  host.held()
end

local function fail(fn, expected, msg)
  local fine, err = core.try(fn)
  if fine then
    failed(msg, "expected an error" .. (expected and " with " .. show(expected) or ""))
  end
  if expected and not tostring(err):find(expected, 1, true) then
    failed(msg, "expected errormessage " .. show(tostring(err)) .. " to contain " .. show(expected))
  end
  host.held()
end

local function collect(s, fine, ...)
  if fine then return ... end
  s.errors[#s.called] = (...)
end

local function spy(fn)
  return setmetatable({called = {}, errors = {}}, {__call = function(s, ...)
    s.called[#s.called + 1] = {...}
    if fn then return collect(s, pcall(fn, ...)) end
  end})
end

local helpers = {ok = ok, nok = nok, eq = eq, fail = fail, spy = spy}

local events = {passed = "pass", failed = "fail", broken = "except"}

local function new(run)
  run = tostring(run)
  local handler
  local into = env -- where the helpers are while a test runs
  local running -- the name of the test that does
  local kept

  local function report(event, name, msg)
    if handler then handler(event, name, msg) end
  end

  local group = host.group(0, run)
  host.hook(group, "setup", function() report("start", run) end)
  host.hook(group, "teardown", function() report("finish", run) end)
  host.hook(group, "before_each", function()
    kept, said = {}, nil
    for name, fn in pairs(helpers) do
      kept[name] = rawget(into, name)
      rawset(into, name, fn)
    end
  end)
  host.hook(group, "after_each", function()
    for name in pairs(helpers) do rawset(into, name, kept[name]) end
    local status, message = host.status()
    if events[status] then report(events[status], running, status ~= "passed" and (said or message) or nil) end
    report("end", running)
  end)

  local function add(name, fn)
    if not host.loading() then core.misuse("a test is defined within a test that runs: tests are defined while the file is loaded") end
    name = tostring(name)
    host.test(group, name, core.where(), function()
      running = name
      report("begin", name)
      return fn()
    end)
  end

  local tests = {}

  function tests.test(name, fn) add(name, fn) end

  function tests.testasync(name, fn)
    add(name, function()
      local co, finished, waiting = coroutine.running(), false, false
      fn(function()
        if not finished then
          finished = true
          if waiting then host.wake(co) end
        end
      end)
      waiting = true
      if not finished then host.suspend() end
    end)
  end

  function tests.testco(name, fn)
    add(name, function()
      local co, waiting = coroutine.running(), false
      local calls = {} -- that nobody has waited for yet
      local function getCB(cb)
        return function(...)
          calls[#calls + 1] = {n = select("#", ...) + 1, cb, ...}
          if waiting then
            waiting = false
            host.wake(co)
          end
        end
      end
      local function waitCB()
        if #calls == 0 then
          waiting = true
          host.suspend()
        end
        local call = table.remove(calls, 1)
        return unpack(call, 1, call.n)
      end
      return fn(getCB, waitCB)
    end)
  end

  function tests.report(fn, environment)
    if fn ~= nil then handler = fn end
    if environment ~= nil then into = environment end
  end

  return tests
end
core.provide("NTest", new)
