// Package device is the chip with its system: boot, reset, panic and reboot, and how
// Lua is entered and left. What the chip consists of are packages below it, a field of
// Device each: the scheduler (ets), the radio, the network interfaces, the serial port
// and the interpreter on it, the pins, the flash, the VM, and what looks into them
// (inspect). It is what firmware modules are written against.
//
// It must not know any firmware module: package firmware hands it the list, as a
// build of the real firmware selects its modules. It must not know the host: no
// files, no sockets, no wall clock.
package device

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/mbedtls"
	"github.com/nodemcu-sim/nodemcu-sim/device/netif"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/device/pixbuf"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/repl"
	"github.com/nodemcu-sim/nodemcu-sim/device/rtc"
	"github.com/nodemcu-sim/nodemcu-sim/device/serial"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// OnPanic says what a device does after a panic.
type OnPanic int

const (
	// RebootOnPanic lets the watchdog reset the device, as on hardware.
	RebootOnPanic OnPanic = iota
	// HaltOnPanic leaves it stopped.
	HaltOnPanic
	// HaltOnError leaves it stopped, and after an error in a timer or task that
	// no onerror function takes, too: the firmware would restart for that.
	HaltOnError
)

// Config is what a device is made of. The zero value of every field but Board
// is a sensible default.
type Config struct {
	Name    string       // shows in events; default "device<n>"
	Board   *board.Board // required
	Modules []Module     // the firmware's modules
	Build   Build        // and how they were compiled
	// Flash is the file system, which outlives resets. Default: an empty one of
	// the board's size.
	Flash *flash.FS
	// HostCPU makes Lua take no virtual time, except what tmr.delay asks for.
	// CPU time is counted all the same, for the watchdog.
	HostCPU bool
	// ExactTimers makes software timers run on the microsecond instead of the SDK's
	// ticks; see ets.Config.
	ExactTimers bool
	// Busy is how long the Wi-Fi task has the CPU before a piece of work; see ets.Config.
	Busy func(before ets.Work) clock.Duration
	// UnlimitedReceive keeps any number of received packets in the heap instead of six
	// in the driver's buffers; see netif.Config.
	UnlimitedReceive bool
	OnPanic          OnPanic
	// Inspect says what is recorded and looked for.
	Inspect inspect.Config
	// Coverage, if set, counts how often lines of the program run, on all boots.
	Coverage *vm.Coverage
	// WiFi is what the device's flash holds of Wi-Fi at first.
	WiFi radio.Config
	// BootDelay is the time from reset to Lua. Default 166 ms (fw:
	// docs/modules/node.md, node.startup).
	BootDelay clock.Duration
	// Embedded returns the Lua modules shipped with the simulator, for
	// require; see vm.Config.
	Embedded func(name string) ([]byte, bool)
	// Absent returns what there is to say to a program that indexes a global of this
	// name, or calls what has it, as "wifi.sta.config", which is nil: "" unless it is a
	// module that Modules could have, or a function of older firmware. It may be nil.
	Absent func(name string) string
	// Takes is asked about each error that leaves a callback or task, before the firmware
	// knows of it. Of one that it takes the program notices nothing but that the callback
	// has ended and returned nothing. Tests that are written in Lua take their failed
	// assertions so. It may be nil.
	Takes func(err *vm.Error) bool
	// Startup, if set, runs instead of init.lua and the prompt. Test
	// harnesses use it.
	Startup func(d *Device)
}

// DefaultBootDelay is Config.BootDelay unless set.
const DefaultBootDelay = 166 * clock.Millisecond

// Device is one simulated ESP8266 with its firmware.
type Device struct {
	Board   *board.Board
	Flash   *flash.FS
	VM      *vm.VM // nil while the device is booting or off
	ETS     *ets.Scheduler
	Net     *netif.Network
	Radio   *radio.Radio
	Serial  *serial.Port
	REPL    *repl.REPL
	Pins    *pin.Pins
	Inspect *inspect.Inspector
	RTC     *rtc.RTC

	world *world.World
	cfg   Config
	index int // among the world's nodes
	rand  *rand.Rand
	parts parts
	lua   lua
	lfs   Store
	modem modem

	boots        int
	reason       BootReason
	restarting   bool       // see afterwards
	ending       *ets.Timer // see Restart
	ends         func()
	bootsAt      clock.Time // when and why it does, after a reset of one that was ahead of the world
	bootsAs      BootReason
	pendingReset *BootReason
	syncAt       clock.Time // no sooner is what changed on the flash stored again: see syncFlash
	atReset      []func()   // while the device is off at the next one
	libs         []*Lib
	snapshot     []func(*Snapshot)
	sockets      *sockets.Table // nil: no module has asked for it
	espconn      *espconn.Layer // likewise
	tlsFlash     mbedtls.Flash
	pixbufs      *pixbuf.Kind // likewise
	timerUser    any          // see TakeHardwareTimer
}

// New puts a device into the world, switched off.
func New(w *world.World, cfg Config) *Device {
	if cfg.Board == nil {
		panic("device: no board")
	}
	index := len(w.Nodes())
	if cfg.Name == "" {
		cfg.Name = fmt.Sprintf("device%d", index+1)
	}
	if cfg.BootDelay == 0 {
		cfg.BootDelay = DefaultBootDelay
	}
	if cfg.Flash == nil {
		cfg.Flash = flash.New(cfg.Board.FS.Size)
	}
	d := &Device{Board: cfg.Board, Flash: cfg.Flash, world: w, cfg: cfg, index: index, rand: w.Rand(uint64(index))}
	d.lua.d = d
	d.ETS = ets.New(w.Clock, etsHost{d}, ets.Config{Free: cfg.HostCPU, ExactTimers: cfg.ExactTimers, Busy: cfg.Busy})
	d.Net = netif.New(netHost{d}, w, d.ETS, netif.Config{UnlimitedReceive: cfg.UnlimitedReceive})
	d.Radio = radio.New(radioHost{d}, cfg.WiFi, w.Air, d.Net, w.Rand(radioSeed+uint64(index)))
	d.Serial = serial.New(serialHost{d}, w.Clock, d.ETS)
	d.REPL = repl.New(replHost{d}, d.Serial, repl.Config{Banner: banner, HeapSize: cfg.Board.Heap.Size})
	d.Pins = pin.New(cfg.Board, d.ETS, func(e event.Pin) { d.Emit(e) })
	d.parts = solder(cfg.Board.Parts, d.Pins, w.Clock)
	d.RTC = rtc.New(rtcHost{d}, cfg.Board.RTC.Tick)
	d.Inspect = inspect.New(inspectHost{d}, cfg.Inspect)
	d.Flash.OnWork(d.flashWork)
	d.Flash.SyncLater(d.syncFlash)
	w.Add(d)
	return d
}

// radioSeed keeps the radios' random numbers apart from those of the devices.
const radioSeed = 1 << 32

// In lists the devices of a world, in the order in which they were added.
func In(w *world.World) []*Device {
	var out []*Device
	for _, n := range w.Nodes() {
		if d, ok := n.(*Device); ok {
			out = append(out, d)
		}
	}
	return out
}

// Name is what the device is called in events and on the wire.
func (d *Device) Name() string { return d.cfg.Name }

// World returns the world the device lives in.
func (d *Device) World() *world.World { return d.world }

// chipIDMask is how many bits a chip's number has.
const chipIDMask = 0xffffff

// ChipID is what node.chipid() returns: the board's, counted on for every further
// device of the world, because it makes the MAC address.
func (d *Device) ChipID() uint32 { return (d.Board.ChipID + uint32(d.index)) & chipIDMask }

// Address returns the address and network of an interface, the zero value when
// it has none or is down.
func (d *Device) Address(i air.Interface) netip.Prefix { return d.Net.Address(i) }

// Hostname is the name that the station gives to the router.
func (d *Device) Hostname() string { return d.Radio.Hostname() }

// Listening reports whether a socket takes what comes to a port.
func (d *Device) Listening(proto wire.Proto, port uint16) bool {
	s := d.Net.Stack()
	return s != nil && s.Listening(proto, port)
}

// Now returns the device's own time: the world's, plus what the CPU has spent in
// the current piece of work.
func (d *Device) Now() clock.Time { return d.ETS.Now() }

// NewTimer makes a software timer that calls fn, disarmed.
func (d *Device) NewTimer(fn func()) *ets.Timer { return d.ETS.NewTimer(fn) }

// PostTask queues a task. It reports false when the queue of that priority is
// full.
func (d *Device) PostTask(p ets.Priority, fn func()) bool { return d.ETS.PostTask(p, fn) }

// Pixbufs returns the pixel buffers of this boot, which the modules for LEDs share.
func (d *Device) Pixbufs() *pixbuf.Kind {
	if d.pixbufs == nil {
		d.pixbufs = pixbuf.NewKind()
	}
	return d.pixbufs
}

// Sockets returns the sockets of this boot, which the modules that use the network
// share. A module that opens asks for them.
func (d *Device) Sockets() *sockets.Table {
	if d.sockets == nil {
		d.sockets = sockets.New(d, d.VM, d.Net.Stack(), d.Inspect)
	}
	return d.sockets
}

// Espconn returns the SDK's connections of this boot, for the client modules. A module
// that opens asks for them.
func (d *Device) Espconn() *espconn.Layer {
	if d.espconn == nil {
		d.espconn = espconn.New(espconnHost{d}, d.Radio, d.Sockets(), d.Inspect)
		d.espconn.Plain = d.cfg.Build.PlainTLS
	}
	return d.espconn
}

// TLSFlash is what the flash holds for TLS, which outlives resets.
func (d *Device) TLSFlash() *mbedtls.Flash { return &d.tlsFlash }

// PostSystem queues a task of the SDK, which goes before received packets. It reports
// false when the queue is full.
func (d *Device) PostSystem(fn func()) bool { return d.ETS.PostSystem(fn) }

// Random returns the next number of the device's hardware random generator,
// which is seeded by the world.
func (d *Device) Random() uint32 { return d.rand.Uint32() }

// TakeHardwareTimer makes who the user of the chip's one hardware timer. It reports false
// when somebody else is.
func (d *Device) TakeHardwareTimer(who any) bool {
	if d.timerUser != nil && d.timerUser != who {
		return false
	}
	d.timerUser = who
	return true
}

// FreeHardwareTimer gives it back, unless it is somebody else's.
func (d *Device) FreeHardwareTimer(who any) {
	if d.timerUser == who {
		d.timerUser = nil
	}
}

// SetMHz sets the CPU clock and with it the price of Lua's instructions.
func (d *Device) SetMHz(mhz int) {
	d.ETS.SetMHz(mhz)
	c := d.Board.CPU
	nanos := func(us float64) int64 { return int64(c.Micros(us, mhz) * 1000) }
	d.VM.SetPrices(vm.Prices{Instruction: nanos(c.Instruction), Call: nanos(c.Call), ROMEntry: nanos(c.ROMEntry), Machine: nanos(c.Machine * 1000)})
}

// Emit tells the world's subscribers that something happened, at the device's own
// time.
func (d *Device) Emit(data world.Happening) {
	if d.world.Watched() {
		d.world.Emit(world.Event{Time: d.Now(), Device: d.cfg.Name, Data: data})
	}
}

// Note has the simulator say something about the device.
func (d *Device) Note(text string) { d.Emit(event.Note{Text: text}) }

// Malloc takes n bytes of the device's heap for a firmware module's own use, as
// os_malloc does. It reports false when there is not that much; the module then
// does what the firmware does. Give the block back with Free, or it is lost until
// the next reset, as on the device.
func (d *Device) Malloc(n int, kind heap.Kind) (heap.Block, bool) {
	h := d.heap()
	if h == nil {
		return heap.Block{}, true
	}
	return h.Alloc(n, kind)
}

// Free gives back what Malloc took and makes *b the zero block, which it
// ignores.
func (d *Device) Free(b *heap.Block, kind heap.Kind) {
	if h := d.heap(); h != nil {
		h.FreeNative(b, kind)
	}
	*b = heap.Block{}
}

// heap returns the heap that Lua and native code share, nil while there is no Lua.
func (d *Device) heap() *heap.Heap {
	if d.VM == nil {
		return nil
	}
	return d.VM.Heap()
}
