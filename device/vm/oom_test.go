package vm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

type oomScript struct {
	Name, Source string
	Runs         []oomRun
}

type oomRun struct {
	EGC     string `json:"egc_mode"`
	Limit   int    `json:"memlimit"`
	Layout  string `json:"heap_model"`
	Above   *int   `json:"limit_above_baseline"`
	Message string `json:"error_message"`
	Mark    float64
	Output  *string
	After   int `json:"totalbytes_after_pcall"`
	OneGC   int `json:"totalbytes_after_one_full_gc"`
	EM      *struct {
		Count int
		First []int
	} `json:"em_messages"`
}

var egcModes = map[string]int{"ALWAYS": heap.EGCAlways, "ON_ALLOC_FAILURE": heap.EGCOnAllocFailure,
	"NOT_ACTIVE": heap.EGCNotActive, "ON_MEM_LIMIT": heap.EGCOnMemLimit}

var layouts = map[string]heap.Layout{"ideal": heap.Ideal, "sdk_hdr16": heap.SDK16, "sdk_hdr8": heap.SDK8}

// heap is a heap with as much room above what boot and the harness take as the
// measurement had; "none" is one without a limit.
func (r *oomRun) heap(t *testing.T) *heap.Heap {
	c := heap.Config{Layout: heap.Ideal, Size: 1 << 22}
	if r.Above == nil {
		return heap.New(c)
	}
	c.Layout = layouts[r.Layout]
	h := heap.New(c)
	newBench(t, h)
	c.Size = h.Used() + *r.Above
	return heap.New(c)
}

// check executes a script as the measurement did: where it ends, with which message, and
// the E:M lines of the SDK's heaps.
func (r *oomRun) check(t *testing.T, src string) (difference string) {
	h := r.heap(t)
	b := newBench(t, h)
	b.v.SetEGC(egcModes[r.EGC], r.Limit)
	var em []int
	h.OnFail = func(n int) { em = append(em, n) }
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		return err.Error()
	}
	message, output := "", ""
	if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
		message = lerr.Message()
	}
	if r.Output != nil {
		output = *r.Output
	}
	if message != r.Message || b.mark != r.Mark || b.out.String() != output {
		difference = fmt.Sprintf("%q at %v after %q, want %q at %v after %q", message, b.mark, b.out.String(), r.Message, r.Mark, output)
	}
	if r.EM != nil && (len(em) != r.EM.Count || !slices.Equal(em[:min(len(em), len(r.EM.First))], r.EM.First)) {
		difference += fmt.Sprintf(" E:M %v, want %d: %v", em, r.EM.Count, r.EM.First)
	}
	return difference
}

// inexactOOM names the scripts of which a run ends elsewhere, and why.
var inexactOOM = map[string]string{
	"loadstring_big": "outside mode ALWAYS the incremental collector is at another place when the second chunk is compiled: the device then has 727 bytes of garbage more (peak 37,068, here 36,341), and other holes",
	"unpack_large":   "the device refuses to unpack from somewhere between 7,500 and 7,600 values on, not from 8,000 (LUAI_MAXCSTACK) on",
}

// Scripts that run out of memory, with the device's default collector and in the
// other modes, and each allocator.
func TestOracleOutOfMemory(t *testing.T) {
	oracle.Set{
		Name:   "memory-oom",
		Unlike: inexactOOM,
		Read: func(t *testing.T, data []byte) (entries []oracle.Entry) {
			for _, s := range oracle.Decode[[]oomScript](t, data) {
				entries = append(entries, oracle.Entry{Name: s.Name, Check: func() string {
					var all []string
					for _, r := range s.Runs {
						if d := r.check(t, s.Source); d != "" {
							all = append(all, fmt.Sprintf("%s %d %s: %s", r.EGC, r.Limit, r.Layout, d))
						}
					}
					return strings.Join(all, "; ")
				}})
			}
			return entries
		},
	}.Compare(t)
}

// What a compilation that runs out of memory leaves is garbage until the next
// collection.
func TestFailedCompilationsLeaveGarbage(t *testing.T) {
	n := 0
	for _, s := range oracle.Load[[]oomScript](t, "memory-oom") {
		if s.Name != "loadstring_big" && s.Name != "load_reader_big" {
			continue
		}
		for _, r := range s.Runs {
			if r.EGC != "ALWAYS" {
				continue
			}
			n++
			b := newBench(t, r.heap(t))
			b.v.SetEGC(heap.EGCAlways, r.Limit)
			fn, err := b.v.Load([]byte(s.Source), "=s")
			if err != nil {
				t.Fatal(err)
			}
			b.v.Call(fn, 0)
			after := b.v.MemoryStats().Total
			fn = nil
			b.v.Collect()
			if one := b.v.MemoryStats().Total; after != r.After || one != r.OneGC {
				t.Errorf("%s %s %d: %d bytes, after a collection %d, want %d and %d", s.Name, r.Layout, r.Limit, after, one, r.After, r.OneGC)
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d runs", n)
	}
}

// So it is with a syntax error, and with a precompiled chunk that ends too early.
func TestFailedLoadsLeaveGarbage(t *testing.T) {
	for _, src := range []string{
		`local s = "local function f() local t = {1, 2, a = 3} return function() x = = 1 end end" local b = oracle.bytes() loadstring(s, "=x") return oracle.bytes() - b`,
		`local s = string.dump(function() local t = {1, 2, a = 3} return function() return t end end):sub(1, -20) local b = oracle.bytes() loadstring(s, "=x") return oracle.bytes() - b`,
	} {
		b := newBench(t, heap.New(heap.Config{Layout: heap.Ideal, Size: 1 << 22}))
		var left, after [2]int
		for i := range 2 { // the first time the string table grows
			fn, err := b.v.Load([]byte(src), "=s")
			if err != nil {
				t.Fatal(err)
			}
			ret, lerr, _ := b.v.Call(fn, 1)
			if lerr != nil {
				t.Fatal(lerr.Message())
			}
			n, _ := ret[0].(vm.Number)
			fn = nil
			left[i], after[i] = int(n), b.settle()
		}
		if left[1] < 200 || after[0] != after[1] {
			t.Errorf("%s\n%v bytes are left, want those of the prototypes; after collections %v", src, left, after)
		}
	}
}
