package endusersetup_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The page's examples (fw: docs/modules/enduser-setup.md). A phone in the device's network
// asks for every endpoint, and then for "home" to be used. enduser_setup_test.go looks at the
// answers themselves.
func TestDocumentation(t *testing.T) {
	const form = "wifi_ssid=home&wifi_password=secret99&timeout_delay=30&device_name=hall+lamp"
	const start = `enduser_setup.start(function() print("connected as " .. wifi.sta.getip()) end, function(err, str) print("error " .. err .. ": " .. str) end) `
	const first = `if node.bootreason() ~= 1 then return end `
	// The page says that /generate_204 is answered with 204.
	const answers = "GET /: HTTP/1.1 200 OK\nGET /aplist: HTTP/1.1 200 OK\n" +
		"GET /generate_204: HTTP/1.1 302 Moved\nGET /status: HTTP/1.1 200 OK\nGET /status.json: HTTP/1.1 200 OK\nPOST /setwifi: HTTP/1.1 302 Moved\n"
	requests := []string{"GET /", "GET /aplist", "GET /generate_204", "GET /status", "GET /status.json", "POST /setwifi"}
	docpage.Page{
		Module: "enduser_setup", With: "wifi file node tmr", WiFi: radio.Config{Blank: true},
		Around: func(t testing.TB, x *chiptest.Lab) {
			x.Air.Networks = []air.Network{{SSID: "home", Password: "secret99", Channel: 6, RSSI: -40}}
			phone := peer.New(x.Wire, "phone", netip.MustParsePrefix("192.168.4.2/24"))
			for i, what := range requests {
				x.Clock.After(5*clock.Second+clock.Duration(i)*4*clock.Second, func() {
					c, err := phone.Dial(netip.MustParseAddrPort("192.168.4.1:80"))
					if err != nil {
						t.Fatal(err)
					}
					request := what + " HTTP/1.1\r\nHost: example.com\r\n"
					if strings.HasPrefix(what, "POST") {
						request += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 76\r\n\r\n" + form
					} else {
						request += "\r\n"
					}
					got := ""
					c.OnConnect = func() { c.Write([]byte(request)) }
					c.OnData = func(data []byte) {
						if got == "" {
							line, _, _ := strings.Cut(string(data), "\r\n")
							x.Log.WriteString(what + ": " + line + "\n")
						}
						got += string(data)
					}
				})
			}
		},
		Examples: []docpage.Example{
			{Of: "enduser_setup.start()", What: "example; the file of further parameters is read", For: 60 * clock.Second, Lua: first + start + `
				tmr.create():alarm(50000, 0, function() local p = dofile("eus_params.lua") print(p.wifi_ssid, p.wifi_password, p.timeout_delay, p.device_name) print(wifi.getmode() == wifi.STATION) end)`, Want: answers + "connected as 192.168.1.10\nhome\tsecret99\t30\thall lamp\ntrue"},
			// In manual mode the firmware takes the access point to be on channel 1, and where the
			// network is on another it puts its own in the place of the program's
			// (enduser-behaviour.md 1).
			{Of: "enduser_setup.manual()", What: "example: an access point of one's own", For: 60 * clock.Second, Lua: first + `
				wifi.setmode(wifi.STATIONAP) print(wifi.ap.config({ssid = "MyGadget", auth = wifi.OPEN}))
				print(enduser_setup.manual(), enduser_setup.manual(true), enduser_setup.manual()) ` + start + `
				tmr.create():alarm(50000, 0, function() print((wifi.ap.getconfig()), wifi.getmode() == wifi.STATIONAP) end)`,
				Want: "true\nfalse\ttrue\ttrue\n" + answers + "hint: enduser_setup replaces the access point by its own: the network is on channel 6, " +
					"and in manual mode it takes the access point to be on channel 1. onConnected comes only with stop(), before the station has an address again\nNodeMCU_5AE1C7\ttrue"},
			{Of: "enduser_setup.stop()", What: "nobody answers any more", For: 32 * clock.Second, Lua: first + start + `tmr.create():alarm(2000, 0, function() print((enduser_setup.stop())) end)`, Want: "nil"},
			{Of: "enduser_setup.start()", What: "a page of one's own", For: 9 * clock.Second, Lua: first + `file.putcontents("enduser_setup.html", "<html><body>" .. ("my page "):rep(8) .. "</body></html>") ` + start,
				Want: "hint: the page of enduser_setup has 212 bytes with its head: the firmware sends 2920 and more, and what follows the page is memory behind it\nGET /: HTTP/1.1 200 OK"},
			{Of: "enduser_setup.start()", What: "while it runs it is an error, and stops", For: 4 * clock.Second, Lua: first + start + start, Want: "hint: enduser_setup.start while it runs stops it, and calls nobody"},
		},
	}.Run(t)
}
