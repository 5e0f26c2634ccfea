package device_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What the modem lines do to a device that runs.
func TestModemLines(t *testing.T) {
	off, dtr, rts, both := input.ModemLines{}, input.ModemLines{DTR: true}, input.ModemLines{RTS: true}, input.ModemLines{DTR: true, RTS: true}
	for _, tt := range []struct {
		name  string
		lines []input.ModemLines
		boots bool // it has booted anew
		on    bool // and is at its prompt
	}{
		{"DTR, then both, as a terminal opens a port", []input.ModemLines{dtr, both}, false, true},
		{"and closes it", []input.ModemLines{dtr, both, off}, false, true},
		{"RTS is held", []input.ModemLines{rts}, false, false},
		{"RTS on and off", []input.ModemLines{rts, off}, true, true},
		{"RTS, then both", []input.ModemLines{rts, both}, true, true},
		{"RTS, then DTR, as flashing tools do", []input.ModemLines{rts, dtr}, false, false},
		{"that, and RTS again", []input.ModemLines{rts, dtr, off, rts, off}, true, true},
	} {
		for _, pause := range []clock.Duration{0, 100 * clock.Millisecond} {
			x := chiptest.New(t, nil, device.Config{})
			out := chiptest.Record(x.World)
			for _, lines := range tt.lines {
				if _, err := x.World.Give(x.Device.Name(), lines); err != nil {
					t.Fatal(err)
				}
				x.Wait(pause)
			}
			if pause == 0 && len(tt.lines) > 2 {
				continue // so fast nobody tells lines from each other
			}
			x.Wait(clock.Second)
			if got := strings.Contains(out.String(), "boot: external reset"); got != tt.boots {
				t.Errorf("%s, %d µs between: booted: %v\n%s", tt.name, pause, got, out)
			}
			if got := x.Send("=1\n") != ""; got != tt.on {
				t.Errorf("%s, %d µs between: it answers: %v", tt.name, pause, got)
			}
		}
	}
}

// A program that keeps the CPU does not keep the chip from being held in reset.
func TestModemLinesWhileBusy(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	x.Device.Serial.Type([]byte("for i = 1, 1e5 do end print('late')\n"))
	x.Wait(10 * clock.Millisecond)
	out := chiptest.Record(x.World)
	for _, lines := range []input.ModemLines{{RTS: true}, {}} {
		if _, err := x.World.Give(x.Device.Name(), lines); err != nil {
			t.Fatal(err)
		}
		x.Wait(clock.Second)
	}
	if n := strings.Count(out.String(), "boot: external reset"); n != 1 {
		t.Errorf("%d boots:\n%s", n, out)
	}
}

func TestPowerCycleSwitchesOn(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	d := chiptest.Program(x.World, `print("on")`, device.Config{Name: "second"})
	out := chiptest.Record(x.World)
	for range 2 {
		if _, err := x.World.Give("second", input.PowerCycle{}); err != nil {
			t.Fatal(err)
		}
		x.Wait(clock.Second)
	}
	if got := out.String(); strings.Count(got, "boot: power-on") != 2 || strings.Count(got, "reset: power-on") != 1 || d.Boots() != 1 {
		t.Errorf("%d boots:\n%s", d.Boots(), got)
	}
}
