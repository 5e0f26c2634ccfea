package vm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// The tests on measurements run what the firmware's own VM did (testdata/memory-*)
// and compare: see package oracle.

func openLibs(v *vm.VM) { lualib.Open(v) }

// bench is a VM as the measurements were made on: the libraries, the global R
// and the helper table oracle.
type bench struct {
	v    *vm.VM
	out  strings.Builder
	mark float64

	slice func() // called after each instruction, if set
}

func newBench(t testing.TB, h *heap.Heap) *bench {
	b := &bench{}
	v := vm.New(vm.Config{
		Output:     func(s string) { b.out.WriteString(s) },
		Heap:       h,
		SliceNanos: 1, // without prices it is never called
		Slice: func() {
			if b.slice != nil {
				b.slice()
			}
		},
	})
	b.v = v
	openLibs(v)
	blob := &vm.Type{Name: "oracle.udata"}
	v.OpenModule("oracle", []vm.Func{
		{Name: "mark", Fn: func(c *vm.Call) int { b.mark = c.Number(1); return 0 }},
		{Name: "bytes", Fn: func(c *vm.Call) int { return c.ReturnInt(v.LuaBytes()) }},
		{Name: "ref", Fn: func(c *vm.Call) int { return c.ReturnInt(int(v.Ref(c.Arg(1), "oracle.ref"))) }},
		{Name: "unref", Fn: func(c *vm.Call) int {
			r := vm.Ref(c.Int(1))
			v.Unref(&r)
			return 0
		}},
		{Name: "udata", Fn: func(c *vm.Call) int { return c.Return(v.NewObject(blob, c.Int(1), nil)) }},
		{Name: "cclosure", Fn: func(c *vm.Call) int {
			var up []vm.Value
			for i := 1; i <= c.NArgs(); i++ {
				up = append(up, c.Arg(i))
			}
			return c.Return(v.NewClosure(vm.Func{Name: "cclosure", Fn: func(*vm.Call) int { return 0 }}, up...))
		}},
		{Name: "gc", Fn: func(c *vm.Call) int { v.Collect(); return 0 }},
	}, nil)
	v.OpenModule("node", nil, []vm.Const{{Name: "egc", Value: v.NewROMTable("node.egc", []vm.Func{
		{Name: "setmode", Fn: func(c *vm.Call) int { v.SetEGC(c.Int(1), c.OptInt(2, 0)); return 0 }},
		{Name: "meminfo", Fn: func(c *vm.Call) int { return c.ReturnInt(v.LuaBytes()) }},
	}, []vm.Const{{Name: "ALWAYS", Value: vm.Number(heap.EGCAlways)}})}})
	v.StartAccounting()
	v.SetField(v.Globals(), "R", vm.False)
	b.settle()
	return b
}

// roomy returns a bench whose heap has room bytes left, and so little in holes.
func roomy(t testing.TB, room int) *bench {
	_, total := heap.BootLengths(heap.SDK16)
	h := heap.New(heap.Config{Size: total + 2000 + room})
	b := newBench(t, h)
	for _, n := range []int{200, 8} { // from the bottom up
		for h.Free() > room+n+24 {
			if _, ok := h.Allocate(n); !ok {
				break
			}
		}
	}
	return b
}

// settle collects until nothing changes.
func (b *bench) settle() int {
	last := -1
	for n := b.v.MemoryStats().Total; n != last; n = b.v.MemoryStats().Total {
		last = n
		b.v.Collect()
	}
	return last
}

type snippet struct {
	Name, Category, Source string
	Before                 int `json:"count_before"`
	Loaded                 int `json:"count_loaded"`
	Delta, Peak            int
	AllocTotal             int `json:"alloc_total"`
	Compile                struct {
		Alloc int `json:"alloc_total"`
		Peak  int `json:"peak_above_before"`
	}
}

// TestOracleSnippets compares bytes retained, the peak while running and the sum of all
// requests, of loading and of running, under the device's default collector.
func TestOracleSnippets(t *testing.T) {
	oracle.Set{
		Name: "memory-snippets",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			for _, s := range oracle.Decode[[]snippet](t, data) {
				entries = append(entries, oracle.Entry{Name: s.Name, Check: func() string { return s.check(t) }})
			}
			return entries
		},
	}.Compare(t)
}

func (s *snippet) check(t *testing.T) (difference string) {
	b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 22}))
	before := b.settle()
	b.v.ResetMemoryStats()
	fn, err := b.v.Load([]byte(s.Source), "=s")
	if err != nil {
		return err.Error()
	}
	compiled := b.v.MemoryStats()
	loaded := b.settle()
	b.v.ResetMemoryStats()
	_, lerr, _ := b.v.Call(fn, 0)
	ran := b.v.MemoryStats()
	fn = nil
	after := b.settle()
	if lerr != nil {
		return lerr.Message()
	}
	figure := func(name string, got, want int) {
		if got != want {
			difference += fmt.Sprintf(" %s %d, want %d;", name, got, want)
		}
	}
	figure("before", before, s.Before)
	figure("loaded", loaded, s.Loaded)
	figure("compile peak", compiled.Peak-before, s.Compile.Peak)
	figure("compile alloc", compiled.AllocTotal, s.Compile.Alloc)
	figure("delta", after-before, s.Delta)
	figure("peak", ran.Peak-before, s.Peak-s.Before)
	figure("alloc", ran.AllocTotal, s.AllocTotal)
	return difference
}
