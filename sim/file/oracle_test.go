package file

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// scenario is one measured program of spiffs-traces.json.
type scenario struct{ traces.Scenario }

// TestOracleFiles runs every measured scenario and compares what it logged: events, calls
// with their results and errors, and what was printed.
func TestOracleFiles(t *testing.T) {
	oracle.Set{
		Name:     "spiffs-traces",
		Parallel: true,
		Read:     traces.Scenarios(func(s traces.Scenario) string { return scenario{s}.check() }),
	}.Compare(t)
}

// scriptDelay is how long after boot the scripts started.
const scriptDelay = 1003 * clock.Millisecond

// check runs the scenario and returns the first difference, or "".
func (s scenario) check() string {
	got, err := s.run()
	if err != nil {
		return err.Error()
	}
	for i := range max(len(got), len(s.Trace)) {
		a, b := traces.Nth(got, i), traces.Nth(s.Trace, i).Without("t", "q", "t_end") // Lua takes no time there
		if !reflect.DeepEqual(traces.Plain(a), traces.Plain(b)) {
			return fmt.Sprintf("entry %d:\n\tgot  %v\n\twant %v", i, a, b)
		}
	}
	return ""
}

// recorder makes the trace of a run.
type recorder struct {
	d     *device.Device
	trace []traces.Entry
	fs    *flash.FS
	done  flash.Work // since boot
}

// run runs the scenario and returns its trace.
func (s scenario) run() ([]traces.Entry, error) {
	address, size := 0x100000, 0x100000
	for _, c := range s.Config {
		place, ok := strings.CutPrefix(c, "fs=")
		a, b, _ := strings.Cut(place, ",")
		at, err := strconv.ParseUint(a, 16, 32)
		n, err2 := strconv.ParseUint(b, 16, 32)
		if !ok || err != nil || err2 != nil {
			return nil, fmt.Errorf("config %q", c)
		}
		address, size = int(at), int(n)
	}
	base, err := boards.Load("nodemcu-v1")
	if err != nil {
		return nil, err
	}
	b := *base
	b.FS = board.FS{Address: address, Size: size}
	b.Heap.Size = 1 << 20 // the measurement's Lua had no limit

	w := world.New(1)
	r := &recorder{fs: flash.New(size)}
	r.done = formatted(r.fs)
	r.d = device.New(w, device.Config{
		Board: &b, Flash: r.fs, HostCPU: true, BootDelay: scriptDelay, OnPanic: device.HaltOnPanic,
		Modules: []device.Module{Module, {Name: "oracle", Open: r.open}},
		Startup: func(d *device.Device) {
			fn, loadErr := d.VM.Load([]byte(s.Lua), "=script")
			if loadErr != nil {
				err = loadErr
				return
			}
			d.Run("script", fn)
		},
	})
	r.fs.OnWork(func(w flash.Work) {
		r.done.Erases += w.Erases
		r.done.Writes += w.Writes
	})
	w.Subscribe(func(e world.Event) {
		if out, ok := e.Data.(event.Output); ok {
			r.print(out.Text)
		}
	})
	r.d.PowerOn()
	w.Clock.RunUntil(clock.At(scriptDelay).Add(clock.Duration(s.UntilMS) * clock.Millisecond))
	return r.trace, err
}

// formatted is what formatting the file system before the script took.
func formatted(fs *flash.FS) (w flash.Work) {
	fs.OnWork(func(done flash.Work) { w = done })
	fs.Format()
	return w
}

var address = regexp.MustCompile(`0x[0-9a-f]{8}`)

// print logs what the device printed; pieces that follow each other are one.
func (r *recorder) print(text string) {
	text = address.ReplaceAllString(traces.Latin1(text), "0xADDR")
	if n := len(r.trace); n > 0 {
		if last, ok := r.trace[n-1]["uart"].(string); ok {
			r.trace[n-1]["uart"] = last + text
			return
		}
	}
	r.trace = append(r.trace, traces.Entry{"uart": text})
}

// open gives the script its helper functions.
func (r *recorder) open(d *device.Device) *device.Lib {
	for _, f := range []vm.Func{
		{Name: "L", Fn: func(c *vm.Call) int {
			e := traces.Entry{"ev": traces.Value(c.VM, c.Arg(1)), "a": traces.Values(c, 2)}
			r.trace = append(r.trace, e)
			return 0
		}},
		{Name: "X", Fn: func(c *vm.Call) int {
			traces.Call(c, func(e traces.Entry) { r.trace = append(r.trace, e) })
			return 0
		}},
		{Name: "flashstat", Fn: func(c *vm.Call) int {
			return c.Return(vm.Number(r.done.Erases), vm.Number(r.done.Writes))
		}},
	} {
		d.VM.SetField(d.VM.Globals(), f.Name, d.VM.NewFunction(f))
	}
	return &device.Lib{}
}
