package vm_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
)

// Every measured snippet, in heaps of which each runs out at another allocation:
// whatever fails, the VM must stay sound and its account must add up.
func TestRunningOutAnywhere(t *testing.T) {
	all := oracle.Load[[]snippet](t, "memory-snippets")
	for i, s := range all {
		for room := 200 + i%97; room < 9000; room += 1501 {
			b := roomy(t, room)
			h := b.v.Heap()
			free := h.Free()
			for range 2 {
				fn, err := b.v.Load([]byte(s.Source), "=s")
				if err != nil {
					continue // no room to compile it
				}
				if _, lerr, kill := b.v.Call(fn, 0); kill != nil || lerr != nil && lerr.Message() == "" {
					t.Fatalf("%s: %v %v", s.Name, lerr, kill)
				}
			}
			fn, err := b.v.Load([]byte(`R = nil R2 = nil for k in pairs(package.loaded) do package.loaded[k] = nil end`), "=s")
			if err == nil {
				b.v.Call(fn, 0)
			}
			fn = nil
			for range 12 {
				b.v.Collect()
			}
			if problem := b.v.CheckAccount(); problem != "" {
				t.Errorf("%s, %d bytes of room: %s", s.Name, room, problem)
			}
			if h.Free() > free+200 {
				t.Errorf("%s, %d bytes of room: %d bytes free, %d at the start", s.Name, room, h.Free(), free)
			}
		}
	}
}
