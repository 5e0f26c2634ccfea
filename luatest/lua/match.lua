-- match.*: what an argument or a part of a table may be, instead of a value: match._,
-- match.is_string(), match.is_not.near(3, 1).
local core = ...
local env = core.env

local Matcher = {shown = "text"}
function Matcher.fits(m, value) return m.test(value) end
function Matcher.__tostring(m) return m.text end

local function matcher(text, test) return setmetatable({text = text, test = test}, Matcher) end

local own = {} -- by name: fn(...) is a function of the value
function core.matcher(name, fn) own[name] = function(...) return fn({}, {n = select("#", ...), ...}, 1) end end

local Chain = {}
function Chain.__index(chain, key)
  return setmetatable({words = chain.words .. "_" .. key:lower()}, Chain)
end

function Chain.__call(chain, ...)
  local words = chain.words:gsub("^_", "")
  local shown = {}
  for i = 1, select("#", ...) do shown[i] = core.show((select(i, ...))) end
  local text = "match." .. words .. "(" .. table.concat(shown, ", ") .. ")"
  local name, negated = words, false
  while not own[name] do -- is_not_NAME: the modifiers before a name of the tester's
    local first, rest = name:match("^(%a+)_(.+)$")
    if not first then break end
    if first == "not" or first == "no" then negated = not negated end
    name = rest
  end
  if own[name] then
    local test = own[name](...)
    return matcher(text, function(value) return (not test(value)) == negated end)
  end
  local assertion, kind, no = core.resolve(chain)
  chain = core.chain{name = kind}
  local args = {n = select("#", ...), ...}
  return matcher(text, function(value)
    if assertion.n == 0 then return (not assertion.test(chain, value, unpack(args, 1, args.n))) == no end
    local given = {n = args.n + 1, unpack(args, 1, args.n)}
    if assertion.n == 1 then -- is_table(): the value alone
      return (not assertion.test(chain, value)) == no
    end
    for i = given.n, 3, -1 do given[i] = given[i - 1] end
    given[2] = value -- is_equal(x), matches(pattern), near(x, by): behind the first
    return (not assertion.test(chain, unpack(given, 1, given.n))) == no
  end)
end

local match = setmetatable({words = ""}, {__index = Chain.__index})
match._ = matcher("match._", function() return true end)
function own.is_ref(x) return function(value) return rawequal(x, value) end end
own.ref = own.is_ref
local function some(wanted, whole)
  return function(...)
    local list = {...}
    return function(value)
      for i = 1, #list do
        if list[i].test(value) == wanted then return not whole end
      end
      return whole
    end
  end
end
own.all_of = some(false, true)
own.any_of = some(true, false)
own.none_of = some(true, true)
env.match = match
core.provide("luassert.match", match)
