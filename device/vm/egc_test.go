package vm_test

import (
	"fmt"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
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
func TestOracleCollectorModes(t *testing.T) {
	oracle.Set{
		Name: "memory-egc",
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			for _, x := range oracle.Decode[[]egcExperiment](t, data) {
				entries = append(entries, oracle.Entry{Name: x.Name, Check: func() string { return x.check(t) }})
			}
			return entries
		},
	}.Compare(t)
}

func (x *egcExperiment) check(t *testing.T) (difference string) {
	b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 6 << 20}))
	fn, err := b.v.Load([]byte(x.Source), "=s")
	if err != nil {
		return err.Error()
	}
	b.settle()
	b.v.SetEGC(x.Mode, x.Limit)
	b.v.ResetMemoryStats()
	if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
		return lerr.Message()
	}
	st := b.v.MemoryStats()
	if r, _ := b.v.RawGetString(b.v.Globals(), "R").(vm.Number); float64(r) != x.R || st.AllocTotal != x.Alloc || st.Peak != x.Peak {
		return fmt.Sprintf("R %v, want %v; allocated %d, want %d; peak %d, want %d", r, x.R, st.AllocTotal, x.Alloc, st.Peak, x.Peak)
	}
	return ""
}
