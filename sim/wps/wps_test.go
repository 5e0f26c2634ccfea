package wps

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// program is what the documentation's example does, in short.
const program = `
wifi.setmode(wifi.STATION) wifi.sta.clearconfig()
wps.enable()
wps.start(function(status)
	print("status", status) wps.disable()
	if status == wps.SUCCESS then wifi.sta.connect() end
end)`

// What is in the air decides.
func TestButtons(t *testing.T) {
	home := air.Network{SSID: "home", Password: "secret12", Auth: air.AuthWPA2, WPS: true}
	other := air.Network{SSID: "other", Password: "secret34", Auth: air.AuthWPA2, WPS: true, Channel: 11}
	quiet, wep := other, home
	quiet.WPS, wep.Auth = false, air.AuthWEP
	for _, tt := range []struct {
		name string
		nets []air.Network
		off  clock.Duration // when the access points go off; 0: never
		want string
	}{
		{"one of two", []air.Network{home, quiet}, 0, "status\t0\nhome\tsecret12\t5\n"},
		{"open air", nil, 0, "status\t0\nnodemcu-sim\t\t5\n"},
		{"none", []air.Network{quiet}, 0, "status\t4\n\t\t0\n"},
		{"two", []air.Network{home, other}, 0, "status\t1\n\t\t0\n"},
		{"WEP", []air.Network{wep}, 0, "status\t3\n\t\t0\n"},
		{"goes off", []air.Network{home}, 2 * clock.Second, "status\t2\n\t\t0\n"},
		{"is off", []air.Network{home}, clock.Millisecond, "status\t4\n\t\t0\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, map[string]string{"p.lua": program}, wifi.Module, Module)
			x.World.Air.Networks = tt.nets
			if tt.off > 0 {
				x.World.Clock.After(tt.off, func() { x.World.Air.SetDown(true) })
			}
			got := x.Run(`dofile("p.lua")`)
			x.Wait(130 * clock.Second)
			got += x.Output()
			got += x.Run(`local ssid, pwd = wifi.sta.getconfig() print(ssid, pwd, wifi.sta.status())`) + "\n"
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStart(t *testing.T) {
	for _, tt := range []struct{ lua, want, hint string }{
		{"wps.start(print)", "", "does nothing before wps.enable()"},
		{"wifi.setmode(wifi.SOFTAP) wps.enable() wps.start(print)", "", "does nothing without the station"},
		{"wifi.setmode(wifi.STATION) wps.enable() wps.start(print) wps.disable()", "", ""},
		{"wifi.setmode(wifi.STATION) wps.enable() wps.start(print) pcall(wps.start)", "", ""},
		{"wifi.setmode(wifi.STATION) wps.enable() wps.start(error, print)", "0\n", ""},
		{"wifi.setmode(wifi.STATION) wps.enable() wps.start(print, 1)", "PANIC: unprotected error in call to Lua API (attempt to call a number value)", ""},
		{"wifi.setmode(wifi.STATION) wps.enable() wps.start(print, nil)", "PANIC: unprotected error in call to Lua API (attempt to call a nil value)", ""},
	} {
		x := terminal.New(t, nil, wifi.Module, Module)
		got := x.Run(tt.lua)
		x.Wait(5 * clock.Second)
		got += x.Output()
		if got != tt.want && (len(tt.want) < 10 || !strings.Contains(got, tt.want)) {
			t.Errorf("%s: got %q, want %q", tt.lua, got, tt.want)
		}
		var hints []string
		for _, e := range x.Events {
			if h, ok := e.Data.(event.Hint); ok {
				hints = append(hints, h.Text)
			}
		}
		if all := strings.Join(hints, "\n"); (all == "") != (tt.hint == "") || !strings.Contains(all, tt.hint) {
			t.Errorf("%s: hints %q, want %q", tt.lua, all, tt.hint)
		}
	}
}
