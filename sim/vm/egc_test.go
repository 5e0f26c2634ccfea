package vm_test

import (
	"os"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
	"github.com/nodemcu-sim/nodemcu-sim/sim/vm"
)

type egcExperiment struct {
	Name, Source, What string
	Mode               int     `json:"egc_mode"`
	Limit              int     `json:"memlimit"`
	R                  float64 `json:"R"`
	Alloc              int     `json:"alloc_total"`
	Peak               int
	After              int `json:"after_total"`
}

// The measured experiments on collector modes.
func TestCollectorModes(t *testing.T) {
	var all []egcExperiment
	readJSON(t, "memory-egc.json", &all)
	good := 0
	for _, x := range all {
		b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 6 << 20}), true)
		fn, err := b.v.Load([]byte(x.Source), "=s")
		if err != nil {
			t.Errorf("%s: %v", x.Name, err)
			continue
		}
		b.settle()
		b.v.SetEGC(x.Mode, x.Limit)
		b.v.ResetMemoryStats()
		_, lerr, _ := b.v.Call(fn, 0)
		st := b.v.MemoryStats()
		r, _ := b.v.Globals().RawGetString("R").(vm.Number)
		fn = nil
		b.v.RestartCollector()
		after := b.settle()
		if lerr != nil {
			t.Logf("%s: %v", x.Name, lerr.Message())
			continue
		}
		if float64(r) == x.R && st.AllocTotal == x.Alloc && st.Peak == x.Peak {
			good++
		} else if os.Getenv("EGC") != "" {
			t.Logf("%s: R %v want %v; alloc %d want %d; peak %d want %d; after %d want %d\n%s", x.Name, r, x.R, st.AllocTotal, x.Alloc, st.Peak, x.Peak, after, x.After, x.Source)
		}
	}
	t.Logf("%d of %d", good, len(all))
}
