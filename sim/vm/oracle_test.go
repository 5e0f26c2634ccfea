package vm_test

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm"
)

// bench is a VM as the measurements were made on: the libraries, the global R
// and the helper table oracle.
type bench struct {
	v    *vm.VM
	out  strings.Builder
	mark float64
	refs []vm.Ref
}

func newBench(t testing.TB, h *heap.Heap, exact bool) *bench {
	b := &bench{}
	v := vm.New(vm.Config{
		Output:     func(s string) { b.out.WriteString(s) },
		Heap:       h,
		ExactHeap:  exact,
		SliceNanos: 1e15,
	})
	b.v = v
	openLibs(v)
	blob := &vm.Type{Name: "oracle.udata"}
	b.refs = []vm.Ref{0}
	v.OpenModule("oracle", []vm.Func{
		{"mark", func(c *vm.Call) int { b.mark = c.Number(1); return 0 }},
		{"bytes", func(c *vm.Call) int { return c.ReturnInt(v.LuaBytes()) }},
		{"ref", func(c *vm.Call) int {
			r := v.Ref(c.Arg(1), "oracle.ref")
			return c.ReturnInt(int(r))
		}},
		{"unref", func(c *vm.Call) int {
			r := vm.Ref(c.Int(1))
			v.Unref(&r)
			return 0
		}},
		{"udata", func(c *vm.Call) int { return c.Return(v.NewObject(blob, c.Int(1), nil)) }},
		{"cclosure", func(c *vm.Call) int {
			var up []vm.Value
			for i := 1; i <= c.NArgs(); i++ {
				up = append(up, c.Arg(i))
			}
			return c.Return(v.NewClosure(vm.Func{Name: "cclosure", Fn: func(*vm.Call) int { return 0 }}, up...))
		}},
		{"gc", func(c *vm.Call) int { v.Collect(); return 0 }},
	}, nil)
	v.StartAccounting()
	v.SetField(v.Globals(), "R", vm.False)
	b.settle()
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

func (b *bench) run(t testing.TB, src, name string) *vm.Error {
	fn, err := b.v.Load([]byte(src), name)
	if err != nil {
		t.Fatal(err)
	}
	_, lerr, kill := b.v.Call(fn, 0)
	if kill != nil {
		t.Fatal(kill)
	}
	return lerr
}

type snippet struct {
	Name, Category, Source string
	Before                 int `json:"count_before"`
	Loaded                 int `json:"count_loaded"`
	Delta, Peak            int
	AllocTotal             int `json:"alloc_total"`
}

func readJSON(t testing.TB, name string, into any) {
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestSnippets(t *testing.T) {
	var all []snippet
	readJSON(t, "memory-snippets.json", &all)
	type stat struct{ n, delta, peak, alloc int }
	stats := map[string]*stat{}
	for _, s := range all {
		b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 22}), true)
		before := b.settle()
		fn, err := b.v.Load([]byte(s.Source), "=s")
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		loaded := b.settle()
		b.v.ResetMemoryStats()
		_, lerr, _ := b.v.Call(fn, 0)
		st := b.v.MemoryStats()
		fn = nil
		after := b.settle()
		if lerr != nil {
			t.Logf("%s: %v", s.Name, lerr.Message())
			continue
		}
		c := stats[s.Category]
		if c == nil {
			c = &stat{}
			stats[s.Category] = c
		}
		c.n++
		dd, dp, da := after-before-s.Delta, st.Peak-loaded-(s.Peak-s.Loaded), st.AllocTotal-s.AllocTotal
		if dd == 0 {
			c.delta++
		}
		if dp == 0 {
			c.peak++
		}
		if da == 0 {
			c.alloc++
		}
		if dd != 0 || dp != 0 || da != 0 || before != s.Before || loaded != s.Loaded {
			if os.Getenv("SNIP") != "" {
				t.Logf("%-24s before %d want %d; loaded %+d; delta %d (%+d) peak %d (%+d) alloc %d (%+d)", s.Name, before, s.Before, loaded-s.Loaded,
					s.Delta, dd, s.Peak-s.Loaded, dp, s.AllocTotal, da)
			}
		}
	}
	var names []string
	for n := range stats {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		c := stats[n]
		fmt.Printf("%-20s n %3d  delta %3d  peak %3d  alloc %3d\n", n, c.n, c.delta, c.peak, c.alloc)
	}
}
