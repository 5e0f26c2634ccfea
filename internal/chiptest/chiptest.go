// Package chiptest is the bench on which the packages that a device consists of are
// tested: a bare chip without firmware modules, in virtual time, with somebody at its
// serial port; and what tests of any device have in common. Only tests import it.
package chiptest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Board is a board without pins or parts, on which a microsecond is an instruction.
func Board() *board.Board {
	return &board.Board{Name: "test", Title: "Test", FS: board.FS{Size: 1 << 20}, CPU: board.CPU{MHz: 80, Instruction: 1, Call: 1}}
}

// Record collects what a world's devices print and what happens to them.
func Record(w *world.World) *strings.Builder {
	out := &strings.Builder{}
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Reset:
			fmt.Fprintf(out, "[%d reset: %s]\n", e.Time, d.Reason)
		case event.Boot:
			fmt.Fprintf(out, "[%d boot: %s]\n", e.Time, d.Reason)
		}
	})
	return out
}

// Program returns a device, switched off, that runs src when it boots, instead of
// the prompt.
func Program(w *world.World, src string, cfg device.Config) *device.Device {
	cfg.Board = Board()
	cfg.Startup = func(d *device.Device) {
		fn, err := d.VM.Load([]byte(src), "@init.lua")
		if err != nil {
			panic(err)
		}
		d.Run("init.lua", fn)
	}
	return device.New(w, cfg)
}

// Terminal is what a person at the serial port sees.
type Terminal struct {
	World  *world.World
	Device *device.Device
	Out    strings.Builder // what came back, with the device's line ends
}

// New powers a device with these files on and waits for its prompt. Its board is
// Board unless the configuration has one.
func New(t testing.TB, files map[string]string, cfg device.Config) *Terminal {
	t.Helper()
	x := &Terminal{World: world.New(1)}
	x.World.Subscribe(func(e world.Event) {
		if o, ok := e.Data.(event.Output); ok {
			x.Out.WriteString(o.Text)
		}
	})
	if cfg.Board == nil {
		cfg.Board = Board()
	}
	x.Device = device.New(x.World, cfg)
	for _, name := range slices.Sorted(maps.Keys(files)) { // where a file lies costs time
		if err := x.Device.Flash.WriteFile(name, []byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	x.Device.PowerOn()
	x.Wait(500 * clock.Millisecond)
	return x
}

// Wait lets virtual time pass.
func (x *Terminal) Wait(d clock.Duration) { x.World.Clock.RunUntil(x.World.Clock.Now().Add(d)) }

// Send types text and returns what came back.
func (x *Terminal) Send(text string) string {
	x.Out.Reset()
	x.Device.Serial.Type([]byte(text))
	x.Wait(clock.Duration(len(text))*100 + 100*clock.Millisecond)
	return x.Out.String()
}

// Accounted checks that a heap snapshot after a collection accounts for every byte that the
// heap has given out.
func Accounted(t testing.TB, d *device.Device) {
	t.Helper()
	d.VM.Collect()
	if s, used := d.Inspect.HeapSnapshot("test"), d.VM.Heap().Used(); s.Used() != used {
		t.Errorf("objects take %d bytes, the heap has given out %d", s.Used(), used)
	}
}

// Live runs a world on a goroutine of its own, at the speed of its clock, until the test ends.
func Live(t testing.TB, w *world.World) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Clock.Run(clock.Forever, false)
	}()
	t.Cleanup(func() {
		w.Clock.Stop()
		<-done
	})
}
