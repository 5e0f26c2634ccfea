package wifimonitor_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// The page's examples (fw: docs/modules/wifi_monitor.md), beside the access points of
// "cellar" on channel 1 and "attic" on channel 6.
func TestDocumentation(t *testing.T) {
	// The page begins at once; what it leaves out is that the station must have nothing to do.
	const first = `wifi.setmode(wifi.STATION) wifi.sta.disconnect() local function once(fn) return function(p) if fn then local f = fn fn = nil f(p) wifi.monitor.stop() end end end `
	const hint = "hint: wifi.monitor.start switches off auto-connect, in flash: from now on, and after restarts, the device joins its network only with wifi.sta.connect(), until wifi.sta.autoconnect(1)\n"
	docpage.Page{
		Module: "wifi_monitor", With: "wifi tmr", WiFi: radio.Config{Blank: true}, Objects: map[string]string{"packet": "wifi.packet"},
		Around: func(_ testing.TB, x *chiptest.Lab) {
			x.Air.Networks = []air.Network{{SSID: "cellar", Channel: 1, RSSI: -70}, {SSID: "attic", Channel: 6, RSSI: -50}}
		},
		Examples: []docpage.Example{
			{Of: "wifi.monitor.start(), wifi.monitor.channel(), wifi.monitor.stop()", What: "example: beacons of a channel", Lua: first + `
				print(wifi.monitor.start(13, 0x80, once(function(p) print("beacon", p.bssid_hex == p.srcmac_hex, #p.bssid_hex, p[0], p[3]:byte(1)) end)))
				print(wifi.monitor.channel(6))`, Want: hint + "\n1\nbeacon\tfalse\t17\tattic\t6"},
			{Of: "wifi.monitor.start()", What: "with a mask, and without a filter", Lua: first + `
				wifi.monitor.start(13, 0x80, 0xf0, once(function(p) print(p.ie_ssid)
					tmr.create():alarm(10, 0, function() wifi.monitor.start(once(function(p) print(p.type, p.subtype, p[0]) end)) end) end))`,
				Want: hint + "cellar\n0\t8\tcellar"},
			{Of: "packet:radio_byte(), packet:frame_byte()", What: "forms of the call: beyond the end there is nothing", Lua: first + `
				wifi.monitor.start(once(function(p) print(p:radio_byte(1) - 256 == p.rssi, p:frame_byte(1), (select("#", p:radio_byte(13))), (select("#", p:frame_byte(200)))) end))`,
				Want: hint + "true\t128\t0\t0"},
			{Of: "packet:radio_sub(), packet:frame_sub()", What: "forms of the call", Lua: first + `
				wifi.monitor.start(once(function(p) print(#p:radio_sub(1, 12), p:radio_sub(1, -1) == p.radio, p:frame_sub(1, 1):byte(), p:frame_sub(-2) == p.frame:sub(-2), #p:frame_sub(1, 1000) == #p.frame) end))`,
				Want: hint + "12\ttrue\t128\ttrue\ttrue"},
			{Of: "packet:radio_subhex(), packet:frame_subhex()", What: "forms of the call", Lua: first + `
				wifi.monitor.start(once(function(p) print(p:frame_subhex(1, 6), p:frame_subhex(5, 10, ":"), #p:radio_subhex(1, 12), p:radio_subhex(2, 3, "-"):sub(3, 3)) end))`,
				Want: hint + "80000000ffff\tff:ff:ff:ff:ff:ff\t24\t-"},
			// The page calls it as a method; it is a field with a table.
			{Of: "packet:ie_table()", What: "examples: the worst way, the better and the name", Lua: first + `
				wifi.monitor.start(once(function(p) print(pcall(function() return p:ie_table()[0] end)) print(p.ie_table[0], p[0], p.ie_ssid) end))`,
				Want: hint + "false\tinit.lua:2: attempt to call method 'ie_table' (a table value)\ncellar\tcellar\tcellar"},
		},
	}.Run(t)
}
