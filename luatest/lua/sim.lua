-- What of the module sim is written in Lua: functions that call functions of the test,
-- which may wait, and tables that can be called.
local core = ...
local sim = core.host.sim

local function callable(t, fn)
  return setmetatable(t, {__call = function(_, ...) return fn(...) end, __index = function(_, name)
    error("sim has no such function here: " .. tostring(name), 2)
  end})
end

-- take removes a function of the host's from a table of the module.
local function take(t, name)
  local fn = t[name]
  t[name] = nil
  return fn
end

local heap = sim.heap
local collected, tidy, reset_low, low = take(heap, "collected"), take(heap, "tidy"), take(heap, "reset_low"), take(heap, "low")

-- What a first and a second call leave behind is what any program keeps: loaded modules,
-- grown tables and stacks.
local warm_up = 2
local most_calls = 100000
local most_tidied = 100 -- times that the garbage of a test lets go of the app's, so that it does not pile up

function heap.growth(fn, n)
  if type(fn) ~= "function" then error("sim.heap.growth takes a function, and how often to call it", 2) end
  n = n == nil and 10 or n
  if type(n) ~= "number" or not (n >= 1 and n <= most_calls) then
    error("sim.heap.growth: call the function 1 to " .. most_calls .. " times", 2)
  end
  for _ = 1, warm_up do fn() end
  collected() -- the first collection may shrink the stack and the table of strings
  local before = collected()
  local every = math.ceil(n / most_tidied)
  for i = 1, n do
    fn()
    if i % every == 0 then tidy() end
  end
  collected()
  return collected() - before
end

function heap.least(fn)
  if type(fn) ~= "function" then error("sim.heap.least takes a function", 2) end
  reset_low()
  fn()
  return low()
end

callable(heap, take(heap, "now"))
callable(sim.events, take(sim.events, "list"))

local flash = take(sim, "flash")
setmetatable(sim, {__index = function(_, name)
  local x = flash[name]
  if x ~= nil then return x end
  error("sim has no " .. tostring(name) .. ": see docs/sim.md", 2)
end})

return core
