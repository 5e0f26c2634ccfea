package firmware

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// abuse calls what the modules have with whatever there is, from callbacks too, keeps
// what comes out, also objects that were finalized, and writes to the registry.
const abuse = `
local seed = SEED
local function r(n) seed = (seed * 16807) % 2147483647 return seed % n + 1 end
local mods = {}
for name in ("MODULES string table coroutine debug"):gmatch("%S+") do
	local m = _G[name]
	if m then mods[#mods + 1] = m
		for k, v in pairs(m) do if type(v) == "table" or type(v) == "romtable" then mods[#mods + 1] = v end end
	end
end
local skip = {restart = true, dsleep = true, sleep = true, setup = true, restore = true, startup = true, startupcommand = true, alt = true, output = true, flashreload = true, setpartitiontable = true, format = true, write = true, delay = true, softwd = true, wdclr = true, crash = true, osprint = true, input = true}
local ends = {__gc = true, __index = true} -- where the firmware crashes the device: rarely, or nothing else is tried
local objs, weak, depth = {}, setmetatable({}, {__mode = "k"}), 0
local act
local function cb() return function(...)
	local a = {...}
	for i = 1, #a do objs[r(20)] = a[i] end
	if depth < 3 then depth = depth + 1 for i = 1, r(3) do act() end depth = depth - 1 end
	if r(6) == 1 then error({}) elseif r(6) == 1 then return a[1], "x" elseif r(6) == 1 then return {1} elseif r(6) == 1 then return "s" end
end end
local bad = setmetatable({}, {__index = function(t, k) act() return k end, __newindex = function(t, k, v) act() rawset(t, k, v) end, __tostring = function() act() return "bad" end})
local function val()
	local k = r(25)
	if k == 25 then return mods[r(#mods)] elseif k == 1 then return nil elseif k == 2 then return true elseif k == 3 then return r(3) - 1 elseif k == 4 then return r(20) elseif k == 5 then return r(100000)
	elseif k == 6 then return -r(100) elseif k == 7 then return 2^31 elseif k == 8 then return 0/0 elseif k == 9 then return ("x"):rep(r(300)) elseif k == 10 then return "a.lua"
	elseif k == 11 then return ({"127.0.0.1", "http://127.0.0.1/a", "https://127.0.0.1:80/", "ws://127.0.0.1", "wss://127.0.0.1/x", "coap://127.0.0.1/v1/f/a", "* * * * *", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"})[r(8)] elseif k == 12 then return {} elseif k == 13 then return {1, 2, "x", a = {b = 1}} elseif k == 14 then return bad
	elseif k == 15 then return coroutine.create(cb()) elseif k == 16 then return "r" elseif k == 17 then return "w+" elseif k == 18 then return '{"a":[1,{"b":null}]}'
	elseif k == 19 then return 80 elseif k == 20 then return {metatable = {checkpath = cb(), __newindex = cb()}, null = "n", depth = r(10)} elseif k < 23 then return cb() end
	return objs[r(20)]
end
local events = {"receive", "sent", "connection", "disconnection", "reconnection", "dns", "data", "oserror"}
function act()
	local k = r(12)
	if k == 1 then collectgarbage() return elseif k == 2 then objs[r(20)] = nil return
	elseif k == 3 then local o = objs[r(20)] if o ~= nil then weak[o] = r(5) end return
	elseif k == 4 then for o in pairs(weak) do objs[r(20)] = o end return
	elseif k == 5 then
		for i = 1, 10 do local x = {i, "s" .. i} end return
	elseif k == 6 and r(20) == 1 then debug.getregistry()[r(40) - 1] = val() return
	end
	local f, name, self
	local o = objs[r(20)]
	local mt = type(o) == "userdata" and getmetatable(o) or type(o) == "table" and getmetatable(o) ~= weak and getmetatable(o)
	local from = mods[r(#mods)]
	if mt and r(3) > 1 then from, self = mt.__index or mt, o if type(from) ~= "table" then from = mt end end
	local n = 0
	local list = {}
	for k, v in pairs(from) do if not skip[k] and (not ends[k] or r(300) == 1) and type(v) == "function" or (k == "write" and from == getmetatable(o)) then list[#list + 1] = k end end
	if #list == 0 then return end
	name = list[r(#list)]
	f = from[name]
	if type(f) ~= "function" then return end
	LAST = name
	local a1, a2, a3, a4, a5 = val(), val(), val(), val(), val()
	if name == "on" and r(2) == 1 then a1, a2 = events[r(#events)], cb() end
	if (name == "alarm" or name == "register") and r(2) == 1 then a1, a2, a3 = r(50), r(3) - 1, cb() end
	local res
	local c = r(3)
	if self ~= nil then
		if c == 1 then res = {pcall(f, self, a1, a2, a3)} elseif c == 2 then res = {pcall(f, self, a1, a2)} else res = {pcall(f, self)} end
	else
		if c == 1 then res = {pcall(f, a1, a2, a3, a4, a5)} elseif c == 2 then res = {pcall(f, a1, a2)} else res = {pcall(f, a1)} end
	end
	if res[1] then for i = 2, 4 do if res[i] ~= nil then objs[r(20)] = res[i] end end end
end
for i = 1, STEPS do act() end
local t = tmr.create()
t:alarm(37, tmr.ALARM_AUTO, function() for i = 1, 5 do act() end end)
`

// Whatever a program calls with whatever, nothing of the host's comes of it.
// MODULE_SEEDS=first,n runs more.
func TestModulesWithAnyArguments(t *testing.T) {
	first, n := 1, 60
	if s := os.Getenv("MODULE_SEEDS"); s != "" {
		if _, err := fmt.Sscanf(s, "%d,%d", &first, &n); err != nil {
			t.Fatal(err)
		}
	}
	var modules []string
	for _, m := range simulated {
		modules = append(modules, m.Name)
	}
	for seed := first; seed < first+n; seed++ {
		src := strings.NewReplacer("SEED", fmt.Sprint(seed*7919), "STEPS", "300", "MODULES", strings.Join(modules, " ")).Replace(abuse)
		x := terminal.New(t, map[string]string{"abuse.lua": src, "a.lua": "return ..."}, simulated...)
		func() {
			defer func() {
				if p := recover(); p != nil {
					last := "nothing called"
					if v := x.Device.VM; v != nil {
						last, _ = v.ToString(v.RawGetString(v.Globals(), "LAST"))
					}
					t.Errorf("seed %d, %s: host panic: %v\n%s", seed, last, p, debug.Stack())
				}
			}()
			out := x.Run(`dofile("abuse.lua")`)
			x.Wait(2 * clock.Second)
			out += x.Output()
			for _, w := range []string{"runtime error", "nil pointer", "goroutine", "interface conversion", ".go:"} {
				if strings.Contains(out, w) {
					t.Errorf("seed %d: %s", seed, out)
				}
			}
			if x.Device.VM != nil { // it has not restarted just now
				x.Device.VM.Usage()
				x.Device.Inspect.HeapSnapshot("test")
			}
		}()
	}
}
