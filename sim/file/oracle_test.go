package file

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
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
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// scenario is one measured program, as spiffs-traces.json has it.
type scenario struct {
	Name    string   `json:"name"`
	UntilMS int64    `json:"until_ms"`
	Config  []string `json:"config"`
	Lua     string   `json:"lua"`
	Reset   string   `json:"heap_or_reset"` // why the result depends on what is in memory
	Trace   []entry  `json:"trace"`
}

// entry is one line of a trace, by field name.
type entry map[string]any

// TestOracleFiles runs every measured scenario and compares what it logged: events, calls
// with their results and errors, and what was printed.
func TestOracleFiles(t *testing.T) {
	oracle.Set{
		Name:     "spiffs-traces",
		Parallel: true,
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			file := oracle.Decode[struct{ Scenarios []scenario }](t, data)
			for _, s := range file.Scenarios {
				entries = append(entries, oracle.Entry{Name: s.Name, Undefined: s.Reset != "", Check: s.check})
			}
			return entries
		},
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
		var a, b entry
		if i < len(got) {
			a = got[i]
		}
		if i < len(s.Trace) {
			b = s.Trace[i]
			for _, timing := range []string{"t", "q", "t_end"} { // Lua takes no time there
				delete(b, timing)
			}
		}
		if !reflect.DeepEqual(plain(a), plain(b)) {
			return fmt.Sprintf("entry %d:\n\tgot  %v\n\twant %v", i, a, b)
		}
	}
	return ""
}

// plain brings values into the form that JSON gives them.
func plain(e entry) (out entry) {
	data, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

// recorder makes the trace of a run.
type recorder struct {
	d     *device.Device
	trace []entry
	fs    *flash.FS
	done  flash.Work // since boot
}

// run runs the scenario and returns its trace.
func (s scenario) run() ([]entry, error) {
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
	text = address.ReplaceAllString(latin1(text), "0xADDR")
	if n := len(r.trace); n > 0 {
		if last, ok := r.trace[n-1]["uart"].(string); ok {
			r.trace[n-1]["uart"] = last + text
			return
		}
	}
	r.trace = append(r.trace, entry{"uart": text})
}

// latin1 makes a character of each byte.
func latin1(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// open gives the script its helper functions.
func (r *recorder) open(d *device.Device) *device.Lib {
	for _, f := range []vm.Func{
		{Name: "L", Fn: func(c *vm.Call) int {
			e := entry{"ev": r.show(c.Arg(1)), "a": r.showAll(c, 2)}
			r.trace = append(r.trace, e)
			return 0
		}},
		{Name: "X", Fn: r.call},
		{Name: "flashstat", Fn: func(c *vm.Call) int {
			return c.Return(vm.Number(r.done.Erases), vm.Number(r.done.Writes))
		}},
	} {
		d.VM.SetField(d.VM.Globals(), f.Name, d.VM.NewFunction(f))
	}
	return &device.Lib{}
}

// call is X(text): it evaluates an expression list, protected, and logs what came of it.
func (r *recorder) call(c *vm.Call) int {
	text := c.String(1)
	e := entry{"call": latin1(text)}
	r.trace = append(r.trace, e)
	fn, err := c.VM.Load([]byte("return "+text), "=x")
	if err != nil {
		e["ok"], e["err"] = false, latin1(err.Error())
		return 0
	}
	values, luaErr := c.PCall(fn, -1, nil)
	if luaErr != nil {
		e["ok"], e["err"] = false, r.show(luaErr.Value)
		return 0
	}
	e["ok"] = true
	if len(values) > 0 {
		list := []any{}
		for _, v := range values {
			list = append(list, r.show(v))
		}
		e["r"] = list
	}
	return 0
}

func (r *recorder) showAll(c *vm.Call, from int) []any {
	out := []any{}
	for i := from; i <= c.NArgs(); i++ {
		out = append(out, r.show(c.Arg(i)))
	}
	return out
}

// longString is how long a string may be, in bytes, that stands in the trace as it is.
const longString = 200

func (r *recorder) show(v vm.Value) any {
	switch v := v.(type) {
	case vm.Number:
		return float64(v)
	case vm.String:
		if len(v) <= longString {
			return latin1(string(v))
		}
		h := fnv.New32a()
		h.Write([]byte(v))
		return entry{"len": len(v), "head": latin1(string(v[:24])), "tail": latin1(string(v[len(v)-8:])), "fnv": h.Sum32()}
	case *vm.Table:
		list := []any{}
		for key, value, _ := r.d.VM.RawNext(v, vm.Nil); key != vm.Nil; key, value, _ = r.d.VM.RawNext(v, key) {
			list = append(list, []any{r.show(key), r.show(value)})
		}
		return entry{"table": list}
	}
	switch v {
	case vm.Nil:
		return nil
	case vm.True, vm.False:
		return v == vm.True
	}
	g := r.d.VM.Globals()
	for key, value, _ := r.d.VM.RawNext(g, vm.Nil); key != vm.Nil; key, value, _ = r.d.VM.RawNext(g, key) {
		if name, ok := key.(vm.String); ok && value == v {
			return "<" + r.d.VM.TypeName(v) + ":" + string(name) + ">"
		}
	}
	return "<" + r.d.VM.TypeName(v) + ">"
}
