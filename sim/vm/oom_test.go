package vm_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
)

type oomScript struct {
	Name, Source string
	Runs         []struct {
		EGC     string `json:"egc_mode"`
		Limit   int    `json:"memlimit"`
		Layout  string `json:"heap_model"`
		Above   *int   `json:"limit_above_baseline"`
		Loaded  int    `json:"count_after_load"`
		Status  string
		Message string  `json:"error_message"`
		Mark    float64 `json:"mark"`
		Peak    int
		First   *struct {
			Req, Cur, Free, Largest int
		} `json:"first_failure"`
		Output *string
		EM     *struct {
			Count int
			First []int
		} `json:"em_messages"`
	}
}

var egcModes = map[string]int{"ALWAYS": heap.EGCAlways, "ON_ALLOC_FAILURE": heap.EGCOnAllocFailure,
	"NOT_ACTIVE": heap.EGCNotActive, "ON_MEM_LIMIT": heap.EGCOnMemLimit}

func TestOutOfMemoryScripts(t *testing.T) {
	var all []oomScript
	readJSON(t, "memory-oom.json", &all)
	type key struct{ egc, layout string }
	good, total := map[key]int{}, map[key]int{}
	verbose := os.Getenv("OOM") != ""
	for _, s := range all {
		for _, r := range s.Runs {
			size := 1 << 20
			layout := heap.Ideal
			if r.Above != nil {
				switch r.Layout {
				case "ideal":
					size = 4477 + *r.Above
				case "sdk_hdr16":
					layout, size = heap.SDK16, 5816+40+*r.Above
				case "sdk_hdr8":
					layout, size = heap.SDK8, 5216+32+*r.Above
				}
			}
			if r.EGC != "ALWAYS" {
				continue
			}
			h := heap.New(heap.Config{Layout: layout, Size: size})
			b := newBench(t, h, true)
			b.v.SetEGC(egcModes[r.EGC], r.Limit)
			var ems []int
			fail := ""
			h.OnFail = func(n int) {
				if ems = append(ems, n); len(ems) == 1 {
					fail = fmt.Sprint("cur ", b.v.MemoryStats().Total, " free ", h.Free(), " largest ", h.Largest())
				}
			}
			fn, err := b.v.Load([]byte(s.Source), "=s")
			if err != nil {
				t.Errorf("%s: %v", s.Name, err)
				continue
			}
			b.v.ResetMemoryStats()
			_, lerr, _ := b.v.Call(fn, 0)
			st := b.v.MemoryStats()
			k := key{r.EGC, r.Layout}
			total[k]++
			msg := ""
			if lerr != nil {
				msg = lerr.Message()
			}
			out := ""
			if r.Output != nil {
				out = *r.Output
			}
			if msg == r.Message && b.mark == r.Mark && b.out.String() == out {
				good[k]++
			} else if verbose {
				first := ""
				if r.First != nil {
					first = fmt.Sprint(*r.First)
				}
				fmt.Printf("%-24s %s %d %-9s %5d: got %q mark %v peak %d out %q em %v %s\n%57swant %q mark %v peak %d out %q em %v first %v\n", s.Name, r.EGC, r.Limit, r.Layout, size,
					msg, b.mark, st.Peak, b.out.String(), ems, fail, "", r.Message, r.Mark, r.Peak, out, r.EM, first)
			}
		}
	}
	for k, n := range total {
		fmt.Printf("%v: %d of %d\n", k, good[k], n)
	}
}
