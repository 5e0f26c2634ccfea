package device_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestEndlessLoopIsReset(t *testing.T) {
	for _, host := range []bool{false, true} {
		w := world.New(1)
		out := chiptest.Record(w)
		chiptest.Program(w, `print("start") while true do end`, device.Config{HostCPU: host}).PowerOn()
		w.Clock.RunUntil(clock.At(4 * clock.Second))
		if !strings.Contains(out.String(), "reset: software watchdog") {
			t.Errorf("host CPU %v: the watchdog did not bite: %q", host, out)
		}
	}
}

// Time does not run backwards when a device is reset that is ahead of the world: the next
// boot begins when what it has done is over.
func TestResetOfABusyDevice(t *testing.T) {
	w := world.New(1)
	d := chiptest.Program(w, `local n = 0 while n < 1e6 do n = n + 1 end print("done")`, device.Config{})
	last, boots := clock.Time(0), 0
	w.Subscribe(func(e world.Event) {
		if e.Time < last {
			t.Errorf("%T at %d, after one at %d", e.Data, e.Time, last)
		}
		last = e.Time
		if _, ok := e.Data.(event.Boot); ok {
			boots++
		}
	})
	d.PowerOn()
	for at := clock.Second / 2; at < 20*clock.Second; at += clock.Second {
		w.Clock.RunUntil(clock.At(at))
		d.PressReset()
	}
	w.Clock.RunUntil(clock.At(30 * clock.Second))
	if boots < 5 {
		t.Errorf("%d boots", boots)
	}
}

func TestSchedulerOrder(t *testing.T) {
	w := world.New(1)
	var got []string
	say := func(s string) func() { return func() { got = append(got, s) } }
	d := device.New(w, device.Config{Board: chiptest.Board(), Startup: func(d *device.Device) {
		d.PostTask(ets.Low, say("low"))
		d.PostTask(ets.High, say("high"))
		d.PostTask(ets.Medium, say("medium"))
		d.ETS.Receive(say("packet"))
		d.NewTimer(say("timer armed first")).Arm(0, false)
		d.NewTimer(say("timer armed last")).Arm(0, false)
		d.NewTimer(say("later")).Arm(10*clock.Millisecond, false)
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	want := "timer armed last,timer armed first,packet,high,medium,low,later"
	if s := strings.Join(got, ","); s != want {
		t.Errorf("got %s\nwant %s", s, want)
	}
}

func TestPeriodicTimerKeepsItsGridUnlessLate(t *testing.T) {
	w := world.New(1)
	var at []clock.Duration
	busy := clock.Duration(0)
	d := device.New(w, device.Config{Board: chiptest.Board(), BootDelay: clock.Second, Startup: func(d *device.Device) {
		start := d.Now()
		d.NewTimer(func() {
			at = append(at, d.Now().Sub(start)/clock.Millisecond)
			if len(at) == 2 {
				d.ETS.DelayFed(busy)
			}
		}).Arm(100*clock.Millisecond, true)
	}})
	busy = 350 * clock.Millisecond
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second + 900*clock.Millisecond))
	// The second callback lasts from 200 to 550: 300 is made up at 550, in a
	// loop that has run for 350 ms, so the next is at 650.
	want := []clock.Time{100, 200, 550, 650, 750, 850}
	if fmt.Sprint(at) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", at, want)
	}
}

func TestTaskQueueIsBounded(t *testing.T) {
	w := world.New(1)
	posted := 0
	d := device.New(w, device.Config{Board: chiptest.Board(), Startup: func(d *device.Device) {
		for d.PostTask(ets.Low, func() {}) {
			posted++
		}
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(clock.Second))
	if posted != 8 {
		t.Errorf("%d tasks fit, want 8", posted)
	}
}

func TestErrorInTaskRestartsAfterTwoSeconds(t *testing.T) {
	w := world.New(1)
	out := chiptest.Record(w)
	var causes []string
	w.Subscribe(func(e world.Event) {
		if r, ok := e.Data.(event.Restart); ok {
			causes = append(causes, r.Cause)
		}
	})
	chiptest.Program(w, `print(nil .. "x")`, device.Config{}).PowerOn()
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if !strings.Contains(out.String(), "reset: software restart") {
		t.Errorf("no restart: %s", out)
	}
	if len(causes) != 1 || !strings.HasPrefix(causes[0], "2 s after an error that nothing has caught") {
		t.Errorf("causes %q", causes)
	}
}

func TestUncaughtErrorHaltsWhenAsked(t *testing.T) {
	w := world.New(1)
	out := chiptest.Record(w)
	d := chiptest.Program(w, `print(nil .. "x")`, device.Config{OnPanic: device.HaltOnError})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	if s := out.String(); strings.Contains(s, "restart") || !d.Halted() {
		t.Errorf("halted: %v, output %s", d.Halted(), s)
	}
}

func TestUnprotectedErrorIsAPanic(t *testing.T) {
	w := world.New(1)
	out := chiptest.Record(w)
	d := device.New(w, device.Config{Board: chiptest.Board(), OnPanic: device.HaltOnPanic, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(`local x = nil; x()`), "@init.lua")
		if err != nil {
			panic(err)
		}
		d.RunUnprotected("receive", fn, vm.Nil)
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	if !strings.Contains(out.String(), "PANIC: unprotected error in call to Lua API (") || !d.Halted() {
		t.Errorf("no panic: %s", out)
	}
}
