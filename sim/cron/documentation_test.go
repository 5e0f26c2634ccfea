package cron_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/cron.md), begun on Friday 2026-05-01 at 11:58:30. What matches the minute in which time
// becomes known runs at once.
func TestDocumentation(t *testing.T) {
	const start = `rtctime.set(1777636710) local function at() local c = rtctime.epoch2cal(rtctime.get()) return ("%02d:%02d:%02d"):format(c.hour, c.min, c.sec) end `
	docpage.Page{
		Module: "cron", With: "rtctime tmr",
		Examples: []docpage.Example{
			{Of: "cron.schedule()", What: "example: every minute, every five, every two hours", For: 7 * clock.Minute, Lua: start + `
				local n = 0
				cron.schedule("* * * * *", function() n = n + 1 end)
				cron.schedule("*/5 * * * *", function(e) print("five", at(), n, type(e)) end)
				cron.schedule("0 */2 * * *", function() print("two hours", at()) end)`,
				Want: "five\t12:00:00\t3\tuserdata\ntwo hours\t12:00:00\nfive\t12:05:00\t8\tuserdata"},
			{Of: "cron.schedule()", What: "lists and days; ranges and names are not understood", For: 5 * clock.Minute, Lua: start + `
				for _, mask in ipairs{"1,2 * 1 5 *", "*/2 12 * * 5", "* * * * 6"} do cron.schedule(mask, function() print(mask, at()) end) end
				for _, mask in ipairs{"0-2 * * * *", "@hourly", "60 * * * *"} do print(pcall(cron.schedule, mask, print)) end`,
				Want: "false\tinvalid spec (separator @1)\nfalse\tinvalid spec (separator @0)\nfalse\tinvalid spec (val 60 out of range 0..59)\n" +
					"*/2 12 * * 5\t12:00:00\n1,2 * 1 5 *\t12:01:00\n1,2 * 1 5 *\t12:02:00\n*/2 12 * * 5\t12:02:00"},
			{Of: "cron.reset()", What: "none is left", For: 3 * clock.Minute, Lua: start + `cron.schedule("* * * * *", print) print((cron.reset()))`, Want: "nil"},
			{Of: "cron.entry:handler()", What: "example", For: 2 * clock.Minute, Lua: start + `
				local e = cron.schedule("* * * * *", function() print("old") end) print((e:handler(function(x) print("new", at(), x == e) end)))`,
				Want: "nil\nnew\t11:58:31\ttrue\nnew\t11:59:00\ttrue\nnew\t12:00:00\ttrue"},
			{Of: "cron.entry:schedule()", What: "example", For: 7 * clock.Minute, Lua: start + `
				local e = cron.schedule("* * * * *", function() print("tick", at()) end) print((e:schedule("*/5 * * * *")))`, Want: "nil\ntick\t12:00:00\ntick\t12:05:00"},
			{Of: "cron.entry:unschedule()", What: "example; and enabled again", For: 5 * clock.Minute, Lua: start + `
				local e = cron.schedule("* * * * *", function() print("tick", at()) end) print((e:unschedule()))
				tmr.create():alarm(100000, tmr.ALARM_SINGLE, function() e:schedule("2 * * * *") end)`, Want: "nil\ntick\t12:02:00"},
		},
	}.Run(t)
}
