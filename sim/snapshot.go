package sim

import (
	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
	"github.com/nodemcu-sim/nodemcu-sim/sim/heap"
)

// Snapshot is a copy of what a device is at one moment, for the console, tests
// and tools. Sizes are bytes.
type Snapshot struct {
	Time    clock.Time
	Name    string
	Board   string
	Uptime  clock.Duration
	MHz     int
	Boots   int
	Reason  string
	Halted  bool
	Heap    HeapSnapshot
	WiFi    WiFiSnapshot
	Sockets []SocketSnapshot
	Timers  []TimerSnapshot
	Pins    []PinSnapshot
	Tasks   [3]int // waiting, by priority, low first
	CPU     clock.Duration
}

// HeapSnapshot is the heap at one moment.
type HeapSnapshot struct {
	Total, Free, Low int // Low: least free since boot
	Lua, Native      int // used by each
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
}

// TimerSnapshot is one Lua timer.
type TimerSnapshot struct {
	Mode     string
	Interval clock.Duration
	DueIn    clock.Duration // -1 when stopped
	Site     string
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

// heapSnapshot puts the heap's own account into a snapshot.
func heapSnapshot(st heap.Stats) HeapSnapshot {
	s := HeapSnapshot{Total: st.Size, Free: st.Free, Low: st.Low}
	for _, t := range st.Native {
		s.Native += t.Bytes
	}
	s.Lua = st.Size - st.Free - s.Native
	return s
}

// OnSnapshot makes fn add its part to every snapshot until the next reset.
// Firmware modules call it when they open.
func (d *Device) OnSnapshot(fn func(*Snapshot)) { d.snapshot = append(d.snapshot, fn) }

// Snapshot returns a copy of the device's state. Call it on the world's
// goroutine.
func (d *Device) Snapshot() Snapshot {
	s := Snapshot{
		Time:   d.Now(),
		Name:   d.Name,
		Board:  d.Board.Title,
		Uptime: d.Uptime(),
		MHz:    d.mhz,
		Boots:  d.boots,
		Reason: d.reason.Text,
		Halted: d.halted,
		CPU:    clock.Time(d.vmCPU() / 1000),
	}
	for p, q := range d.sched.tasks {
		s.Tasks[p] = len(q)
	}
	s.Pins = d.pinSnapshot()
	if h := d.nativeHeap(); h != nil {
		s.Heap = heapSnapshot(h.Stats())
	}
	for _, fn := range d.snapshot {
		fn(&s)
	}
	return s
}
