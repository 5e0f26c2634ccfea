package vm_test

import (
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// A coroutine goes by the name of what it was made to run, also when that code is gone.
func TestCoroutineWhoseCodeIsGone(t *testing.T) {
	for _, src := range []string{
		`co = coroutine.create(loadstring("local x = 1", "=gone")) coroutine.resume(co)`,
		`co = coroutine.create(loadstring("return other()", "=gone")) function other() coroutine.yield() end coroutine.resume(co)`,
	} {
		b := newBounded(1<<20, 1e6)
		if got := b.run(src); got != "" {
			t.Fatal(got)
		}
		b.v.Collect()
		b.v.Collect()
		s := b.v.HeapSnapshot(nil)
		if !slices.ContainsFunc(s.Objects, func(o snapshot.Object) bool { return o.Name == "coroutine of main chunk <gone>" }) {
			t.Errorf("%s: no such coroutine in the snapshot", src)
		}
	}
}
