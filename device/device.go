package device

import (
	"fmt"
	"math/rand/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
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
	Name    string   // shows in events; default "device<n>"
	Board   *Board   // required
	Modules []Module // the firmware's modules
	// Flash is the file system, which outlives resets. Default: an empty one of
	// the board's size.
	Flash *flash.FS
	// HostCPU makes Lua take no virtual time, except what tmr.delay asks for.
	// CPU time is counted all the same, for the watchdog.
	HostCPU bool
	// ExactHeap accounts for Lua's memory exactly at every allocation, as
	// vm.Config says.
	ExactHeap bool
	OnPanic   OnPanic
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
	// WiFi is what the device's flash holds of Wi-Fi at first.
	WiFi WiFiConfig
	// BootDelay is the time from reset to Lua. Default 166 ms (fw:
	// docs/modules/node.md, node.startup).
	BootDelay clock.Duration
	// Embedded returns the Lua modules shipped with the simulator, for
	// require; see vm.Config.
	Embedded func(name string) ([]byte, bool)
	// Startup, if set, runs instead of init.lua and the prompt. Test
	// harnesses use it.
	Startup func(d *Device)
}

const defaultBootDelay = 166 * clock.Millisecond

// Times after which the watchdog resets (reference: watchdogs and tasks).
const softWatchdog = 3200 * clock.Millisecond

const sliceNanos = 1_000_000 // look at the watchdog each millisecond of CPU time

// Device is one simulated ESP8266 with its firmware.
type Device struct {
	Name  string
	Board *Board
	Flash *flash.FS
	VM    *vm.VM // nil while the device is booting or off

	world     *World
	index     int // in World.Devices
	cfg       Config
	cpuCounts bool
	rand      *rand.Rand

	powered    bool
	restarting bool // see ExpectReset
	running    bool
	local      clock.Time // device time at the start of the current work, plus delays
	cpuMark    int64      // vm.CPU at the start of the current work
	sched      scheduler

	resetAt      clock.Time // when the device was last reset: its own time zero
	boots        int
	reason       BootReason
	pendingReset *BootReason
	wdtMark      int64 // vm.CPU when the watchdog was last fed
	halted       bool
	mhz          int
	cycleBase    int64 // the cycle counter at cycleAt
	cycleAt      int64 // nanoseconds since the reset

	radio    *Radio
	net      network
	libs     []*Lib
	onerror  vm.Ref
	erring   bool // the default onerror has a restart pending
	console  *Console
	pins     pins
	analog   int              // what the converter reads
	adcMode  int              // in flash: what it measures
	rtc      [RTCWords]uint32 // survives resets
	snapshot []func(*Snapshot)
	tools    tools
}

// BootReason is why a device started (fw: docs/modules/node.md, bootreason).
type BootReason struct {
	Raw      int
	Extended int
	Text     string
}

// The reasons that the simulator can cause.
var (
	PowerOn          = BootReason{1, 0, "power-on"}
	HardwareWatchdog = BootReason{4, 1, "hardware watchdog reset"}
	Exception        = BootReason{2, 2, "exception reset"}
	SoftWatchdog     = BootReason{4, 3, "software watchdog reset"}
	SoftRestart      = BootReason{2, 4, "software restart"}
	DeepSleepWake    = BootReason{2, 5, "wake from deep-sleep"}
	ExternalReset    = BootReason{3, 6, "external reset"}
)

// AddDevice puts a device into the world, switched off.
func (w *World) AddDevice(cfg Config) *Device {
	if cfg.Board == nil {
		panic("sim: device without a board")
	}
	if cfg.Name == "" {
		cfg.Name = fmt.Sprintf("device%d", len(w.devices)+1)
	}
	if cfg.BootDelay == 0 {
		cfg.BootDelay = defaultBootDelay
	}
	if cfg.Flash == nil {
		cfg.Flash = flash.New(cfg.Board.FS.Size)
	}
	d := &Device{
		Name:      cfg.Name,
		Board:     cfg.Board,
		Flash:     cfg.Flash,
		world:     w,
		index:     len(w.devices),
		cfg:       cfg,
		cpuCounts: !cfg.HostCPU,
		rand:      w.newRand(len(w.devices)),
	}
	d.startTools()
	d.sched.loopStart = -1
	d.radio = newRadio(d)
	d.net.d = d
	d.console = newConsole(d)
	d.initPins(true)
	w.devices = append(w.devices, d)
	return d
}

// World returns the world the device lives in.
func (d *Device) World() *World { return d.world }

// PowerOn switches the device on; it boots after the boot delay.
func (d *Device) PowerOn() { d.start(PowerOn, d.cfg.BootDelay) }

// PressReset is the reset button.
func (d *Device) PressReset() { d.Reset(ExternalReset) }

// Reset resets the device, after the current piece of work if one is running.
func (d *Device) Reset(why BootReason) {
	if d.running {
		d.pendingReset = &why
		if d.VM != nil {
			d.VM.Kill(why.Text)
		}
		return
	}
	d.reset(why)
}

// RequestRestart resets the device once the current piece of work has ended, as
// node.restart does: Lua goes on until it returns to the system.
func (d *Device) RequestRestart(why BootReason, delay clock.Duration) {
	d.ExpectReset()
	d.world.Clock.At(d.Now().Add(delay), d.ifThisBoot(func() { d.Reset(why) }))
}

// ifThisBoot wraps fn so that it does nothing after a reset.
func (d *Device) ifThisBoot(fn func()) func() {
	boot := d.boots
	return func() {
		if d.boots == boot {
			fn()
		}
	}
}

func (d *Device) reset(why BootReason) {
	d.Emit(Reset, ResetData{why.Text})
	d.shutdown()
	d.start(why, d.cfg.BootDelay)
}

// Sleep is deep sleep: everything is off, and after d the device starts anew.
// Zero sleeps until the reset button.
func (d *Device) Sleep(us clock.Duration) {
	d.Emit(Reset, ResetData{"deep sleep"})
	d.shutdown()
	if us > 0 {
		d.world.Clock.At(d.world.Clock.Now().Add(us), d.ifThisBoot(func() { d.start(DeepSleepWake, d.cfg.BootDelay) }))
	}
}

// shutdown drops everything that does not survive a reset.
func (d *Device) shutdown() {
	d.radio.stop()
	d.net.stop()
	d.powered, d.restarting = false, false
	d.boots++
	d.sched.wake.Stop()
	d.sched = scheduler{loopStart: -1}
	d.Flash.Reset()
	d.initPins(false)
	libs := d.libs
	d.VM, d.libs, d.snapshot = nil, nil, nil
	d.resetTools()
	d.onerror, d.erring, d.halted = 0, false, false
	for _, l := range libs {
		if l.Close != nil {
			l.Close()
		}
	}
	d.console.reset()
}

func (d *Device) start(why BootReason, delay clock.Duration) {
	d.powered = true
	d.reason = why
	if why == PowerOn {
		d.rtc = [RTCWords]uint32{}
	}
	d.cycleBase, d.cycleAt = 0, 0
	d.resetAt = d.world.Clock.Now()
	d.net.start()
	d.radio.start()
	t := d.NewTimer(d.boot)
	t.Arm(delay, false)
}

// boot makes the Lua state and starts the program.
func (d *Device) boot() {
	d.Emit(Boot, BootData{d.reason.Raw, d.reason.Extended, d.reason.Text})
	memory := heap.New(heap.Config{Size: d.Board.Heap.Size})
	d.watchHeap(memory)
	d.VM = vm.New(vm.Config{
		Output:     d.Print,
		ReadFile:   d.readFile,
		Embedded:   d.cfg.Embedded,
		Random:     d.Random,
		Slice:      d.checkWatchdog,
		SliceNanos: sliceNanos,
		Heap:       memory,
		Now:        func() int64 { return int64(d.Now()) },
		Recorder:   d.tools.recorder,
		ExactHeap:  d.cfg.ExactHeap,
	})
	d.watchVM()
	d.cpuMark, d.wdtMark = 0, 0
	d.SetMHz(d.Board.CPU.MHz)
	openLibraries(d)
	for _, m := range d.cfg.Modules {
		lib := m.Open(d)
		d.libs = append(d.libs, lib)
		d.VM.OpenModule(m.Name, lib.Funcs, lib.Consts)
		for _, t := range lib.Types {
			d.VM.Metatable(t)
		}
	}
	if d.cfg.Startup != nil {
		d.cfg.Startup(d)
		return
	}
	d.console.start()
}

// readFile is how Lua's loaders read a file of the flash.
func (d *Device) readFile(name string) ([]byte, bool) {
	data, err := d.Flash.ReadFile(name)
	return data, err == nil
}

// MHz returns the CPU clock.
func (d *Device) MHz() int { return d.mhz }

// SetMHz sets the CPU clock and with it the price of Lua's instructions.
func (d *Device) SetMHz(mhz int) {
	d.rebaseCycles()
	d.mhz = mhz
	nanos := func(us float64) int64 { return int64(d.Board.CPU.Micros(us, mhz) * 1000) }
	c := d.Board.CPU
	d.VM.SetPrices(vm.Prices{Instruction: nanos(c.Instruction), Call: nanos(c.Call), ROMEntry: nanos(c.ROMEntry)})
}

// BootReason returns why the device last started.
func (d *Device) BootReason() BootReason { return d.reason }

// Uptime returns the time since the last reset.
func (d *Device) Uptime() clock.Duration { return d.Now().Sub(d.resetAt) }

// Random returns the next number of the device's hardware random generator,
// which is seeded by the world.
func (d *Device) Random() uint32 { return d.rand.Uint32() }

// FeedWatchdog restarts the software watchdog's count (tmr.wdclr, and each
// return to the system).
func (d *Device) FeedWatchdog() { d.feedWatchdog() }

func (d *Device) feedWatchdog() { d.wdtMark = d.vmCPU() }

// checkWatchdog is called from within Lua about each millisecond of CPU time.
func (d *Device) checkWatchdog() {
	if clock.Duration((d.VM.CPU()-d.wdtMark)/1000) > softWatchdog {
		d.hintWatchdog()
		d.Reset(SoftWatchdog)
		return
	}
	// A loop that feeds the watchdog never returns to the system. It ends with
	// the run: the time that its instructions take tells, even where Lua is free.
	took := clock.Duration((d.VM.CPU() - d.cpuMark) / 1000)
	if took > softWatchdog && d.world.Clock.Ending(d.local.Add(took-softWatchdog)) {
		d.VM.Kill("the run ends")
	}
}

// Run calls fn protected, as the firmware runs timers and tasks: an error goes
// to the onerror function. what names the callback in events.
func (d *Device) Run(what string, fn vm.Value, args ...vm.Value) {
	if err := d.call(what, fn, args); err != nil {
		d.reportError(what, err)
	}
}

// RunUnprotected calls fn as the firmware's net module does: an error is a
// panic of the whole device. After that, and when the device is being reset, it
// does not return: the current piece of work ends there.
func (d *Device) RunUnprotected(what string, fn vm.Value, args ...vm.Value) {
	if err := d.call(what, fn, args); err != nil {
		d.panic(what, err)
	}
	if d.running && (d.halted || d.pendingReset != nil) {
		panic(unwinding{})
	}
}

// unwinding is what a piece of work is left with when the CPU stops in it.
type unwinding struct{}

// work runs one piece of work until it returns or the CPU stops. Memory that runs
// out where no Lua call can catch it is a panic, as in the firmware.
func (d *Device) work(fn func()) {
	defer func() {
		switch r := recover().(type) {
		case nil, unwinding:
		case vm.OutOfMemoryPanic:
			d.panic("system", &vm.Error{Value: vm.String(vm.OutOfMemory)})
		default:
			panic(r)
		}
	}()
	fn()
}

// call calls into Lua and emits what it cost. It returns nil when the run was
// killed: the reset is then under way.
func (d *Device) call(what string, fn vm.Value, args []vm.Value) *vm.Error {
	_, err := d.callResults(what, fn, 0, args...)
	return err
}

// panic prints what the firmware prints and stops; the watchdog then resets.
func (d *Device) panic(what string, err *vm.Error) {
	if err.Memory() && !d.tools.reported {
		d.postMortem(vm.OutOfMemory, 0)
	}
	d.Emit(Panic, PanicData{err.Message(), err.Traceback, what})
	d.Write("PANIC: unprotected error in call to Lua API (" + err.Message() + ")\r\n")
	d.halt()
	if d.cfg.OnPanic == RebootOnPanic {
		d.RequestRestart(SoftWatchdog, softWatchdog)
	}
}

// halt is the end after a panic: nothing that is queued will run.
func (d *Device) halt() {
	d.halted = true
	d.stopCPU()
}

// stopCPU lets nothing run until the next reset.
func (d *Device) stopCPU() {
	d.powered = false
	d.sched.wake.Stop()
	d.sched.timers, d.sched.packets = nil, nil
	d.sched.tasks = [priorities][]func(){}
}

// Halted reports whether the device has stopped after a panic.
func (d *Device) Halted() bool { return d.halted }

// SetOnError makes fn the handler of errors in timers and tasks
// (node.setonerror); nil restores the default, which prints and restarts.
func (d *Device) SetOnError(fn *vm.Function) {
	if fn == nil {
		d.VM.Unref(&d.onerror)
		return
	}
	d.VM.SetRef(&d.onerror, fn, "onerror function")
}

// restartAfterError is the default onerror's delay (oracle: net-constants.json
// default_onerror_restart).
const restartAfterError = 2 * clock.Second

// reportError hands an error to the onerror function in a task of its own. With
// no room for the task the error has nowhere to go, which is a panic.
func (d *Device) reportError(what string, err *vm.Error) {
	msg := traced(err)
	if err.Memory() {
		msg = "out of memory"
	}
	d.Emit(LuaError, ErrorData{msg, what})
	posted := d.PostTask(High, func() {
		if d.onerror != 0 {
			d.Run("onerror", d.VM.Deref(d.onerror), vm.String(msg))
			return
		}
		d.console.show(vm.String(msg))
		if d.cfg.OnPanic == HaltOnError {
			d.Emit(Panic, PanicData{err.Message(), err.Traceback, what})
			d.halt()
			return
		}
		if !d.erring {
			d.erring = true
			d.NewTimer(func() { d.Reset(SoftRestart) }).Arm(restartAfterError, false)
		}
	})
	if !posted {
		d.panic(what, &vm.Error{Value: vm.String(TaskQueueFull)})
	}
}
