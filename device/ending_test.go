package device_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A restart comes 100 ms after it was asked for, and when the serial port is through, if
// that takes no longer than half a second more. Deep sleep does the same, unless it is
// instant.
func TestTheProgramGoesOnBeforeARestart(t *testing.T) {
	const asked = clock.Second
	for _, tt := range []struct {
		name  string
		end   func(*device.Device)
		bytes int // written just before
		reset clock.Duration
	}{
		{"restart", (*device.Device).Restart, 0, 100 * clock.Millisecond},
		{"restart, busy line", (*device.Device).Restart, 2000, 173600 * clock.Microsecond},
		{"restart, endless line", (*device.Device).Restart, 20000, 600 * clock.Millisecond},
		{"deep sleep", func(d *device.Device) { d.DeepSleep(clock.Second, false) }, 0, 100 * clock.Millisecond},
		{"instant deep sleep", func(d *device.Device) { d.DeepSleep(clock.Second, true) }, 0, 0},
	} {
		w := world.New(1)
		var reset clock.Time
		ticks := 0
		w.Subscribe(func(e world.Event) {
			if _, ok := e.Data.(event.Reset); ok {
				reset = e.Time
			}
		})
		d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, Startup: func(d *device.Device) {
			if d.Boots() == 0 {
				d.NewTimer(func() { ticks++ }).Arm(8*clock.Millisecond, true)
			}
		}})
		d.PowerOn()
		w.Clock.RunUntil(clock.At(asked - 1))
		ticks = 0
		d.PostTask(ets.Low, func() {
			d.Serial.Write(strings.Repeat("x", tt.bytes))
			tt.end(d)
		})
		w.Clock.RunUntil(clock.At(3 * clock.Second))
		took := reset.Sub(clock.At(asked - 1))
		const late = 460 * clock.Microsecond // the other timer is due just before
		if took < tt.reset || took > tt.reset+late || d.Boots() != 1 {
			t.Errorf("%s: %d resets, after %d µs, want %d", tt.name, d.Boots(), took, tt.reset)
		}
		if want := int(min(tt.reset, 100*clock.Millisecond) / (8 * clock.Millisecond)); ticks != want {
			t.Errorf("%s: timer ran %d times meanwhile, want %d", tt.name, ticks, want)
		}
	}
}

// The watchdog ticks from the start of the firmware on, whatever the program does.
func TestWatchdogBitesAtASecondTick(t *testing.T) {
	for _, begins := range []clock.Duration{0, 500, 1000, 1500, 1700} {
		w := world.New(1)
		out := chiptest.Record(w)
		d := device.New(w, device.Config{Board: chiptest.Board(), Startup: func(d *device.Device) {
			d.NewTimer(func() {
				for d.ETS.DelayUnfed(clock.Millisecond) {
				}
			}).Arm(begins*clock.Millisecond+clock.Millisecond, false)
		}})
		d.PowerOn()
		w.Clock.RunUntil(clock.At(5 * clock.Second))
		want := "[3366000 reset: software watchdog reset]"
		if begins > 1600 {
			want = "[4966000 reset: software watchdog reset]"
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("busy after %d ms: %s, want %s", begins, out, want)
		}
	}
}
