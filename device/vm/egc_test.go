package vm_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

type egcExperiment struct {
	Name, Source, What string
	Mode               int     `json:"egc_mode"`
	Limit              int     `json:"memlimit"`
	R                  float64 `json:"R"`
	Alloc              int     `json:"alloc_total"`
	Peak               int
}

// The measured experiments on collector modes.
func TestCollectorModes(t *testing.T) {
	var all []egcExperiment
	own := readJSON(t, "memory-egc.json", &all)
	exact := 0
	for i, x := range all {
		b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 6 << 20}))
		fn, err := b.v.Load([]byte(x.Source), "=s")
		if err != nil {
			t.Errorf("%s: %v", x.Name, err)
			continue
		}
		b.settle()
		b.v.SetEGC(x.Mode, x.Limit)
		b.v.ResetMemoryStats()
		if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
			t.Errorf("%s: %v", x.Name, lerr.Message())
			continue
		}
		st := b.v.MemoryStats()
		r, _ := b.v.RawGetString(b.v.Globals(), "R").(vm.Number)
		if float64(r) == x.R && st.AllocTotal == x.Alloc && st.Peak == x.Peak {
			exact++
			continue
		}
		t.Logf("%s: R %v, want %v; allocated %d, want %d; peak %d, want %d", x.Name, r, x.R, st.AllocTotal, x.Alloc, st.Peak, x.Peak)
		if i < own {
			t.Errorf("%s is no longer exact", x.Name)
		}
	}
	t.Logf("%d of %d exact", exact, len(all))
}
