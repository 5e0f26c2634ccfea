package gpio

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// interrupt is the trigger of one pin. Interrupts are counted as they come; the
// first one since the last callback posts a task of high priority, which calls
// the program with the level and time of that interrupt and the count of all.
type interrupt struct {
	fn       vm.Ref
	stale    bool // fn is gone, and the firmware does not know it
	trigger  pin.Trigger
	seen     uint16 // interrupts, 15 bits
	reported uint16 // of which the program knows
	lost     bool   // there was no room for the task: the next interrupt tries again
}

const (
	countMask = 0x7fff
	timeMask  = 0x7fffffff // as tmr.now
)

var triggers = []string{"none", "up", "down", "both", "low", "high"}

// trig is gpio.trig(pin, [type, [fn]]). Without fn the one before stays. After a call
// with something else the firmware has let go of it and does not know that it has: a
// later call without fn finds one, which is nothing that could be called.
func (m *module) trig(c *vm.Call) int {
	index := c.Int(1)
	if !exists(index) || index == 0 {
		c.ArgError(1, "Invalid interrupt pin")
	}
	p := &m.pins[index]
	t := pin.Trigger(c.Option(2, triggers[0], triggers...))
	fn, ok := c.Arg(3).(*vm.Function)
	switch {
	case t == pin.TriggerNone:
		c.VM.Unref(&p.fn)
		p.stale = false
	case c.NArgs() == 2 && (p.fn != 0 || p.stale):
	case p.stale && ok:
		// It gets the place in the registry that the firmware frees next.
		m.dev.Inspect.Hints.Here("gpio.trig(%d) was called with a callback that is no function: the firmware frees the one before twice, and so loses the callback that comes now: call gpio.trig(%d, \"none\") first", index, index)
	case ok:
		c.VM.SetRef(&p.fn, fn, "gpio trigger")
	default:
		p.stale = p.stale || p.fn != 0
		c.VM.Unref(&p.fn)
		c.ArgError(3, "invalid callback type")
	}
	p.reported, p.lost, p.trigger = p.seen, false, t
	m.arm(index)
	return 0
}

// arm enables the pin's interrupt.
func (m *module) arm(pin int) {
	m.dev.Pins.SetTrigger(pin, m.pins[pin].trigger, func(level int, at clock.Duration) { m.interrupted(pin, level, at) })
}

// interrupted is the interrupt of a pin.
func (m *module) interrupted(pin, level int, at clock.Duration) {
	p := &m.pins[pin]
	pending := p.seen != p.reported && !p.lost
	p.seen = (p.seen + 1) & countMask
	if pending {
		return
	}
	p.lost = !m.dev.PostTask(ets.High, func() { m.report(pin, level, at&timeMask) })
}

// report is the task that tells the program.
func (m *module) report(pin, level int, when clock.Duration) {
	p := &m.pins[pin]
	v := m.dev.VM
	if p.fn == 0 && !p.stale {
		return
	}
	count := (p.seen - p.reported) & countMask
	p.reported = p.seen
	m.dev.Run("gpio trigger", v.Deref(p.fn), vm.Number(level), vm.Number(when), vm.Number(count))
	if (p.fn != 0 || p.stale) && p.trigger.IsLevel() {
		m.arm(pin)
	}
}
