package wifi

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Arguments one by one, as before the table came.
func TestOldConfig(t *testing.T) {
	x := terminal.NewBuild(t, device.Build{Legacy: true}, nil, Module)
	for _, tt := range []struct{ lua, want string }{
		{`wifi.sta.config("home", "secret12") print(wifi.sta.getconfig())`, "home\tsecret12\t0\tff:ff:ff:ff:ff:ff"},
		{`wifi.sta.config("home", "secret12", 0) print(wifi.sta.status())`, "0"},
		{`wifi.sta.config("home", "secret12", 1) print(wifi.sta.status())`, "1"},
		{`wifi.sta.config("home", "secret12", "AA:BB:CC:DD:EE:FF") print(wifi.sta.getconfig())`, "home\tsecret12\t1\taa:bb:cc:dd:ee:ff"},
		{`wifi.sta.config("home", "", 0, "AA-BB-CC-DD-EE-00") print(wifi.sta.getconfig())`, "home\t\t1\taa:bb:cc:dd:ee:00"},
		{`print(wifi.sta.config("new", "secret12"), wifi.sta.config{ssid = "table"}, wifi.sta.getconfig())`, "true\ttrue\ttable\t\t0\tff:ff:ff:ff:ff:ff"},
		{`wifi.sta.config("home", "secret12", 2)`, "wrong arg type"},
		{`wifi.sta.config("home", "secret12", nil)`, "wrong arg type"},
		{`wifi.sta.config("home", "secret12", 1, "AA")`, "bad argument #1 to 'config' (MAC:FF:FF:FF:FF:FF:FF)"},
		{`wifi.sta.config(("x"):rep(32), "secret12")`, "bad argument #1 to 'config' (length:0-32)"},
		{`wifi.sta.config("home", ("x"):rep(65))`, "bad argument #2 to 'config' (length:0-64)"},
		{`wifi.sta.config("home")`, "bad argument #2 to 'config' (string expected, got no value)"},
	} {
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

// The monitor calls back for each state that it meets, with the one before.
func TestStates(t *testing.T) {
	x := terminal.NewBuild(t, device.Build{Legacy: true}, nil, Module)
	for _, tt := range []struct{ lua, want string }{
		{`wifi.sta.eventMonStart()`, "No callbacks defined"},
		{`wifi.sta.eventMonReg(6, print)`, "valid wifi status:0-5"},
		{`wifi.sta.eventMonReg(wifi.STA_GOTIP, function(before) print("got", before) end)`, ""},
		{`wifi.sta.eventMonReg(1, function(before) print("connecting", before) end) wifi.sta.eventMonStart(100)`, "connecting\t0"},
	} {
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
	x.Run(`wifi.sta.config("home", "secret12")`)
	x.Wait(5 * clock.Second)
	if got := x.Run("print('then')"); got != "then" {
		t.Error(got)
	}
	var out string
	for _, e := range x.Events {
		if o, ok := e.Data.(event.Output); ok {
			out += o.Text
		}
	}
	if want := "got\t1\r\nthen\r\n"; len(out) < len(want) || out[len(out)-len(want):] != want {
		t.Errorf("%q", out)
	}
	x.Run(`wifi.sta.eventMonStop(1)`)
	if got := terminal.FirstLine(x.Run(`wifi.sta.eventMonStart()`)); got != "No callbacks defined" {
		t.Errorf("after stop: %q", got)
	}
	if got := terminal.FirstLine(x.Run(`wifi.setmode(wifi.SOFTAP) wifi.sta.eventMonStart()`)); got != "Can't monitor in SOFTAP mode" {
		t.Errorf("as access point: %q", got)
	}
	if got := terminal.New(t, nil, Module).Run("print(wifi.sta.eventMonReg)"); got != "nil" {
		t.Errorf("release 3.0 has %s", got)
	}
}
