package device

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
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
	Heap    inspect.HeapUsage
	WiFi    radio.Snapshot
	AirDown bool // the access points are off: air.SetDown
	Sockets []sockets.Snapshot
	Timers  []TimerSnapshot
	Pins    []pin.Snapshot
	Parts   []PartSnapshot // of the board
	ADC     int            // what the converter reads
	Tasks   [3]int         // waiting, by priority, low first
	CPU     clock.Duration
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

// OnSnapshot makes fn add its part to every snapshot until the next reset.
// Firmware modules call it when they open.
func (d *Device) OnSnapshot(fn func(*Snapshot)) { d.snapshot = append(d.snapshot, fn) }

// Snapshot returns a copy of the device's state. Call it on the world's
// goroutine.
func (d *Device) Snapshot() Snapshot {
	s := Snapshot{
		Time:    d.Now(),
		Name:    d.Name(),
		Board:   d.Board.Title,
		Release: FirmwareVersion,
		ChipID:  d.ChipID(),
		Uptime:  d.ETS.Uptime(),
		MHz:     d.ETS.MHz(),
		Boots:   d.boots,
		Reason:  d.reason.Text,
		Halted:  d.lua.halted,
		WiFi:    d.Radio.Snapshot(),
		AirDown: d.world.Air.Down(),
		Pins:    d.Pins.Snapshot(),
		Parts:   d.parts.snapshot(),
		ADC:     d.Pins.ADC.Read(),
		CPU:     d.ETS.Used(),
	}
	for p := range s.Tasks {
		s.Tasks[p] = d.ETS.Waiting(ets.Priority(p))
	}
	if d.VM != nil {
		s.Heap = inspect.Usage(d.VM)
	}
	if d.sockets != nil {
		s.Sockets = d.sockets.Snapshot()
	}
	for _, fn := range d.snapshot {
		fn(&s)
	}
	return s
}

// Names lists what can follow path in a script: the globals for an empty one,
// the fields of a table, or the methods of an object. No Lua code runs.
func (d *Device) Names(path ...string) []vm.Name {
	if d.VM == nil {
		return nil
	}
	return d.VM.Names(path...)
}
