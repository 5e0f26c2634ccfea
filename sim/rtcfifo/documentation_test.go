package rtcfifo_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/rtcfifo.md).
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "rtcfifo", With: "rtctime",
		Examples: []docpage.Example{
			{Of: "rtcfifo.dsleep_until_sample()", What: "example", For: 30 * clock.Second, Lua: `
				if node.bootreason() == 1 then
					rtctime.set(1777636803) rtcfifo.prepare({interval_us = 10 * 1000000}) rtcfifo.put(rtctime.get(), 215, 1, "temp")
					rtcfifo.dsleep_until_sample(0)
				else print((rtctime.get())) print(rtcfifo.peek()) end`, Want: "reset: deep sleep\n1777636810\n1777636803\t215\t1\ttemp"},
			{Of: "rtcfifo.peek(), rtcfifo.count()", What: "example; at an offset", Lua: `
				rtcfifo.prepare() for i = 0, 2 do rtcfifo.put(1777636800 + 60 * i, 200 + i, 1, "hall") end
				print(rtcfifo.peek()) print(rtcfifo.peek(2)) print(select("#", rtcfifo.peek(3)), rtcfifo.count())`,
				Want: "1777636800\t200\t1\thall\n1777636920\t202\t1\thall\n0\t3"},
			{Of: "rtcfifo.pop()", What: "example", Lua: `
				rtcfifo.prepare() rtcfifo.put(1777636800, 4, 0, "a") rtcfifo.put(1777636830, 5, 2, "b")
				while rtcfifo.count() > 0 do print(rtcfifo.pop()) end print(select("#", rtcfifo.pop()))`, Want: "1777636800\t4\t0\ta\n1777636830\t5\t2\tb\n0"},
			{Of: "rtcfifo.prepare()", What: "example: default and configured; it discards", Lua: `
				print((rtcfifo.prepare())) rtcfifo.put(1777636800, 1, 0, "x") print(rtcfifo.count())
				rtcfifo.prepare({storage_begin = 21, storage_end = 128}) print(rtcfifo.count())
				rtcfifo.prepare({sensor_count = 2}) for _, name in ipairs{"a", "b", "a", "c"} do rtcfifo.put(1777636800, 1, 0, name) end print(rtcfifo.count(), (select(4, rtcfifo.peek())))`,
				Want: "nil\n1\n0\nhint: rtcfifo.put: \"c\" is a name more than sensor_count (2): all 3 samples are thrown away\n1\tc"},
			// The page says that put does nothing before prepare. It is an error (fw: check_fifo_magic).
			{Of: "rtcfifo.put(), rtcfifo.drop()", What: "example; four letters of a name; too long a pause", Lua: `
				print(pcall(rtcfifo.put, 1777636800, 1, 0, "none"))
				rtcfifo.prepare() rtctime.set(1777636800) print((rtcfifo.put(rtctime.get(), 99, 0, "garage"))) print(rtcfifo.peek())
				rtcfifo.put(1777636810, 7, 0, "hall") rtcfifo.drop(1) print(rtcfifo.count())
				rtcfifo.put(1777636810 + 600, 8, 0, "hall") print(rtcfifo.count(), (select(2, rtcfifo.peek())))`,
				Want: "false\trtcfifo not prepared!\nnil\n1777636800\t99\t0\tgara\n1\n" +
					"hint: rtcfifo.put: the last sample is 600 s old, and more than 511 s do not fit: all 1 are thrown away, and this one comes out 511 s late\n1\t8"},
			// The page's "if not" never prepares: 0 is true in Lua.
			{Of: "rtcfifo.ready()", What: "example", Lua: `
				if not rtcfifo.ready() then rtcfifo.prepare() end print(rtcfifo.ready(), pcall(rtcfifo.count))
				if rtcfifo.ready() == 0 then rtcfifo.prepare() end print(rtcfifo.ready(), rtcfifo.count())`,
				Want: "hint: rtcfifo.ready() has returned 0, which Lua takes for true, and the queue was not prepared: ask whether it is 0\n0\tfalse\trtcfifo not prepared!\n1\t0"},
		},
	}.Run(t)
}
