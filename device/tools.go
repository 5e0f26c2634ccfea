package device

import (
	"fmt"
	"io"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect/profile"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// tools is what a device keeps for those who look for a program's faults. It
// changes nothing that the program can see. Fields above the line last over
// resets.
type tools struct {
	recorder *vm.Recorder
	hinted   map[string]bool
	low      bool // the budget was broken and reported

	parts    []func(*HeapParts)
	ended    []func(report func(Ended))
	leaks    map[RefHeld]int // callbacks that were found to leak, by place and purpose
	examined map[examined]bool
	checked  clock.Time // when leaks were last looked for
	diedAt   clock.Time // when native memory last ran out and was reported
	reported bool       // this piece of work has had its post-mortem
	told     map[string]bool
	request  int // the last that found no room
}

// startTools prepares what lasts over resets.
func (d *Device) startTools() {
	c := &d.cfg
	if c.TrackAllocations || c.ProfileCPU {
		d.tools.recorder = &vm.Recorder{Allocations: c.TrackAllocations, CPU: c.ProfileCPU}
	}
	if c.LeakAfter == 0 {
		c.LeakAfter = defaultLeakAfter
	}
	d.tools.hinted = map[string]bool{}
	d.tools.leaks, d.tools.told, d.tools.examined = map[RefHeld]int{}, map[string]bool{}, map[examined]bool{}
}

// resetTools forgets what belongs to the boot that ends.
func (d *Device) resetTools() {
	t := &d.tools
	t.parts, t.ended, t.checked, t.diedAt, t.reported, t.request = nil, nil, 0, 0, false, 0
	t.leaks, t.told, t.examined = map[RefHeld]int{}, map[string]bool{}, map[examined]bool{}
}

// watchHeap connects the tools to the heap and the VM of a boot.
func (d *Device) watchHeap(h *heap.Heap) {
	h.OnFail = func(n int) {
		d.tools.request = n
		d.Emit(Memory, MemoryData{Request: n, Free: h.Free()})
		d.Write(fmt.Sprintf("E:M %d\r\n", n)) // as the SDK's malloc does
	}
	h.OnNativeFail = d.nativeOutOfMemory
	if d.cfg.HeapBudget > 0 {
		h.Watch, h.OnWatch = d.cfg.HeapBudget, d.checkBudget
	}
}

func (d *Device) watchVM() {
	d.VM.OnOutOfMemory = func() {
		if !d.tools.reported { // an error that is raised anew tells of it twice
			d.postMortem(vm.OutOfMemory, 0)
		}
	}
	if d.cfg.HeapBudget > 0 {
		d.VM.OnCollected = func() { d.VM.Heap().Watch = d.cfg.HeapBudget }
	}
}

// Recorder returns what records allocations and CPU time, nil if nothing does.
func (d *Device) Recorder() *vm.Recorder { return d.tools.recorder }

// WriteHeapProfile writes a profile in pprof format of the allocations so far and
// of what is alive now. The device must have been made with TrackAllocations.
func (d *Device) WriteHeapProfile(w io.Writer) error {
	return profile.WriteHeap(w, d.tools.recorder, d.HeapSnapshot("profile"), int64(d.Now()))
}

// WriteCPUProfile writes a profile in pprof format of the CPU time so far. The
// device must have been made with ProfileCPU.
func (d *Device) WriteCPUProfile(w io.Writer) error {
	return profile.WriteCPU(w, d.tools.recorder, int64(d.Now()))
}
