-- Tests beside mocks of a device, without one: what they use of tmr, sim, describe and
-- assert, in Lua (5.1 and 5.3). It is given the file of tests, what passes time, and how often
-- it takes a test: each of them, or one of so many. It returns how many passed, and how long
-- they took in the mock's time, in ms.
--
-- sleep(ms) passes time: a clock on the wall or one that only counts.
local file, sleep, every = ...

local now = 0      -- ms
local timers = {}  -- that run: {at = …, ms = …, mode = …, fn = …}

tmr = {ALARM_SINGLE = 0, ALARM_AUTO = 1, ALARM_SEMI = 2}

function tmr.create()
  local t = {}
  function t:register(ms, mode, fn) self.ms, self.mode, self.fn = ms, mode, fn end
  function t:start() self.at, timers[self] = now + self.ms, true end
  function t:alarm(ms, mode, fn) self:register(ms, mode, fn) self:start() end
  function t:stop() timers[self] = nil end
  t.unregister = t.stop
  return t
end

local function pass(till)
  if till > now then sleep(till - now) end
  now = math.max(now, till)
end

sim = {}
function sim.advance(ms)
  local over = now + ms
  while true do
    local first
    for t in pairs(timers) do
      if t.at <= over and (not first or t.at < first.at) then first = t end
    end
    if not first then return pass(over) end
    pass(first.at)
    if first.mode == tmr.ALARM_AUTO then first.at = first.at + first.ms else first:stop() end
    first.fn()
  end
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, x in pairs(a) do if not same(x, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function is(ok, a, b)
  if not ok then error(("expected %s, got %s"):format(tostring(a), tostring(b)), 3) end
end

local raise = assert
assert = {
  are = {
    equal = function(a, b) is(a == b, a, b) end,
    same = function(a, b) is(same(a, b), a, b) end,
  },
  is_true = function(x) is(x == true, true, x) end,
  is_false = function(x) is(x == false, false, x) end,
  matches = function(pattern, text) is(text:find(pattern), pattern, text) end,
}

local tests, group = {}, ""
function describe(name, fn)
  group = name
  fn()
end
function it(name, fn) tests[#tests + 1] = {group .. " " .. name, fn} end

raise(loadfile(file))()
local passed = 0
for i = 1, #tests, every do
  timers = {}
  local ok, err = pcall(tests[i][2])
  if not ok then error(tests[i][1] .. ": " .. tostring(err), 0) end
  passed = passed + 1
end
return passed, now
