package device_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A world that is held in the middle of a Lua function takes inputs and lets itself be
// looked at; virtual time stands, and what the inputs cause comes when the function
// goes on.
func TestHoldWithinLua(t *testing.T) {
	w := world.New(1)
	out := chiptest.Record(w)
	held := true
	var at clock.Time
	hold := device.Module{Name: "debugger", Open: func(d *device.Device) *device.Lib {
		return &device.Lib{Funcs: []vm.Func{{Name: "hold", Fn: func(c *vm.Call) int {
			at = d.Now()
			w.Clock.Hold(func() bool { return held })
			if d.Now() != at {
				t.Errorf("time went on from %d to %d", at, d.Now())
			}
			return 0
		}}}}
	}}
	d := device.New(w, device.Config{Board: chiptest.Board(), Modules: []device.Module{hold}})
	if err := d.Flash.WriteFile("init.lua", []byte(`print("before") debugger.hold() print("after") while true do end`)); err != nil {
		t.Fatal(err)
	}
	d.PowerOn()
	name := d.Name()
	go func() {
		time.Sleep(20 * time.Millisecond)
		w.Send(name, input.PinLevel{Pin: 1, Level: 1}, nil)
		w.Send(name, input.Typed{Data: []byte("print('typed')\n")}, nil)
		w.Send(name, input.CollectGarbage{}, func(reply string, _ error) {
			if reply != "0" {
				t.Errorf("garbage was collected in the middle of a function: %s", reply)
			}
		})
		w.Clock.Look(func() {
			if s := d.Snapshot(); s.Time != at || d.Pins.Level(1) != 1 || d.Inspect.HeapSnapshot("look") == nil {
				t.Errorf("a look at %d: pin %d", s.Time, d.Pins.Level(1))
			}
			if where := d.VM.Where(); where != "init.lua:1" {
				t.Errorf("held at %q", where)
			}
			held = false
		})
	}()
	w.Clock.Run(clock.At(2*clock.Second), false)
	if got := out.String(); !strings.Contains(got, "before\nafter\n") || strings.Contains(got, "typed") {
		t.Errorf("printed %q", got) // the loop keeps the prompt from running the line
	}
	w.Send(name, input.ResetButton{}, nil)
	w.Clock.Look(w.Clock.Stop)
	held = true
	go func() {
		time.Sleep(20 * time.Millisecond)
		w.Send(name, input.ResetButton{}, nil) // the device is held again by now
		w.Clock.Look(func() { held = false })
	}()
	w.Clock.Run(clock.At(4*clock.Second), false) // it was 3.4 s ahead when it was reset
	w.Clock.Run(clock.At(5*clock.Second), false)
	if got := out.String(); strings.Count(got, "reset: external reset") != 2 {
		t.Errorf("resets: %q", got)
	}
}
