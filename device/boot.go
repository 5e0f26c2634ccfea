package device

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// BootReason is why a device started (fw: docs/modules/node.md, bootreason).
type BootReason struct {
	Raw      int
	Extended int
	Text     string
	Fault    bool // nobody has asked for it: a watchdog, an exception
}

// The reasons that the simulator can cause.
var (
	PowerOn          = BootReason{1, 0, "power-on", false}
	HardwareWatchdog = BootReason{4, 1, "hardware watchdog reset", true}
	Exception        = BootReason{2, 2, "exception reset", true}
	SoftWatchdog     = BootReason{4, 3, "software watchdog reset", true}
	TmrWatchdog      = BootReason{2, 4, "software restart", true} // that of tmr.softwd
	SoftRestart      = BootReason{2, 4, "software restart", false}
	DeepSleepWake    = BootReason{2, 5, "wake from deep-sleep", false}
	ExternalReset    = BootReason{3, 6, "external reset", false}
)

// BootReason returns why the device last started.
func (d *Device) BootReason() BootReason { return d.reason }

// Boots returns how often the device has been reset.
func (d *Device) Boots() int { return d.boots }

// PowerOn switches the device on; it boots after the boot delay.
func (d *Device) PowerOn() { d.start(PowerOn) }

// PressReset is the reset button.
func (d *Device) PressReset() { d.Reset(ExternalReset) }

// PowerCycle takes the device's power away and gives it back: what only the chip
// remembers is lost, the flash stays. One that had none yet is switched on.
func (d *Device) PowerCycle() {
	if d.boots == 0 && !d.ETS.On() {
		d.PowerOn()
		return
	}
	d.Reset(PowerOn)
}

// Close gives back what the host does not collect with the device: TLS that waits for the
// wire. The world must not run on.
func (d *Device) Close() {
	if d.espconn != nil {
		d.espconn.Close()
	}
}

// Reset resets the device, after the current piece of work if one is running.
func (d *Device) Reset(why BootReason) {
	if d.ETS.Running() {
		d.pendingReset = &why
		if d.VM != nil {
			d.VM.Kill(why.Text)
		}
		return
	}
	d.reset(why)
}

// afterwards runs fn, with which this boot ends, when the CPU has returned to the system,
// unless the device was reset meanwhile. Until then nothing is typed that would be lost.
func (d *Device) afterwards(delay clock.Duration, fn func()) {
	d.restarting = true
	d.world.Clock.At(d.Now().Add(delay), d.ifThisBoot(func() {
		if d.world.Clock.Now() < d.Now() { // it went on for a while
			d.afterwards(0, fn)
		} else {
			fn()
		}
	}))
}

// The SDK's ways out: it switches Wi-Fi off, and the program goes on for a moment; then it
// waits for what the serial port still has to send. Source: oracle: sdk-behaviour.md, 6.1
// and 6.2.
const (
	restartDelay = 100 * clock.Millisecond
	serialWait   = 500 * clock.Millisecond // at most
)

// Restart is system_restart: the program goes on for 100 ms.
func (d *Device) Restart() { d.restartFor(SoftRestart) }

// WatchdogRestart is system_restart, called by the watchdog of tmr.softwd.
func (d *Device) WatchdogRestart() { d.restartFor(TmrWatchdog) }

func (d *Device) restartFor(why BootReason) {
	d.endSoon(event.Restart{Reason: why.Text}, func() { d.Reset(why) })
}

// restartForError is the restart by the default onerror.
func (d *Device) restartForError() {
	d.endSoon(event.Restart{Reason: SoftRestart.Text, Cause: "2 s after an error that nothing has caught; pcall does, or a function given to node.setonerror"},
		func() { d.Reset(SoftRestart) })
}

// DeepSleep is system_deep_sleep: see Sleep. The program goes on for 100 ms, unless the
// sleep is instant; then Wi-Fi is not switched off before, either.
func (d *Device) DeepSleep(us clock.Duration, instant bool) {
	sleep := func() { d.Sleep(us) }
	if !instant {
		d.endSoon(event.Restart{Reason: sleepText}, sleep)
		return
	}
	d.Emit(event.Restart{Reason: sleepText})
	d.ends = sleep
	d.end()
}

const sleepText = "deep sleep"

// endSoon has fn end this boot. Who asks again starts the time anew.
func (d *Device) endSoon(why event.Restart, fn func()) {
	d.Emit(why)
	d.restarting = true
	d.ends = fn
	d.Radio.SwitchOff()
	if d.ending == nil {
		d.ending = d.NewTimer(d.end)
	}
	d.ending.Arm(restartDelay, false)
}

// end is the end of this boot: nothing that is queued will run.
func (d *Device) end() {
	d.ETS.DelayUnfed(min(d.Serial.Sending(), serialWait))
	if d.VM != nil {
		d.VM.Kill("the device restarts")
	}
	d.ETS.Halt()
	d.afterwards(0, d.ends)
}

// Resetting reports whether the piece of work at hand ends in a reset.
func (d *Device) Resetting() bool { return d.pendingReset != nil }

// ifThisBoot wraps fn so that it does nothing after a reset.
func (d *Device) ifThisBoot(fn func()) func() {
	boot := d.boots
	return func() {
		if d.boots == boot {
			fn()
		}
	}
}

// reset ends this boot. What the device has done counts as done, so where it was ahead of
// the world's time the next boot begins when the world is there.
func (d *Device) reset(why BootReason) {
	if d.world.Clock.Now() < d.bootsAt { // it is about to boot
		if why == PowerOn {
			d.bootsAs = why
		}
		return
	}
	at := d.Now()
	d.Emit(event.Reset{Reason: why.Text, Fault: why.Fault})
	d.shutdown()
	for _, fn := range d.atReset {
		fn()
	}
	d.atReset = nil
	if at > d.world.Clock.Now() {
		d.bootsAt, d.bootsAs = at, why
		d.world.Clock.At(at, d.ifThisBoot(func() { d.start(d.bootsAs) }))
		return
	}
	d.start(why)
}

// Sleep is deep sleep: everything is off, and after us the device starts anew.
// Zero sleeps until the reset button.
func (d *Device) Sleep(us clock.Duration) {
	if us > 0 {
		d.sleep(us)
		return
	}
	d.Emit(event.Reset{Reason: sleepText})
	d.shutdown()
}

// sleep is deep sleep of a given time, which may be 0.
func (d *Device) sleep(us clock.Duration) {
	d.Emit(event.Reset{Reason: sleepText, Sleep: us})
	d.shutdown()
	d.world.Clock.At(d.world.Clock.Now().Add(us), d.ifThisBoot(func() { d.start(DeepSleepWake) }))
}

// sleepNow is deep sleep that the SDK is not asked for: who calls this doesn't return to
// Lua. Without a word to the SDK nothing waits for the serial port, either.
func (d *Device) sleepNow(us clock.Duration) {
	if d.VM != nil {
		d.VM.Kill(sleepText)
	}
	d.ETS.Halt()
	d.afterwards(0, func() { d.sleep(us) })
}

// shutdown drops everything that does not survive a reset.
func (d *Device) shutdown() {
	d.Radio.Stop()
	d.Net.Stop()
	d.restarting, d.ending, d.ends = false, nil, nil
	d.boots++
	d.modem.off = false
	d.ETS.Shutdown()
	d.resetFlash()
	d.Pins.Reset()
	libs, connections := d.libs, d.espconn
	d.VM, d.libs, d.snapshot, d.sockets, d.espconn, d.pixbufs, d.timerUser = nil, nil, nil, nil, nil, nil, nil
	d.RTC.Reset()
	d.Inspect.Reset()
	d.lua = lua{d: d}
	for _, l := range libs {
		if l.Close != nil {
			l.Close()
		}
	}
	if connections != nil {
		connections.Close()
	}
	d.REPL.Reset()
	d.Serial.Reset()
}

func (d *Device) start(why BootReason) {
	d.reason = why
	if why == PowerOn {
		d.RTC.PowerOn()
		d.Radio.PowerOn()
	}
	d.ETS.Start()
	d.Net.Start()
	d.Radio.Start(d.cfg.BootDelay)
	d.NewTimer(d.boot).Arm(d.cfg.BootDelay, false)
}

// sliceNanos is after how much CPU time of Lua, in nanoseconds, somebody looks at
// the watchdog.
const sliceNanos = 1_000_000

// boot makes the Lua state and starts the program.
func (d *Device) boot() {
	d.Emit(event.Boot{Raw: d.reason.Raw, Extended: d.reason.Extended, Reason: d.reason.Text})
	memory := heap.New(heap.Config{Size: d.Board.Heap.Size})
	d.Inspect.WatchHeap(memory)
	d.openLFS()
	d.VM = vm.NewFlashed(vm.Config{
		Output:     d.Serial.Print,
		ReadFile:   d.readFile,
		Embedded:   d.cfg.Embedded,
		Random:     d.Random,
		Slice:      d.ETS.CheckWatchdog,
		SliceNanos: sliceNanos,
		Heap:       memory,
		Now:        func() int64 { return int64(d.Now()) },
		Recorder:   d.Inspect.Recorder(),
	}, d.lfs.image)
	d.VM.SetCoverage(d.cfg.Coverage)
	d.Inspect.WatchVM(d.VM)
	if d.cfg.Absent != nil {
		d.VM.OnAbsent = d.hintAbsent
	}
	d.ETS.SetCPU(d.VM)
	// The SDK starts the watchdog before the firmware. How long before Lua is assumed.
	d.ETS.RestartWatchdog()
	d.SetMHz(d.Board.CPU.MHz)
	lualib.Open(d.VM)
	for _, m := range d.cfg.Modules {
		lib := m.Open(d)
		d.libs = append(d.libs, lib)
		d.openIn(m, lib)
		for _, t := range lib.Types {
			d.VM.Metatable(t)
		}
	}
	d.SetOnError(nil)
	d.mountFlash()
	if d.cfg.Startup != nil {
		d.cfg.Startup(d)
		return
	}
	d.REPL.Start()
}

// hintAbsent hints at a module or a function that the program takes to be there.
func (d *Device) hintAbsent(name string) {
	if text := d.cfg.Absent(name); text != "" {
		d.Inspect.Hints.Here("%s", text)
	}
}

func (d *Device) readFile(name string) ([]byte, bool) {
	data, err := d.Flash.ReadFile(name)
	return data, err == nil
}
