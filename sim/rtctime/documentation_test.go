package rtctime_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/rtctime.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "rtctime", With: "tmr rtcmem",
		Examples: []docpage.Example{
			{Of: "rtctime.dsleep()", What: "first example: a minute, through which time is kept", For: 70 * clock.Second, Lua: `
				if node.bootreason() == 1 then rtctime.set(1777636800) rtctime.dsleep(60 * 1000000) print("never")
				else print(select(2, node.bootreason()), (rtctime.get())) end`, Want: "reset: deep sleep\n5\t1777636860"},
			{Of: "rtctime.dsleep()", What: "second example: five seconds, no radio afterwards", For: 8 * clock.Second, Lua: `
				if node.bootreason() == 1 then rtctime.dsleep(5000000, 4) else print("awake", (rtctime.get())) end`, Want: "reset: deep sleep\nawake\t0"},
			{Of: "rtctime.dsleep_aligned()", What: "example: three seconds at least, up to a multiple of five", For: 20 * clock.Second, Lua: `
				if node.bootreason() == 1 then rtctime.set(1777636808) rtctime.dsleep_aligned(5 * 1000000, 3 * 1000000)
				else print((rtctime.get())) end`, Want: "reset: deep sleep\n1777636815"},
			{Of: "rtctime.epoch2cal()", What: "example", Lua: `
				rtctime.set(1777636710) local t = rtctime.epoch2cal(rtctime.get())
				print(("%04d-%02d-%02d %02d.%02d.%02d"):format(t.year, t.mon, t.day, t.hour, t.min, t.sec), t.yday, t.wday)`,
				Want: "2026-05-01 11.58.30\t121\t6"},
			{Of: "rtctime.get()", What: "example; before and after a time is known", Lua: `
				print(rtctime.get()) rtctime.set(1777636710, 250000) local s, us, rate = rtctime.get() print(s, us >= 250000 and us < 260000, rate)`,
				Want: "0\t0\t0\n1777636710\ttrue\t0"},
			{Of: "rtctime.set()", What: "example; without microseconds; the rate alone", Lua: `
				print((rtctime.set(1777636710, 0))) print((rtctime.get())) rtctime.set(1777636720) print((rtctime.get()))
				rtctime.set(nil, nil, 4295) print((rtctime.get()), (select(3, rtctime.get())))`, Want: "nil\n1777636710\n1777636720\n1777636720\t4295"},
			{Of: "rtctime.adjust_delta()", What: "example: there and back", Lua: `
				rtctime.set(1777636710, 0, 429497) local began = tmr.now() tmr.delay(1000)
				print(rtctime.adjust_delta(tmr.now() - began) >= 1000)
				local second = 1000000 print(rtctime.adjust_delta(second), second - (rtctime.adjust_delta(second) - second))`, Want: "true\n1000100\t999900"},
		},
	}.Run(t)
}
