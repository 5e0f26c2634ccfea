package vm_test

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
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

// run executes a script as the measurement did and says what became of it.
func (r *oomRun) run(t *testing.T, src string) (message string, mark float64, output string, em []int) {
	h := r.heap(t)
	b := newBench(t, h)
	b.v.SetEGC(egcModes[r.EGC], r.Limit)
	h.OnFail = func(n int) { em = append(em, n) }
	fn, err := b.v.Load([]byte(src), "=s")
	if err != nil {
		t.Fatal(err)
	}
	_, lerr, _ := b.v.Call(fn, 0)
	if lerr != nil {
		message = lerr.Message()
	}
	return message, b.mark, b.out.String(), em
}

// outcome is how near a run came: the same in everything, the same end within a
// growth step, or another.
type outcome int

const (
	same outcome = iota
	near
	other
)

func compare(r *oomRun, message string, mark float64, output string) outcome {
	want := ""
	if r.Output != nil {
		want = *r.Output
	}
	switch {
	case message == r.Message && mark == r.Mark && output == want:
		return same
	case message != r.Message:
		return other
	// A growing array or stack doubles; what grows by records grows by a few of
	// them.
	case mark == 2*r.Mark, r.Mark == 2*mark, math.Abs(mark-r.Mark) <= max(1, r.Mark/20):
		return near
	}
	return other
}

// inexactOOM names the runs that end elsewhere, and why.
var inexactOOM = map[string]string{
	"loadstring_big ON_ALLOC_FAILURE sdk_hdr16": "which hole a retry finds depends on the order in which what the compiler leaves is swept",
	"unpack_large NOT_ACTIVE none":              "the device refuses to unpack from somewhere between 7,500 and 7,600 values on, not from 8,000 (LUAI_MAXCSTACK) on",
}

// Scripts that run out of memory, with the device's default collector and in the
// other modes, and each allocator: where they end, with which message, and the
// E:M lines of the SDK's heaps.
func TestOutOfMemoryScripts(t *testing.T) {
	var all []oomScript
	own := readJSON(t, "memory-oom.json", &all)
	counts := map[string]*[3]int{}
	seen := map[string]bool{}
	for i, s := range all {
		for _, r := range s.Runs {
			message, mark, output, em := r.run(t, s.Source)
			o := compare(&r, message, mark, output)
			group := r.EGC + " " + r.Layout
			run := s.Name + " " + group
			if counts[group] == nil {
				counts[group] = new([3]int)
			}
			counts[group][o]++
			_, known := inexactOOM[run]
			if r.EM != nil && o == same && (len(em) != r.EM.Count || !slices.Equal(em[:min(len(em), len(r.EM.First))], r.EM.First)) {
				o = near
				t.Logf("%s %d: E:M %v, want %d: %v", run, r.Limit, em, r.EM.Count, r.EM.First)
			}
			switch {
			case o == same:
			case i < own && known:
				seen[run] = true
				t.Logf("%s %d: %q at %v, want %q at %v", run, r.Limit, message, mark, r.Message, r.Mark)
			case i >= own && o == near:
				t.Logf("%s %d: %q at %v, want %q at %v", run, r.Limit, message, mark, r.Message, r.Mark)
			default:
				t.Errorf("%s %d: %q at %v, want %q at %v; E:M %v", run, r.Limit, message, mark, r.Message, r.Mark, em)
			}
		}
	}
	for run := range inexactOOM {
		if !seen[run] {
			t.Errorf("%s is the same now: take it out of the list", run)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		c := counts[group]
		t.Logf("%-26s %3d same, %d within a growth step, %d otherwise", group, c[same], c[near], c[other])
	}
}
