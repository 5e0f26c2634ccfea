package device

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Snapshot is a copy of what a device is at one moment, for the console, tests
// and tools. Sizes are bytes.
type Snapshot struct {
	Time    clock.Time
	Name    string
	Board   string
	Release string // of the firmware
	ChipID  uint32
	Uptime  clock.Duration
	MHz     int
	Boots   int
	Reason  string
	Halted  bool
	Heap    HeapSnapshot
	WiFi    WiFiSnapshot
	AirDown bool // the access points are off: Air.SetDown
	Sockets []SocketSnapshot
	Timers  []TimerSnapshot
	Pins    []PinSnapshot
	ADC     int    // what the converter reads
	Tasks   [3]int // waiting, by priority, low first
	CPU     clock.Duration
}

// HeapSnapshot is the heap at one moment.
type HeapSnapshot struct {
	Total, Free, Low int // Low: least free since boot
	Lua, Native      int // used by each
	Kinds            HeapKinds
	Failed           int // requests since boot that found no room
}

// HeapKinds splits what is used, block headers included. Other is what was made
// at boot, stacks, and what native code but the network's holds.
type HeapKinds struct {
	Strings, Tables, Functions, Userdata, Network, Other int
}

// WiFiSnapshot is the radio at one moment.
type WiFiSnapshot struct {
	Mode, State, SSID, IP, APIP string
}

// SocketSnapshot is one connection, listener or UDP socket.
type SocketSnapshot struct {
	ID               int
	Proto, State     string
	Local, Remote    string
	Queued, Unacked  int // bytes
	Segments         int
	Window           int
	Held             bool
	RxBytes, TxBytes int64
	Age              clock.Duration
	Handlers         []string
	Retransmits      int    // segments sent again, since it was made
	Site             string // file:line of the program that made it
}

// TimerSnapshot is one Lua timer.
type TimerSnapshot struct {
	Mode     string
	Interval clock.Duration
	DueIn    clock.Duration // -1 when stopped
	Site     string
	Runs     int            // times its callback was called
	LastCost clock.Duration // CPU time of the last call
}

// PinSnapshot is one GPIO pin that the board brings out.
type PinSnapshot struct {
	Index  int // the firmware's number
	GPIO   int // the chip's
	Name   string
	Mode   string
	Pullup bool
	Level  int
	Driven bool // someone outside drives it; see Device.SetInput
	Trig   string
}

// heapSnapshot puts the heap's account into a snapshot. Garbage that the device
// would not have any more is not counted; nothing is collected.
func heapSnapshot(v *vm.VM) HeapSnapshot {
	u := v.Usage()
	st := v.Heap().Stats()
	s := HeapSnapshot{Total: st.Size, Free: st.Free, Low: st.Low, Failed: st.Failed}
	for _, t := range st.Native {
		s.Native += t.Length
		switch t.Kind {
		case heap.PCB.String(), heap.Segment.String(), heap.Pbuf.String():
			s.Kinds.Network += t.Length
		}
	}
	if v.Eager() {
		s.Free = max(st.Size-u.Total-s.Native, st.Free)
	}
	s.Low = min(s.Low, s.Free)
	used := s.Total - s.Free
	s.Lua = used - s.Native
	k := &s.Kinds
	k.Strings, k.Tables, k.Functions, k.Userdata = u.Strings.Bytes, u.Tables.Bytes, u.Functions.Bytes, u.Userdata.Bytes
	k.Other = max(used-k.Strings-k.Tables-k.Functions-k.Userdata-k.Network, 0)
	return s
}

// OnSnapshot makes fn add its part to every snapshot until the next reset.
// Firmware modules call it when they open.
func (d *Device) OnSnapshot(fn func(*Snapshot)) { d.snapshot = append(d.snapshot, fn) }

// Snapshot returns a copy of the device's state. Call it on the world's
// goroutine.
func (d *Device) Snapshot() Snapshot {
	s := Snapshot{
		Time:    d.Now(),
		Name:    d.Name,
		Board:   d.Board.Title,
		Release: FirmwareVersion,
		ChipID:  d.ChipID(),
		Uptime:  d.Uptime(),
		MHz:     d.mhz,
		Boots:   d.boots,
		Reason:  d.reason.Text,
		Halted:  d.halted,
		ADC:     d.analog,
		CPU:     clock.Duration(d.vmCPU() / 1000),
	}
	for p, q := range d.sched.tasks {
		s.Tasks[p] = len(q)
	}
	s.Pins = d.pinSnapshot()
	if d.VM != nil {
		s.Heap = heapSnapshot(d.VM)
	}
	for _, fn := range d.snapshot {
		fn(&s)
	}
	s.AirDown = d.world.Air.down
	return s
}
