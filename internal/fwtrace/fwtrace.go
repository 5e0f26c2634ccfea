// Package fwtrace runs measured scenarios on a simulated device and compares what
// the program sees with what it saw on the firmware's own code.
//
// A scenario is a Lua script and a trace: the calls the script made, the
// callbacks it got, and their times in microseconds since it started. The format
// is that of oracle net-behaviour.md 1.2; the helper functions the scripts use
// (L, C, at, name, rep) are made here. Entries that say when an object's memory
// was freed are left out: what they show is the business of the memory model.
//
// It is for tests: it knows nothing of what the modules under test do.
package fwtrace

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm"
)

// Entry is one line of a trace, by field name; "q", the global order number, is
// dropped.
type Entry map[string]any

// Scenario is one measured script.
type Scenario struct {
	Name    string  `json:"name"`
	Note    string  `json:"note"`
	Lua     string  `json:"lua"`
	UntilMS int     `json:"until_ms"`
	Trace   []Entry `json:"trace"`
}

// bootDelay is how long after boot the scripts started (net-behaviour.md 1.1).
const bootDelay = 1003 * clock.Millisecond

// overtime is how long a scenario runs on, for work that its end finds the CPU
// busy with.
const overtime = 20 * clock.Millisecond

// Load reads scenarios from a file.
func Load(t *testing.T, path string) []Scenario {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s []Scenario
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(s) == 0 {
		t.Fatalf("%s: no scenarios", path)
	}
	return s
}

// Options say how to compare.
type Options struct {
	Modules []sim.Module
	Board   *sim.Board
}

// Check runs a scenario and reports the first difference.
func Check(t *testing.T, s Scenario, o Options) {
	t.Helper()
	want := normal(s.Trace)
	n := len(want)
	endless := n > 0 && want[n-1]["ev"] == "LIVELOCK"
	if endless { // the measurement stopped there, the device does not
		n--
		want = want[:n]
		s.UntilMS = int(want[n-1]["t"].(float64)) / 1000
	}
	got := Run(t, s, o)
	// Work that began before the end of the measurement was still in it.
	end := float64(s.UntilMS * 1000)
	if n > 0 {
		end = max(end, want[n-1]["t"].(float64))
	}
	for len(got) > 0 && (got[len(got)-1]["t"].(float64) > end || endless && len(got) > n) {
		got = got[:len(got)-1]
	}
	for i := range max(len(got), len(want)) {
		if i < len(got) && i < len(want) && reflect.DeepEqual(got[i], want[i]) {
			continue
		}
		show := func(list []Entry) string {
			if i >= len(list) {
				return "nothing"
			}
			b, _ := json.Marshal(list[i])
			return string(b)
		}
		t.Errorf("%s\n%s\nentry %d: got %s\n        want %s", s.Note, s.Lua, i, show(got), show(want))
		return
	}
}

var functionName = regexp.MustCompile(`bad argument #(\d+) to '[^']*'`)

// normal brings a trace into the form in which traces are compared: without
// order numbers and collected objects, names of functions in argument errors as
// the measurement had them.
func normal(trace []Entry) []Entry {
	var out []Entry
	for _, e := range trace {
		n := Entry{}
		for k, v := range e {
			if k != "q" {
				n[k] = v
			}
		}
		if n["ev"] == "collected" {
			continue
		}
		out = append(out, n)
	}
	// Through JSON, so that all numbers are of one type.
	data, err := json.Marshal(out)
	if err != nil {
		panic(err)
	}
	text := functionName.ReplaceAllString(string(data), "bad argument #$1 to '?'")
	out = nil
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		panic(err)
	}
	return out
}

// Run runs a scenario and returns its trace.
func Run(t *testing.T, s Scenario, o Options) []Entry {
	t.Helper()
	w := sim.NewWorld(1)
	r := &run{names: map[*vm.UserData]string{}}
	modules := append(append([]sim.Module(nil), o.Modules...), sim.Module{Name: "fwtrace", Open: r.open})
	d := w.AddDevice(sim.Config{
		Board:     o.Board,
		Modules:   modules,
		HostCPU:   true,
		BootDelay: bootDelay,
		OnPanic:   sim.HaltOnPanic,
		Startup: func(d *sim.Device) {
			r.start = d.Now()
			fn, err := d.VM.Load([]byte(s.Lua), "@script")
			if err != nil {
				t.Errorf("%v", err)
				return
			}
			if _, err, _ := d.VM.Call(fn, 0); err != nil {
				t.Errorf("the script failed: %v", err)
			}
		},
	})
	w.Subscribe(func(e sim.Event) {
		switch data := e.Data.(type) {
		case sim.ResetData:
			r.log(Entry{"ev": "system_restart"})
			r.over = true
		case sim.PanicData:
			r.log(Entry{"ev": "PANIC", "s": data.Message})
		}
	})
	d.PowerOn()
	w.Clock.RunUntil(bootDelay + clock.Duration(s.UntilMS)*clock.Millisecond + overtime)
	return normal(r.trace)
}

// run is a scenario under way.
type run struct {
	dev   *sim.Device
	start clock.Time
	trace []Entry
	over  bool
	names map[*vm.UserData]string
	anon  int
}

func (r *run) log(e Entry) {
	if r.over {
		return
	}
	e["t"] = int64(r.dev.Now() - r.start)
	r.trace = append(r.trace, e)
}

// open makes the helper functions.
func (r *run) open(d *sim.Device) *sim.Lib {
	r.dev = d
	for _, f := range []vm.Func{
		{Name: "L", Fn: r.logEvent},
		{Name: "C", Fn: r.logCall},
		{Name: "at", Fn: r.at},
		{Name: "name", Fn: r.name},
		{Name: "rep", Fn: func(c *vm.Call) int { return c.ReturnString(strings.Repeat("x", c.Int(1))) }},
		{Name: "print", Fn: func(c *vm.Call) int {
			r.log(Entry{"ev": "print", "s": c.String(1)})
			return 0
		}},
	} {
		d.VM.Globals().RawSetString(f.Name, d.VM.NewFunction(f))
	}
	return &sim.Lib{}
}

// name is name(object, id): the object shows under that id.
func (r *run) name(c *vm.Call) int {
	r.names[c.Arg(1).(*vm.UserData)] = c.String(2)
	return c.Return(c.Arg(1))
}

// at is at(ms, fn): fn runs at that time from a task of the lowest priority.
func (r *run) at(c *vm.Call) int {
	fn := c.VM.Ref(c.Function(2), "at")
	when := r.start + clock.Duration(c.Int(1))*clock.Millisecond
	r.dev.NewTimer(func() {
		r.dev.PostTask(sim.Low, func() {
			f := r.dev.VM.Deref(fn)
			r.dev.VM.Unref(&fn)
			r.dev.Run("at", f)
		})
	}).ArmAt(when, 0, false)
	return 0
}

// show returns a value as traces have it.
func (r *run) show(v *vm.VM, x vm.Value) any {
	switch x := x.(type) {
	case vm.Number:
		return float64(x)
	case vm.Bool:
		return bool(x)
	case vm.String:
		if len(x) > 100 && !strings.Contains(string(x), "stack traceback") {
			return Entry{"len": len(x), "head": string(x[:12])}
		}
		return string(x)
	case *vm.Function:
		return "<function>"
	case *vm.UserData:
		return "<" + r.id(x) + ">"
	}
	if x == vm.Nil {
		return nil
	}
	return "<" + v.TypeName(x) + ">"
}

// id returns the name of an object; those that the script never named are
// numbered as they appear.
func (r *run) id(ud *vm.UserData) string {
	if _, ok := r.names[ud]; !ok {
		r.anon++
		r.names[ud] = fmt.Sprintf("u%d", r.anon)
	}
	return r.names[ud]
}

// logEvent is L(event, ...); an object as first argument is what the event is on.
func (r *run) logEvent(c *vm.Call) int {
	e := Entry{"ev": c.String(1)}
	from := 2
	if ud, ok := c.Arg(2).(*vm.UserData); ok {
		e["on"] = r.id(ud)
		from = 3
	}
	var args []any
	for i := from; i <= c.NArgs(); i++ {
		args = append(args, r.show(c.VM, c.Arg(i)))
	}
	if args != nil {
		e["a"] = args
	}
	r.log(e)
	return 0
}

// logCall is C(object, method, ...) or C("module.function", ...): it calls,
// protected, and logs the call with its results.
func (r *run) logCall(c *vm.Call) int {
	e := Entry{}
	var fn vm.Value
	var args []vm.Value
	from := 2
	if ud, ok := c.Arg(1).(*vm.UserData); ok {
		e["call"], e["on"] = c.String(2), r.id(ud)
		fn = c.L.GetField(ud, c.String(2))
		args = append(args, ud)
		from = 3
	} else {
		path := c.String(1)
		e["call"] = path
		fn = c.L.GetGlobal(strings.SplitN(path, ".", 2)[0])
		for _, part := range strings.Split(path, ".")[1:] {
			fn = c.L.GetField(fn, part)
		}
	}
	shown := []any{}
	for i := from; i <= c.NArgs(); i++ {
		args = append(args, c.Arg(i))
		shown = append(shown, r.show(c.VM, c.Arg(i)))
	}
	e["a"] = shown
	r.log(e)
	before := r.dev.Now()
	ret, err := c.PCall(fn, -1, nil, args...)
	if dt := r.dev.Now() - before; dt > 0 {
		e["dt_us"] = int64(dt)
	}
	e["ok"] = err == nil
	if err != nil {
		e["err"] = err.Message()
		return 0
	}
	var results []any
	for _, v := range ret {
		results = append(results, r.show(c.VM, v))
	}
	if results != nil {
		e["r"] = results
	}
	return 0
}
