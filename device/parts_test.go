package device_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestPartsOfTheBoard(t *testing.T) {
	b := chiptest.Board()
	b.Parts = []board.Part{
		{Kind: "led", Name: "blue", GPIO: 2, ActiveLow: true},
		{Kind: "button", Name: "FLASH", GPIO: 0, ActiveLow: true},
	}
	x := chiptest.New(t, nil, device.Config{Board: b})
	states := func() string {
		var out []string
		for _, p := range x.Device.Snapshot().Parts {
			out = append(out, p.Name+" "+p.State)
		}
		return strings.Join(out, ", ")
	}
	act := func(name, action string) string {
		_, err := x.Device.Take(input.Part{Name: name, Action: action})
		if err != nil {
			return err.Error()
		}
		return ""
	}
	led, _ := board.IndexOf(2)
	flash, _ := board.IndexOf(0)
	if got := states(); got != "blue off, FLASH released" {
		t.Errorf("at the prompt: %s", got)
	}
	x.Device.Pins.SetMode(led, pin.Output, false)
	if got := act("FLASH", "press"); got != "" || x.Device.Pins.Level(flash) != 0 {
		t.Errorf("pressed: level %d, %s", x.Device.Pins.Level(flash), got)
	}
	if got := states(); got != "blue lit, FLASH pressed" {
		t.Errorf("LED written, button pressed: %s", got)
	}
	x.Device.PressReset() // the finger stays
	if got := states(); got != "blue off, FLASH pressed" {
		t.Errorf("after a reset: %s", got)
	}
	if act("FLASH", "release"); x.Device.Pins.Level(flash) != 1 {
		t.Error("the pull-up does not win")
	}
	for _, tt := range []struct{ name, action, want string }{
		{"reset", "press", `the board has no part "reset", but blue, FLASH`},
		{"blue", "press", `"press": nothing can be done to it, the program decides whether it is lit`},
		{"FLASH", "hold", `a button has no action "hold": press or release it`},
	} {
		if got := act(tt.name, tt.action); got != tt.want {
			t.Errorf("%s %s: %q", tt.action, tt.name, got)
		}
	}
}

// Whoever hangs on a pin is told when its level has changed, at the time of the chip.
func TestPinIsWatched(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{HostCPU: true})
	led, _ := board.IndexOf(2)
	at, ok := x.Device.Pins.OfGPIO(2)
	if _, none := x.Device.Pins.OfGPIO(6); none || !ok {
		t.Fatal("GPIO6 is the flash's")
	}
	var got []string
	at.Watch(func(level int, at clock.Time) { got = append(got, fmt.Sprintf("%d at %d", level, at)) })
	start := x.World.Clock.Now()
	x.Device.PostTask(ets.Low, func() {
		x.Device.Pins.SetMode(led, pin.Output, false)
		x.Device.ETS.DelayFed(5 * clock.Millisecond)
		x.Device.Pins.Write(led, 1)
		x.Device.Pins.Write(led, 1)
	})
	x.Wait(10 * clock.Millisecond)
	if want := []string{fmt.Sprintf("0 at %d", start), fmt.Sprintf("1 at %d", start.Add(5*clock.Millisecond))}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
