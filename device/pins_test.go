package device

import (
	"fmt"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestPinLevel(t *testing.T) {
	const pin = 1 // GPIO5
	for _, tt := range []struct {
		name string
		do   func(d *Device)
		want int
	}{
		{"nobody drives it", func(d *Device) {}, 0},
		{"pull-up", func(d *Device) { d.SetPinMode(pin, PinInput, true) }, 1},
		{"outside wins over the pull-up", func(d *Device) { d.SetPinMode(pin, PinInput, true); d.SetInput(pin, 0) }, 0},
		{"released", func(d *Device) { d.SetInput(pin, 1); d.ReleaseInput(pin) }, 0},
		{"the latch waits for output mode", func(d *Device) { d.SetPin(pin, 1) }, 0},
		{"and shows in it", func(d *Device) { d.SetPin(pin, 1); d.SetPinMode(pin, PinOutput, false) }, 1},
		{"output wins over outside", func(d *Device) { d.SetPinMode(pin, PinOutput, false); d.SetInput(pin, 1) }, 0},
		{"open drain pulls down", func(d *Device) { d.SetPinMode(pin, PinOpenDrain, true) }, 0},
		{"open drain lets go", func(d *Device) { d.SetPinMode(pin, PinOpenDrain, true); d.SetPin(pin, 1) }, 1},
		{"and outside pulls down", func(d *Device) { d.SetPinMode(pin, PinOpenDrain, true); d.SetPin(pin, 1); d.SetInput(pin, 0) }, 0},
		{"a reset makes it an input, what is outside stays", func(d *Device) {
			d.SetInput(pin, 1)
			d.SetPinMode(pin, PinOutput, false)
			d.PressReset()
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newTerminal(t, nil, Config{})
			tt.do(x.d)
			if got := x.d.Pin(pin); got != tt.want {
				t.Errorf("level %d, want %d", got, tt.want)
			}
		})
	}
}

func TestBootPinsArePulledUp(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	var high []int
	for i := range NumPins {
		if x.d.Pin(i) == 1 {
			high = append(high, gpioOf[i])
		}
	}
	if !slices.Equal(high, []int{0, 2, 3, 1}) {
		t.Errorf("high: %v", high)
	}
}

func TestTriggers(t *testing.T) {
	for _, tt := range []struct {
		trigger Trigger
		want    string
	}{
		{TriggerUp, "[1 1]"},
		{TriggerDown, "[0 0]"},
		{TriggerBoth, "[1 0 1 0]"},
		{TriggerLow, "[0]"}, // until it is armed again
		{TriggerHigh, "[1]"},
		{TriggerNone, "[]"},
	} {
		x := newTerminal(t, nil, Config{})
		var got []int
		x.d.SetPinMode(1, PinInterrupt, false)
		x.d.SetTrigger(1, tt.trigger, func(level int, _ clock.Duration) { got = append(got, level) })
		for _, level := range []int{1, 1, 0, 0, 1, 0} {
			if err := x.d.SetInput(1, level); err != nil {
				t.Fatal(err)
			}
		}
		if s := fmt.Sprint(got); s != tt.want {
			t.Errorf("%v: %s, want %s", tt.trigger, s, tt.want)
		}
	}
}

func TestInputErrors(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	for _, tt := range []struct{ pin, level int }{{-1, 0}, {NumPins, 1}, {1, 2}, {1, -1}} {
		if x.d.SetInput(tt.pin, tt.level) == nil {
			t.Errorf("SetInput(%d, %d) is accepted", tt.pin, tt.level)
		}
	}
	if x.d.ReleaseInput(NumPins) == nil {
		t.Error("a pin that is not there is released")
	}
}

func TestPinEventsAndSnapshot(t *testing.T) {
	x := newTerminal(t, nil, Config{})
	x.d.Board.Pins = []BoardPin{{Index: 1, GPIO: 5, Silk: "D1"}}
	var got []PinData
	x.w.Subscribe(func(e Event) {
		if p, ok := e.Data.(PinData); ok {
			got = append(got, p)
		}
	})
	x.d.SetInput(1, 1)
	x.d.SetInput(1, 1)
	x.d.SetPinMode(1, PinOutput, false)
	if want := []PinData{{1, 1, "outside"}, {1, 0, "program"}}; !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	want := PinSnapshot{Index: 1, GPIO: 5, Name: "D1", Mode: "output", Level: 0, Driven: true, Trig: "none"}
	if s := x.d.Snapshot().Pins; len(s) != 1 || s[0] != want {
		t.Errorf("snapshot %+v, want %+v", s, want)
	}
}

func TestCyclesGoOnWhenTheClockChanges(t *testing.T) {
	x := newTerminal(t, nil, Config{HostCPU: true})
	at := func() uint32 { return x.d.Cycles() }
	a := at()
	x.wait(clock.Millisecond)
	x.d.SetMHz(160)
	b := at()
	x.wait(clock.Millisecond)
	if c := at(); b-a != 80_000 || c-b != 160_000 {
		t.Errorf("%d cycles at 80 MHz, %d at 160", b-a, c-b)
	}
}
