package vm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
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
	"loadstring_big": "which hole a retry finds depends on the order in which what the compiler leaves is swept",
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
