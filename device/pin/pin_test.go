package pin_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestPinLevel(t *testing.T) {
	const index = 1 // GPIO5
	for _, tt := range []struct {
		name string
		do   func(d *device.Device)
		want int
	}{
		{"nobody drives it", func(d *device.Device) {}, 0},
		{"pull-up", func(d *device.Device) { d.Pins.SetMode(index, pin.Input, true) }, 1},
		{"outside wins over the pull-up", func(d *device.Device) { d.Pins.SetMode(index, pin.Input, true); d.Pins.Apply(index, 0) }, 0},
		{"released", func(d *device.Device) { d.Pins.Apply(index, 1); d.Pins.Release(index) }, 0},
		{"the latch waits for output mode", func(d *device.Device) { d.Pins.Write(index, 1) }, 0},
		{"and shows in it", func(d *device.Device) { d.Pins.Write(index, 1); d.Pins.SetMode(index, pin.Output, false) }, 1},
		{"output wins over outside", func(d *device.Device) { d.Pins.SetMode(index, pin.Output, false); d.Pins.Apply(index, 1) }, 0},
		{"open drain pulls down", func(d *device.Device) { d.Pins.SetMode(index, pin.OpenDrain, true) }, 0},
		{"open drain lets go", func(d *device.Device) { d.Pins.SetMode(index, pin.OpenDrain, true); d.Pins.Write(index, 1) }, 1},
		{"and outside pulls down", func(d *device.Device) {
			d.Pins.SetMode(index, pin.OpenDrain, true)
			d.Pins.Write(index, 1)
			d.Pins.Apply(index, 0)
		}, 0},
		{"a reset makes it an input, what is outside stays", func(d *device.Device) {
			d.Pins.Apply(index, 1)
			d.Pins.SetMode(index, pin.Output, false)
			d.PressReset()
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := chiptest.New(t, nil, device.Config{})
			tt.do(x.Device)
			if got := x.Device.Pins.Level(index); got != tt.want {
				t.Errorf("level %d, want %d", got, tt.want)
			}
		})
	}
}

func TestBootPinsArePulledUp(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	var high []int
	for i := range board.NumPins {
		if x.Device.Pins.Level(i) == 1 {
			gpio, _ := board.GPIOOf(i)
			high = append(high, gpio)
		}
	}
	if !slices.Equal(high, []int{0, 2, 3, 1}) {
		t.Errorf("high: %v", high)
	}
}

func TestTriggers(t *testing.T) {
	for _, tt := range []struct {
		trigger pin.Trigger
		want    string
	}{
		{pin.TriggerUp, "[1 1]"},
		{pin.TriggerDown, "[0 0]"},
		{pin.TriggerBoth, "[1 0 1 0]"},
		{pin.TriggerLow, "[0]"}, // until it is armed again
		{pin.TriggerHigh, "[1]"},
		{pin.TriggerNone, "[]"},
	} {
		x := chiptest.New(t, nil, device.Config{})
		var got []int
		x.Device.Pins.SetMode(1, pin.Interrupt, false)
		x.Device.Pins.SetTrigger(1, tt.trigger, func(level int, _ clock.Duration) { got = append(got, level) })
		for _, level := range []int{1, 1, 0, 0, 1, 0} {
			if err := x.Device.Pins.Apply(1, level); err != nil {
				t.Fatal(err)
			}
		}
		if s := fmt.Sprint(got); s != tt.want {
			t.Errorf("%v: %s, want %s", tt.trigger, s, tt.want)
		}
	}
}

func TestInputErrors(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{})
	for _, tt := range []struct{ pin, level int }{{-1, 0}, {board.NumPins, 1}, {1, 2}, {1, -1}} {
		if x.Device.Pins.Apply(tt.pin, tt.level) == nil {
			t.Errorf("Apply(%d, %d) is accepted", tt.pin, tt.level)
		}
	}
	if x.Device.Pins.Release(board.NumPins) == nil {
		t.Error("a pin that is not there is released")
	}
}

func TestPinEventsAndSnapshot(t *testing.T) {
	b := chiptest.Board()
	b.Pins = []board.Pin{{Index: 1, GPIO: 5, Silk: "D1"}}
	x := chiptest.New(t, nil, device.Config{Board: b})
	var got []event.Pin
	x.World.Subscribe(func(e world.Event) {
		if p, ok := e.Data.(event.Pin); ok {
			got = append(got, p)
		}
	})
	x.Device.Pins.Apply(1, 1)
	x.Device.Pins.Apply(1, 1)
	x.Device.Pins.SetMode(1, pin.Output, false)
	if want := []event.Pin{{Pin: 1, Level: 1, By: "outside"}, {Pin: 1, Level: 0, By: "program"}}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	want := pin.Snapshot{Index: 1, GPIO: 5, Name: "D1", Mode: "output", Level: 0, Driven: true, Trig: "none"}
	if s := x.Device.Snapshot().Pins; len(s) != 1 || s[0] != want {
		t.Errorf("snapshot %+v, want %+v", s, want)
	}
}

func TestCyclesGoOnWhenTheClockChanges(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{HostCPU: true})
	at := func() uint32 { return x.Device.ETS.Cycles() }
	a := at()
	x.Wait(clock.Millisecond)
	x.Device.SetMHz(160)
	b := at()
	x.Wait(clock.Millisecond)
	if c := at(); b-a != 80_000 || c-b != 160_000 {
		t.Errorf("%d cycles at 80 MHz, %d at 160", b-a, c-b)
	}
}
