package vm_test

import (
	"fmt"
	"runtime"
	"syscall"
	"testing"
)

// threadCPU is what this thread has used of the host's CPU, in microseconds.
func threadCPU(t testing.TB) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		t.Fatal(err)
	}
	return (u.Utime.Nano() + u.Stime.Nano()) / 1000
}

// Four times the operations are four times the work: with keys that go, too, pairs,
// next, # and a store cost the host what they cost the device. What is quadratic takes
// sixteen times; half way between is allowed. Compared is the best of three, and
// nothing under 20 ms.
func TestWorkIsLinear(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, tt := range []struct {
		name, src string
		n         int
	}{
		{"pairs", `for i = 1, %d do n = n + 1.5 t[n] = 1 t[n] = nil for k in pairs(t) do end end`, 2000},
		{"next", `for i = 1, %d do n = n + 1.5 t[n] = 1 t[n] = nil next(t) end`, 4000},
		{"pairs of strings", `for i = 1, %d do local k = "k" .. i t[k] = 1 t[k] = nil for k in pairs(t) do end end`, 2000},
		{"pairs of objects", `for i = 1, %d do local k = {} t[k] = 1 t[k] = nil for k in pairs(t) do end end`, 2000},
		{"the array's end", `for i = 1, %d do n = n + 1 t[n] = 1 t[n - 5] = nil local x = #t end`, 4000},
		{"a queue", `for i = 1, %d do t[n] = 1 n = n + 1 if n > 10 then t[n - 10] = nil end for k in pairs(t) do end end`, 1000},
		{"pairs with removal", `for i = 1, %d do t[i + 0.5] = 1 end for k in pairs(t) do t[k] = nil end`, 4000},
	} {
		took := func(n int) int64 {
			best := int64(1) << 62
			for range 3 {
				b := newBounded(4<<20, 100e6)
				src := "local t, n = {}, 0 " + fmt.Sprintf(tt.src, n)
				before := threadCPU(t)
				if got := b.run(src); got != "" {
					t.Fatalf("%s: %s", tt.name, got)
				}
				best = min(best, threadCPU(t)-before)
			}
			return best
		}
		small, large := took(tt.n), took(4*tt.n)
		if large > 20000 && large > 8*small {
			t.Errorf("%s: %d times are %d µs, four times as many %d µs", tt.name, tt.n, small, large)
		}
	}
}
