package wps_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/wps.md). The router's button is pressed 10 s after
// power-on, for the first example from the beginning: wps_test.go has the other states.
func TestDocumentation(t *testing.T) {
	const basic = `
		wifi.setmode(wifi.STATION) print((wps.enable()))
		wps.start(function(status)
			if status == wps.SUCCESS then wps.disable() print("success") wifi.sta.connect() return
			elseif status == wps.FAILED then print("failed") elseif status == wps.TIMEOUT then print("timeout")
			elseif status == wps.WEP then print("WEP") elseif status == wps.SCAN_ERR then print("nobody") else print(status) end
			print((wps.disable()))
		end) `
	page := docpage.Page{
		Module: "wps", With: "wifi tmr", WiFi: radio.Config{Blank: true},
		Around: func(t testing.TB, x *chiptest.Lab) {
			home := air.Network{SSID: "home", Password: "secret99", Auth: air.AuthWPA2}
			x.Air.Networks = []air.Network{home}
			x.Clock.After(10*clock.Second, func() { x.Air.Networks[0].WPS = true })
		},
		Examples: []docpage.Example{
			{Of: "wps.start(), wps.enable(), wps.disable()", What: "basic example, without a pressed button", For: 8 * clock.Second, Lua: basic, Want: "nil\nnobody\nnil"},
			{Of: "wps.start()", What: "basic example, with one", For: 40 * clock.Second, Lua: `
				wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print("address", t.IP) end)
				tmr.create():alarm(11000, tmr.ALARM_SINGLE, function() ` + basic + ` end)`, Want: "nil\nsuccess\naddress\t192.168.1.10"},
			{Of: "wps.start()", What: "full example: three more tries", For: 60 * clock.Second, Lua: `
				wifi.eventmon.register(wifi.eventmon.STA_CONNECTED, function(t) print("connected", t.SSID, t.channel) end)
				wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function(t) print("address", t.IP, t.netmask, t.gateway) end)
				wifi.setmode(wifi.STATION)
				local tries, done = 0
				local function again()
					if tries == 3 then return end
					wps.disable() wps.enable() tries = tries + 1 print("try", tries)
					tmr.create():alarm(3000, tmr.ALARM_SINGLE, function() wps.start(done) end)
				end
				function done(status)
					if status == wps.SUCCESS then wps.disable() print("success") wifi.sta.connect()
					elseif status == wps.WEP then print("WEP") wps.disable()
					else print(status == wps.SCAN_ERR and "nobody" or status) again() end
				end
				wps.enable() wps.start(done)`,
				Want: "nobody\ntry\t1\nnobody\ntry\t2\nnobody\ntry\t3\nsuccess\nconnected\thome\t6\naddress\t192.168.1.10\t255.255.255.0\t192.168.1.1"},
		},
	}
	page.Run(t)
}
