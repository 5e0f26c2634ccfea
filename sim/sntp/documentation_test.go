package sntp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The page's examples (fw: docs/modules/sntp.md), on 2026-06-30 at noon. At 192.168.1.20 and
// at the multicast address, and under the pool's names, is an NTP server.
func TestDocumentation(t *testing.T) {
	docpage.Page{
		Module: "sntp", With: "rtctime tmr",
		Around: func(t testing.TB, x *chiptest.Lab) {
			x.SetDate(time.Date(2026, time.June, 30, 12, 0, 0, 0, time.UTC))
			docpage.ServeNames(t, x, ".nodemcu.pool.ntp.org", "192.168.1.20")
			h := docpage.Host(x, "192.168.1.20")
			if err := h.Join(netip.MustParseAddr("224.0.1.1")); err != nil {
				t.Fatal(err)
			}
			if _, err := h.ServeNTP(&peer.NTP{Now: x.Date, Stratum: 2}); err != nil {
				t.Fatal(err)
			}
		},
		Examples: []docpage.Example{
			{Of: "sntp.sync()", What: "first example: the pool, for ever", For: 2100 * clock.Second, Lua: `
				print((sntp.sync(nil, function(sec) print("sync", sec) end, nil, 1)))`, Want: "nil\nsync\t1782820800\nsync\t1782821800\nsync\t1782822800"},
			{Of: "sntp.sync()", What: "second example: once, with a server of the network", Lua: `
				sntp.sync("224.0.1.1", function(sec, usec, server, info) print("sync", sec, usec < 1000000, server) end, function() print("failed") end)`, Want: "sync\t1782820800\ttrue\t192.168.1.20"},
			{Of: "sntp.sync()", What: "what the table of info holds, at first and afterwards", Lua: `
				sntp.sync("192.168.1.20", function(_, _, server, info)
					print(info.offset_s, info.offset_us, info.delay_us > 0, info.stratum, info.leap)
					tmr.create():alarm(500, 0, function() sntp.sync({"192.168.1.20", "192.168.1.99"}, function(_, _, server, info) print(server, info.offset_s, type(info.offset_us)) end) end)
				end)`, For: 20 * clock.Second, Want: "1782820800\tnil\ttrue\t2\t0\n192.168.1.20\tnil\tnumber"},
			{Of: "sntp.sync()", What: "what fails: 1 with the name, 4", For: 60 * clock.Second, Lua: `
				sntp.sync("nowhere.test", print, function(code, name) print(code, name)
					tmr.create():alarm(10, 0, function() sntp.sync("192.168.1.99", print, function(code, info) print(code, info) end) end) end)`,
				Want: "hint: sntp sync 1: error 1: none of the servers has an address; this names \"nowhere.test\". --date, or sim.date of a test, puts a time server into the simulated network\n1\tnowhere.test\n" +
					"hint: sntp sync 2: error 4: no server has answered within 1 s. Is there a way out, and does it let UDP port 123 through? --date, or sim.date of a test, puts a time server into the simulated network\n4\tnil"},
			// The page says that the number can be left out. It cannot (fw: sntp_setoffset).
			{Of: "sntp.setoffset(), sntp.getoffset()", What: "with and without a number", Lua: `print((sntp.setoffset(18))) print(sntp.getoffset()) print(pcall(sntp.setoffset)) sntp.setoffset(0) print(sntp.getoffset())`,
				Want: "nil\n18\nfalse\tbad argument #1 to '?' (number expected, got no value)\n0"},
		},
	}.Run(t)
}
