package vm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// bounded is a VM with the libraries on which every run ends: a watchdog kills what
// takes longer than limit, in microseconds of the device's CPU, of which an
// instruction takes one.
type bounded struct {
	v     *vm.VM
	out   strings.Builder
	files map[string]string
	limit int64
	until int64
}

// newBounded takes the heap's size in bytes, an ideal one.
func newBounded(size int, limit int64) *bounded {
	b := &bounded{files: map[string]string{}, limit: limit}
	seed := uint32(0)
	b.v = vm.New(vm.Config{
		Output: func(s string) {
			if b.out.Len() < 1<<20 { // a program may print for ever
				b.out.WriteString(s)
			}
		},
		ReadFile:   func(name string) ([]byte, bool) { s, ok := b.files[name]; return []byte(s), ok },
		Random:     func() uint32 { seed = seed*1664525 + 1013904223; return seed },
		Heap:       heap.New(heap.Config{Layout: heap.Ideal, Size: size}),
		SliceNanos: 1e6,
		Slice: func() {
			if b.v.CPU() > b.until {
				b.v.Kill("watchdog")
			}
		},
	})
	b.v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000})
	openLibs(b.v)
	b.v.StartAccounting()
	return b
}

// call calls a function and says how that ended: "" is well.
func (b *bounded) call(fn vm.Value, args ...vm.Value) (end string) {
	defer func() {
		if p := recover(); p != nil {
			end = fmt.Sprintf("host panic: %v", p)
		}
	}()
	b.until = b.v.CPU() + b.limit*1000
	_, lerr, kill := b.v.Call(fn, 0, args...)
	switch {
	case kill != nil:
		return "killed: " + kill.Reason
	case lerr != nil:
		return "error: " + lerr.Message()
	}
	return ""
}

// run runs a chunk and returns what it printed and how it ended.
func (b *bounded) run(src string) string {
	b.out.Reset()
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		return "load: " + err.Error()
	}
	end := b.call(fn)
	return strings.TrimSuffix(b.out.String(), "\n") + end
}

// goWords are what only the host's language says.
var goWords = []string{"runtime error", "nil pointer", "interface conversion", "LValue", "LTable", "LFunction", "LState", "index out of range [",
	"slice bounds", "internal error", "makeslice", "goroutine", "invalid memory address", ".go:", "unhashable"}

// noGo fails when a text that a program or a person sees has words of Go's.
func noGo(t testing.TB, what, text string) {
	t.Helper()
	for _, w := range goWords {
		if strings.Contains(text, w) {
			t.Errorf("%s shows %q: %s", what, w, short(text))
			return
		}
	}
}

func short(s string) string {
	if len(s) > 300 {
		return fmt.Sprintf("%s… (%d bytes)", s[:300], len(s))
	}
	return s
}

// A watchdog ends what no instruction of the program's is part of.
func TestNativesThatCallEachOther(t *testing.T) {
	const sparse = `local s, k = "", 5 for i = 0, 27 do s = s .. ",[" .. k .. "]=1" k = 2 * k end local t = assert(loadstring("return {1,2,3,4" .. s .. "}")) t = t() assert(#t > 0x20000000) `
	for _, src := range []string{
		sparse + `table.foreachi(t, math.randomseed)`, sparse + `pcall(table.foreachi, t, math.randomseed)`, sparse + `pcall(pcall, table.foreachi, t, math.randomseed)`,
		sparse + `coroutine.wrap(function() table.foreachi(t, math.randomseed) end)()`,
		`while true do pcall(error) end`, `local function f() return pcall(f) end f()`, `repeat until pcall(load, tostring)`,
		`load(coroutine.wrap(function() while true do coroutine.yield(" ") end end))`,
	} {
		b := newBounded(1<<18, 1e6)
		if got := b.run(src); got != "killed: watchdog" && !strings.HasPrefix(src, "repeat") && !strings.HasPrefix(src, "local f") {
			t.Errorf("%s: %s", src, got)
		}
	}
}
