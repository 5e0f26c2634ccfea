package vm_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// full is a program whose data fill a heap of 44 KB: tables, strings, closures.
const full = `
data = {}
for i = 1, 120 do
  data[i] = {id = i, name = "sensor " .. i, read = function() return i end}
end
`

// BenchmarkMarkFull is one full collection of such a heap.
func BenchmarkMarkFull(b *testing.B) {
	v := tracked(b, false, nil)
	load(b, v, full, "@full.lua")
	v.Collect()
	b.ReportMetric(float64(v.Heap().Used()), "heap_bytes")
	for b.Loop() {
		v.Collect()
	}
}

// BenchmarkUsageFull is a look at it that changes nothing, BenchmarkSnapshotFull
// one that lists every object.
func BenchmarkUsageFull(b *testing.B) {
	v := tracked(b, false, nil)
	load(b, v, full, "@full.lua")
	for b.Loop() {
		v.Usage()
	}
}

func BenchmarkSnapshotFull(b *testing.B) {
	v := tracked(b, false, &vm.Recorder{Allocations: true})
	load(b, v, full, "@full.lua")
	for b.Loop() {
		v.HeapSnapshot(nil).Dominate()
	}
}

// BenchmarkTracked and BenchmarkCPUProfile run the programs of BenchmarkVM with
// allocations recorded, and with CPU time recorded.
func BenchmarkTracked(b *testing.B) { benchRecorder(b, vm.Recorder{Allocations: true}) }

func BenchmarkCPUProfile(b *testing.B) { benchRecorder(b, vm.Recorder{CPU: true}) }

func benchRecorder(b *testing.B, what vm.Recorder) {
	benchPrograms(b, func() *vm.VM {
		v := vm.New(vm.Config{SliceNanos: 1e15, Recorder: &vm.Recorder{Allocations: what.Allocations, CPU: what.CPU}})
		v.SetPrices(vm.Prices{Instruction: 1000, Call: 1000})
		return v
	})
}
