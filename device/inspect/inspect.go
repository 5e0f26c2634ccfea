// Package inspect looks for a program's faults: heap snapshots, post-mortems, leaks,
// profiles, and hints at what loses data or time. It changes nothing that the
// program can see.
//
// It knows the VM, its heap and a Host; what modules hold they tell it themselves.
package inspect

import (
	"fmt"
	"io"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect/profile"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Host is the device that is looked at.
type Host interface {
	Name() string
	// BoardName is the profile's name, and Boots counts the resets.
	BoardName() string
	Boots() int
	Now() clock.Time
	Uptime() clock.Duration
	// Lua is the device's, nil while there is none.
	Lua() *vm.VM
	// Sockets lists those that are open.
	Sockets() []event.SocketHeld
	// Say writes to the serial port.
	Say(text string)
	Emit(world.Happening)
	// Ending reports whether a subscriber has ended the run.
	Ending() bool
}

// Config says what is recorded and looked for.
type Config struct {
	// TrackAllocations records where and when every object was made, for heap
	// snapshots, profiles and post-mortems. ProfileCPU records where CPU time
	// goes. Neither changes the run.
	TrackAllocations, ProfileCPU bool
	// HeapBudget, if above 0, is how many bytes must stay free: there is a
	// post-mortem (BudgetBroken) as soon as there are less.
	HeapBudget int
	// LeakAfter is how long a callback may outlive its socket or timer before a
	// hint names it. Default 60 s; below 0 never.
	LeakAfter clock.Duration
}

// Inspector looks at one device. Fields above the line last over resets.
type Inspector struct {
	host     Host
	cfg      Config
	recorder *vm.Recorder
	hinted   given  // what the watchdog and long callbacks gave
	low      bool   // the budget was broken and reported
	awaited  string // what is said when the watchdog bites that firmware code waits for

	Hints    Hints
	parts    []func(*HeapParts)
	ended    []func(by clock.Time, report func(Ended))
	leaks    map[event.RefHeld]int // callbacks that were found to leak, by place and purpose
	examined map[examined]bool
	checked  clock.Time // when leaks were last looked for
	diedAt   clock.Time // when native memory last ran out and was reported
	reported bool       // this piece of work has had its post-mortem
	told     map[string]bool
	request  int // the last that found no room
}

// New returns what looks at a device.
func New(h Host, cfg Config) *Inspector {
	if cfg.LeakAfter == 0 {
		cfg.LeakAfter = defaultLeakAfter
	}
	x := &Inspector{host: h, cfg: cfg, hinted: given{}}
	if cfg.TrackAllocations || cfg.ProfileCPU {
		x.recorder = &vm.Recorder{Allocations: cfg.TrackAllocations, CPU: cfg.ProfileCPU}
	}
	x.Reset()
	return x
}

// Reset forgets what belongs to the boot that ends.
func (x *Inspector) Reset() {
	*x = Inspector{host: x.host, cfg: x.cfg, recorder: x.recorder, hinted: x.hinted, low: x.low}
	x.Hints = Hints{host: x.host, given: given{}}
	x.leaks, x.told, x.examined = map[event.RefHeld]int{}, map[string]bool{}, map[examined]bool{}
}

// WorkBegins and WorkEnded are called around each piece of work of the device.
func (x *Inspector) WorkBegins() { x.reported = false }

// WorkEnded is described at WorkBegins.
func (x *Inspector) WorkEnded() { x.lookForLeaks() }

// WatchHeap and WatchVM connect the inspector to the heap and the VM of a boot.
func (x *Inspector) WatchHeap(h *heap.Heap) {
	h.OnFail = func(n int) {
		x.request = n
		x.host.Emit(event.Memory{Request: n, Free: h.Free()})
		x.host.Say(fmt.Sprintf("E:M %d\r\n", n)) // as the SDK's malloc does
	}
	h.OnFreeAgain = func() { x.host.Say(heap.FreeAgain) }
	h.OnNativeFail = x.nativeOutOfMemory
	if x.cfg.HeapBudget > 0 && !x.low {
		h.Watch, h.OnWatch = x.cfg.HeapBudget, x.checkBudget
	}
}

// WatchVM is described at WatchHeap.
func (x *Inspector) WatchVM(v *vm.VM) { v.OnOutOfMemory, v.OnSurprise = x.OutOfMemory, x.surprise }

// Recorder returns what records allocations and CPU time, nil if nothing does.
func (x *Inspector) Recorder() *vm.Recorder { return x.recorder }

// WriteHeapProfile writes a profile in pprof format of the allocations so far and
// of what is alive now. The device must have been made with TrackAllocations.
func (x *Inspector) WriteHeapProfile(w io.Writer) error {
	return profile.WriteHeap(w, x.recorder, x.HeapSnapshot("profile"), int64(x.host.Now()))
}

// WriteCPUProfile writes a profile in pprof format of the CPU time so far. The
// device must have been made with ProfileCPU.
func (x *Inspector) WriteCPUProfile(w io.Writer) error {
	return profile.WriteCPU(w, x.recorder, int64(x.host.Now()))
}
