//go:build soak && linux

package vm_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// A hundred million operations on tables, of all kinds of keys, leave the host with
// what it had.
func TestSoakTables(t *testing.T) {
	modes := []int{heap.EGCAlways, heap.EGCNotActive, heap.EGCOnAllocFailure}
	calls := int(1e8) / 1000 / len(churn) / len(modes)
	for _, p := range churn {
		for _, mode := range modes {
			if n := churnFor(t, p.src, mode, calls); n > 2<<20 {
				t.Errorf("%s, mode %d: the host holds %d bytes more after %d calls", p.name, mode, n, calls)
			}
		}
	}
}

// processCPU is what this process has used of the host's CPU.
func processCPU(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What takes the device 30 s of CPU takes the host 3 at most.
func TestSoakHostCPU(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		mode      int
	}{
		{"string.rep", `while true do string.rep("x", 1000) end`, heap.EGCNotActive},
		{"string.rep of any size", `local n = 0 while true do n = n % 5000 + 1 string.rep("x", n) end`, heap.EGCNotActive},
		{"load of line ends", `load(function() return "\n" end)`, heap.EGCAlways},
		{"load of line ends, NOT_ACTIVE", `load(function() return "\n" end)`, heap.EGCNotActive},
		{"dead keys", `local t, n = {}, 0 while true do n = n + 1.5 t[n] = 1 t[n] = nil for k in pairs(t) do end end`, heap.EGCAlways},
	} {
		b := newBounded(48<<10, 30e6)
		b.v.SetEGC(tt.mode, 0)
		before := processCPU(t)
		got := b.run(tt.src)
		took := processCPU(t) - before
		t.Logf("%s: %.1f s of the host's CPU, %s", tt.name, took.Seconds(), short(got))
		if took > 3*time.Second || !strings.HasPrefix(got, "killed") {
			t.Errorf("%s: %.1f s of the host's CPU, %s", tt.name, took.Seconds(), short(got))
		}
	}
}
