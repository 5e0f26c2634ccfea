package tmr_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/tmr.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "tmr", Objects: map[string]string{"tobj": "tmr.timer"},
		Examples: []docpage.Example{
			{Of: "tmr.create()", What: "example", For: 6 * clock.Second,
				Lua:  `local egg = tmr.create() egg:register(3000, tmr.ALARM_SINGLE, function(t) print("boiled", t == egg) t:unregister() end) print(egg:start())`,
				Want: "true\nboiled\ttrue"},
			{Of: "tmr.delay()", What: "example", Lua: `local a = tmr.now() print((tmr.delay(250)), tmr.now() - a >= 250)`, Want: "nil\ttrue"},
			{Of: "tmr.now()", What: "example", Lua: `local a = tmr.now() local b = tmr.now() print(type(a), b >= a, a < 2^31)`, Want: "number\ttrue\ttrue"},
			{Of: "tmr.softwd()", What: "example: what is awaited comes", For: 12 * clock.Second, Lua: `
				local function done() tmr.softwd(-1) print("done in time") end
				print((tmr.softwd(4))) tmr.create():alarm(2500, tmr.ALARM_SINGLE, done)`, Want: "nil\ndone in time"},
			{Of: "tmr.softwd()", What: "example: it does not come", For: 7 * clock.Second, Lua: `
				if node.bootreason() == 1 then tmr.softwd(4) else print(node.bootreason()) end`,
				Want: "reset: software restart\n2\t4"},
			{Of: "tmr.time()", What: "example", Lua: `tmr.create():alarm(1500, tmr.ALARM_SINGLE, function() print("up for", tmr.time()) end)`, Want: "up for\t1"},
			{Of: "tmr.wdclr()", What: "in a loop of five seconds", For: 6 * clock.Second, Lua: `
				local t = tmr.now() while tmr.now() - t < 5e6 do tmr.delay(1000) tmr.wdclr() end print((tmr.wdclr()))`, Want: "nil"},
			{Of: "tmr.ccount()", What: "example: cycles and microseconds of a function", Lua: `
				local function cost(f, n)
					local function all(g) local t = tmr.ccount() for i = 1, n do g() end return math.ceil((tmr.ccount() - t) / n) end
					local idle = all(function() end)
					local cycles = math.abs(all(f) - idle)
					return cycles, math.ceil(cycles / node.getcpufreq())
				end
				print(cost(function() tmr.delay(20) end, 100))`, Want: "1600\t20"},
			{Of: "tobj:alarm()", What: "example", For: 4 * clock.Second,
				Lua: `if not tmr.create():alarm(2000, tmr.ALARM_SINGLE, function() print("ring") end) then print("no") end`, Want: "ring"},
			{Of: "tobj:alarm()", What: "the other modes", For: 3 * clock.Second, Lua: `
				local n, m = 0, 0
				tmr.create():alarm(500, tmr.ALARM_AUTO, function(t) n = n + 1 if n == 3 then t:unregister() print("auto", n) end end)
				tmr.create():alarm(200, tmr.ALARM_SEMI, function(t) m = m + 1 print("semi", m) if m < 2 then t:start() end end)
				print(pcall(function() tmr.create():alarm(6870948, 0, print) end))
				tmr.create():alarm(6870947, tmr.ALARM_SINGLE, print)`,
				Want: "false\tinit.lua:5: bad argument #1 to 'alarm' (Range: 1-0x68D7A3)\nsemi\t1\nsemi\t2\nauto\t3"},
			{Of: "tobj:interval()", What: "example", For: 5 * clock.Second, Lua: `
				local beat = tmr.create() local n = 0
				beat:register(9000, tmr.ALARM_AUTO, function() n = n + 1 print("beat", n) end)
				print((beat:interval(2000))) beat:start()`, Want: "nil\nbeat\t1\nbeat\t2"},
			{Of: "tobj:register()", What: "example; it does not start", For: 3 * clock.Second, Lua: `
				local a, b = tmr.create(), tmr.create()
				print((a:register(1000, tmr.ALARM_SINGLE, function() print("a") end)), (b:register(1000, tmr.ALARM_SINGLE, function() print("b") end)))
				a:start()`, Want: "nil\tnil\na"},
			{Of: "tobj:start()", What: "example; and without one registered", Lua: `
				local a = tmr.create() a:register(700, tmr.ALARM_SINGLE, function() print("hello") end)
				print(a:start(), tmr.create():start())`,
				Want: "true\tfalse\nhello"},
			{Of: "tobj:state()", What: "example", Lua: `
				local a = tmr.create() print(a:state())
				a:register(4000, tmr.ALARM_SINGLE, print)
				local running, mode = a:state() print("running: " .. tostring(running) .. ", mode: " .. mode)
				a:start() print(a:state())`, Want: "nil\nrunning: false, mode: 0\ntrue\t0"},
			{Of: "tobj:stop()", What: "example; and started again", For: 3 * clock.Second, Lua: `
				local a = tmr.create() if not a:stop() then print("not registered") end
				a:alarm(500, tmr.ALARM_SINGLE, function() print("late") end) print(a:stop(), a:stop())
				tmr.create():alarm(1000, tmr.ALARM_SINGLE, function() print(a:start()) end)`,
				Want: "not registered\ntrue\tfalse\ntrue\nlate"},
			{Of: "tobj:unregister()", What: "a running timer", Lua: `
				local a = tmr.create() a:alarm(300, tmr.ALARM_SINGLE, print) print((a:unregister()), (a:state()))`, Want: "nil\tnil"},
		},
		Left: map[string]string{
			"tmr.suspend_all()": "needs TIMER_SUSPEND_ENABLE, and is an error even then", "tmr.resume_all()": "likewise",
			"tobj:suspend()": "likewise", "tobj:resume()": "likewise",
		},
	}.Run(t)
}
