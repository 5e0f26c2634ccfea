package gpio

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// gpio.pulse: sequences of pin levels and delays, with loops, that the hardware
// timer's interrupt works off (fw: app/modules/gpio_pulse.c). Only one runs at a
// time, and not while an asynchronous serout does.
//
// The interrupt takes no time here, but that two steps without a delay are a
// microsecond apart. A sequence of nothing else keeps the chip in the interrupt,
// and the hardware watchdog ends that.

// pulser is one gpio.pulse object.
type pulser struct {
	entries []entry
	steps   uint32
	next    uint16         // entry that comes next
	active  uint16         // entry that was last executed
	stopAt  int16          // entry to stop at, or one of the two below
	done    vm.Ref         // the callback
	ends    clock.Duration // when the delay at hand is over, since boot
	desired uint32         // when it should be, for those delays that may vary
	adjust  int32          // added to the next delay that may vary
}

const (
	stopNowhere    = -1
	stopEverywhere = -2
)

// entry is one instruction.
type entry struct {
	set, clear      uint32 // pins, a bit each
	delay, min, max int32  // microseconds; min and max are -1 where they were not given
	count, left     uint32 // of the loop
	loop            uint16 // entry that follows, from 1; 0: the next
}

const (
	maxEntries = 100
	maxPulse   = 64000000 // microseconds; fw: DELAY_LIMIT
	noLimit    = -1

	// Bytes of the firmware's structs.
	pulserSize = 40
	entrySize  = 32

	// shortDelay is the first delay, in microseconds, for which the timer is armed;
	// shorter ones are not waited for.
	shortDelay = 3
)

// hardwareWatchdog is how long the chip may stay in an interrupt (about 8.2 s;
// nobody can feed the hardware watchdog meanwhile).
const hardwareWatchdog = 8200 * clock.Millisecond

// pulses is the state of the module gpio.pulse.
type pulses struct {
	m      *module
	kind   *vm.Type
	active *pulser
	self   vm.Ref // the active object
	event  *clock.Event
	rush   clock.Duration // time spent in steps without a delay
}

func newPulses(m *module) *pulses {
	p := &pulses{m: m}
	p.kind = &vm.Type{
		Name: "gpio.pulse",
		Methods: []vm.Func{
			{Name: "getstate", Fn: p.getstate},
			{Name: "stop", Fn: p.stop},
			{Name: "cancel", Fn: p.cancel},
			{Name: "start", Fn: p.start},
			{Name: "adjust", Fn: p.adjust},
			{Name: "update", Fn: p.update},
		},
		GC: func(o any) {
			if u := o.(*pulser); u != p.active {
				m.dev.VM.Unref(&u.done)
			}
		},
	}
	return p
}

func (p *pulses) table() *vm.Table {
	return p.m.dev.VM.NewROMTable("gpio.pulse", []vm.Func{{Name: "build", Fn: p.build}}, nil)
}

func (p *pulses) get(c *vm.Call) *pulser { return c.Object(1, p.kind).(*pulser) }

// build is gpio.pulse.build(table).
func (p *pulses) build(c *vm.Call) int {
	t := c.Table(1)
	n := c.VM.Len(t)
	if n > maxEntries {
		c.Error("table is too large: %d entries is more than %d", n, maxEntries)
	}
	x := &pulser{entries: make([]entry, n)}
	ud := c.VM.NewObject(p.kind, pulserSize+n*entrySize, x)
	for i := range x.entries {
		x.entries[i] = entry{min: noLimit, max: noLimit}
		x.entries[i].fill(c, c.VM.RawGetInt(t, i+1))
	}
	return c.Return(ud)
}

// update is pulser:update(entry, table). What the table does not mention stays;
// a pin that it mentions keeps what it was to be set to as well.
func (p *pulses) update(c *vm.Call) int {
	x, n := p.get(c), c.Int(2)
	if n < 1 || n > len(x.entries) {
		c.Error("entry number must be in range 1 .. %d", len(x.entries))
	}
	e := x.entries[n-1]
	e.fill(c, c.Arg(3))
	x.entries[n-1] = e
	return 0
}

// fill takes the fields of a table over. The numbers of the arguments in its
// messages are where the firmware finds key and value on the stack.
func (e *entry) fill(c *vm.Call, v vm.Value) {
	t, ok := v.(*vm.Table)
	if !ok {
		c.Error("All entries must be tables")
	}
	integer := func(at int, v vm.Value) int {
		f, ok := c.VM.ToNumber(v)
		if !ok {
			c.ArgError(at, "number expected, got "+c.VM.TypeName(v))
		}
		return vm.Integer(f)
	}
	for key, value, _ := c.VM.RawNext(t, vm.Nil); key != vm.Nil; key, value, _ = c.VM.RawNext(t, key) {
		if _, ok := key.(vm.Number); ok {
			e.setPin(c, integer(-2, key), integer(-1, value))
			continue
		}
		name, ok := key.(vm.String)
		if !ok {
			c.ArgError(-2, "string expected, got "+c.VM.TypeName(key))
		}
		delay := func(what string) int32 {
			us := integer(-1, value)
			if us < 0 || us > maxPulse {
				c.Error("delay %sof %d must be in the range 0 .. %d microseconds", what, us, maxPulse)
			}
			return int32(us)
		}
		switch vm.CString(string(name)) {
		case "delay":
			e.delay = delay("")
		case "min":
			e.min = delay("minimum ")
		case "max":
			e.max = delay("maximum ")
		case "count":
			e.count = uint32(integer(-1, value))
		case "loop":
			e.loop = uint16(integer(-1, value))
		default:
			c.Error("Unrecognized key found: %s", vm.CString(string(name)))
		}
	}
	if e.min == noLimit && e.max == noLimit {
		return
	}
	e.min = max(e.min, 0)
	if e.min > e.delay || e.max < e.delay {
		c.Error("Delay of %d must be between min and max", e.delay)
	}
}

func (e *entry) setPin(c *vm.Call, pin, value int) {
	if !exists(pin) {
		c.Error("pin number %d must be in range 0 .. %d", pin, board.NumPins-1)
	}
	if value != 0 {
		e.set |= 1 << pin
	} else {
		e.clear |= 1 << pin
	}
}

// start is pulser:start([adjust,] callback).
func (p *pulses) start(c *vm.Call) int {
	x, adjust, at := p.get(c), 0, 2
	if p.active != nil {
		c.Error("pulse operation already in progress")
	}
	if _, ok := c.Arg(at).(vm.Number); ok {
		adjust = c.Int(at)
		at++
	}
	p.setCallback(c, x, at)
	p.active = x
	c.VM.SetRef(&p.self, c.Arg(1), "running pulser")
	for i := range x.entries {
		x.entries[i].left = 0
	}
	x.next, x.active, x.steps, x.stopAt, x.adjust = 0, 0, 0, stopNowhere, int32(adjust)
	if !p.m.dev.TakeHardwareTimer(p) {
		c.Error("Unable to initialize timer")
	}
	x.ends, p.rush = p.m.dev.ETS.InterruptUptime(), 0
	p.step()
	return 0
}

func (p *pulses) setCallback(c *vm.Call, x *pulser, at int) {
	fn, ok := c.Arg(at).(*vm.Function)
	if !ok {
		c.Error("missing callback")
	}
	c.VM.SetRef(&x.done, fn, "pulser callback")
}

// step is the interrupt of the hardware timer: it executes an entry.
func (p *pulses) step() {
	x, d := p.active, p.m.dev
	now := p.m.dev.ETS.InterruptUptime()
	x.active = x.next
	x.steps++
	if int(x.next) >= len(x.entries) {
		p.finish()
		return
	}
	e := &x.entries[x.next]
	for pin := range board.NumPins {
		if e.set>>pin&1 != 0 {
			d.Pins.Write(pin, 1)
		}
	}
	for pin := range board.NumPins {
		if e.clear>>pin&1 != 0 {
			d.Pins.Write(pin, 0)
		}
	}
	if x.stopAt == stopEverywhere || x.stopAt == int16(x.next) {
		p.finish()
		return
	}
	x.advance(e)
	us := clock.Duration(x.delay(e, uint32(now)))
	x.ends = now + us
	if us < shortDelay {
		us = toggle
		if p.rush += us; p.rush > hardwareWatchdog {
			d.Reset(device.HardwareWatchdog)
			return
		}
	} else {
		p.rush = 0
	}
	p.event = d.World().Clock.At(d.ETS.InterruptNow().Add(us), p.step)
}

// advance chooses the entry that comes next.
func (x *pulser) advance(e *entry) {
	x.next++
	if e.loop == 0 {
		return
	}
	if e.left == 0 {
		e.left = e.count + 1
	}
	if e.left--; e.left >= 1 {
		x.next = e.loop - 1
	}
}

// delay returns how long entry e takes, in microseconds. One that may vary makes
// up for the ones before. The time that is aimed at starts as the module's, 0, so
// the first of these is as short as it may be.
func (x *pulser) delay(e *entry, now uint32) int32 {
	us, late := e.delay, int32(0)
	if e.min != noLimit {
		adjust := x.adjust
		x.adjust = 0
		late = int32((now-x.desired)&timeMask<<1) >> 1
		us += adjust - late
		if us < e.min {
			x.adjust = e.delay - e.min + adjust
			us = e.min
		} else if us > e.max {
			x.adjust = e.delay - e.max + adjust
			us = e.max
		}
	}
	x.desired += uint32(us + late)
	return us
}

// finish ends the sequence; a task of low priority tells the program.
func (p *pulses) finish() {
	p.m.dev.FreeHardwareTimer(p)
	p.m.dev.PostTask(ets.Low, p.report)
}

func (p *pulses) report() {
	x, v := p.active, p.m.dev.VM
	if x == nil {
		return
	}
	fn, state := v.Deref(x.done), p.state(x)
	p.active = nil
	v.Unref(&p.self)
	p.m.dev.Run("pulser callback", fn, state...)
}

// state is what getstate returns of a pulser.
func (p *pulses) state(x *pulser) []vm.Value {
	pos := vm.Value(vm.Nil)
	if int(x.active) < len(x.entries) {
		pos = vm.Number(x.active + 1)
	}
	now := p.m.dev.ETS.InterruptUptime() & timeMask
	left := int32(uint32(x.ends-now)&timeMask<<1) >> 1
	return []vm.Value{pos, vm.Number(x.steps), vm.Number(left), vm.Number(now)}
}

// getstate is pulser:getstate(): position, steps, microseconds left, tmr.now().
func (p *pulses) getstate(c *vm.Call) int { return c.Return(p.state(p.get(c))...) }

// stop is pulser:stop([position,] callback): the sequence ends when it gets to the
// entry, or with the next one. It returns nothing when the pulser does not run.
func (p *pulses) stop(c *vm.Call) int {
	x, pos, at := p.get(c), stopEverywhere, 2
	if x != p.active {
		return 0
	}
	if _, ok := c.Arg(at).(vm.Number); ok {
		if pos = c.Int(at); pos != stopEverywhere {
			if pos < 1 || pos > len(x.entries) {
				c.Error("bad stop position: %d (valid range 1 - %d)", pos, len(x.entries))
			}
			pos--
		}
		at++
	}
	p.setCallback(c, x, at)
	x.stopAt = int16(pos)
	return c.ReturnBool(true)
}

// cancel is pulser:cancel(): the sequence ends here, and the callback is not
// called. It returns the state, or nothing when the pulser does not run.
func (p *pulses) cancel(c *vm.Call) int {
	x := p.get(c)
	if x != p.active {
		return 0
	}
	p.halt()
	p.active = nil
	c.VM.Unref(&p.self)
	return c.Return(p.state(x)...)
}

// adjust is pulser:adjust(us): what to add to the next delay that may vary. It
// returns the state, or nothing when the pulser does not run.
func (p *pulses) adjust(c *vm.Call) int {
	x := p.get(c)
	if x != p.active {
		return 0
	}
	x.adjust = int32(c.Int(2))
	return c.Return(p.state(x)...)
}

// halt lets nothing more happen.
func (p *pulses) halt() {
	p.event.Stop()
	p.m.dev.FreeHardwareTimer(p)
}
