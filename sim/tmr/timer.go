package tmr

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// mode of a timer (fw: app/modules/tmr.c).
type mode int

const (
	single mode = iota
	auto
	semi
	off
)

func (m mode) String() string { return [...]string{"single", "auto", "semi", "off"}[m] }

// timer is one timer of a program.
type timer struct {
	m        *module
	mode     mode
	idle     bool // registered, or stopped, and not running
	interval clock.Duration
	fn       vm.Ref
	self     vm.Ref         // while it runs
	site     string         // where its function was registered
	runs     int            // calls of it
	cost     clock.Duration // CPU time of the last one
	hw       *ets.Timer
	endedAt  clock.Time // when it was stopped or ran out, 0 while it runs
	legacy   int        // static timer's number, or notLegacy
	set      bool       // registered at least once
}

const notLegacy = -1

func (m *module) newTimer() *timer {
	t := &timer{m: m, mode: off, legacy: notLegacy}
	t.hw = m.dev.NewTimer(t.expire)
	return t
}

// running reports whether the timer is armed as far as Lua can tell.
func (t *timer) running() bool { return !t.idle && t.mode != off }

// release stops the timer and gives up what it refers to. Like stop and register
// it leaves a timer alone that has been started while OFF, by start(true).
func (t *timer) release(v *vm.VM) {
	if t.running() {
		t.hw.Disarm()
	}
	v.Unref(&t.self)
	v.Unref(&t.fn)
	t.mode, t.idle = off, false
}

// expire runs when the timer is due.
func (t *timer) expire() {
	v := t.m.dev.VM
	if t.fn == 0 {
		return
	}
	fn, arg := v.Deref(t.fn), v.Deref(t.self)
	if t.legacy != notLegacy {
		arg = vm.Number(t.legacy)
	}
	switch {
	case t.idle:
		// Started while OFF and registered since: the function runs though this
		// registration has not been started.
	case t.mode == single:
		v.Unref(&t.fn)
		v.Unref(&t.self)
		t.mode = off
	case t.mode == semi:
		v.Unref(&t.self)
		t.idle = true
		t.endedAt = t.m.dev.Now()
	}
	before := v.CPU()
	t.m.dev.Run("tmr callback", fn, arg)
	if t.hw.Armed() && t.m.dev.ETS.Starving() {
		t.m.dev.Inspect.Hints.At(t.site, "timers fire again before their callbacks are through (this one each %d ms): no packets, no tasks, no Wi-Fi, until the watchdog resets the device", t.interval/clock.Millisecond)
	}
	t.runs++
	t.cost = clock.Duration((v.CPU() - before) / 1000)
}

// arm starts the chip's timer, which does nothing before the first register has
// given it a function.
func (t *timer) arm() {
	t.endedAt = 0
	if t.set {
		t.hw.Arm(t.interval, t.mode == auto)
	}
}

// get returns the timer that argument 1 is.
func (m *module) get(c *vm.Call) *timer { return c.Object(1, m.kind).(*timer) }

// checkInterval raises an error unless ms is an interval.
func checkInterval(c *vm.Call, n, ms int) clock.Duration {
	if ms < 1 || ms > maxInterval {
		c.ArgError(n, rangeError)
	}
	return clock.Duration(ms) * clock.Millisecond
}

// register is t:register(ms, mode, fn).
func (m *module) register(c *vm.Call) int {
	m.setUp(c, m.get(c))
	return 0
}

// setUp takes interval, mode and function from arguments 2 to 4.
func (m *module) setUp(c *vm.Call, t *timer) {
	ms := c.Int(2)
	kind := mode(c.Int(3) & 0xff) // the firmware keeps it in a byte
	interval := checkInterval(c, 2, ms)
	if kind > semi {
		c.ArgError(3, "Invalid mode")
	}
	fn, ok := c.Arg(4).(*vm.Function)
	if !ok {
		c.ArgError(4, "Must be function")
	}
	c.VM.SetRef(&t.fn, fn, "tmr callback")
	if t.running() {
		t.hw.Disarm()
	}
	t.set = true
	t.mode, t.idle, t.interval, t.site = kind, true, interval, c.VM.Where()
	t.runs, t.cost = 0, 0
}

// alarm is t:alarm(ms, mode, fn): register and start.
func (m *module) alarm(c *vm.Call) int {
	t := m.get(c)
	m.setUp(c, t)
	return c.ReturnBool(m.run(c, t, false))
}

// start is t:start([restart]).
func (m *module) start(c *vm.Call) int {
	t := m.get(c)
	restart, ok := c.Arg(2).(vm.Bool)
	if !ok && !c.IsNoneOrNil(2) {
		c.ArgError(2, "boolean expected")
	}
	return c.ReturnBool(m.run(c, t, bool(restart)))
}

// run starts a timer that is idle, or any when restart is true. The timer is
// referenced from then on even if it was not started.
func (m *module) run(c *vm.Call, t *timer, restart bool) bool {
	if t.self == 0 && t.legacy == notLegacy {
		t.self = c.VM.Ref(c.Arg(1), "running timer")
	}
	if !t.idle && !restart {
		return false
	}
	t.idle = false
	t.arm()
	return true
}

// stop is t:stop(). A timer that was never registered becomes idle by it, which
// state() then shows as mode 3.
func (m *module) stop(c *vm.Call) int { return c.ReturnBool(m.halt(c, m.get(c))) }

func (m *module) halt(c *vm.Call, t *timer) bool {
	was := t.running()
	c.VM.Unref(&t.self)
	if was {
		t.hw.Disarm()
	}
	t.idle = true
	t.endedAt = m.dev.Now()
	return was
}

// unregister is t:unregister().
func (m *module) unregister(c *vm.Call) int {
	m.get(c).release(c.VM)
	return 0
}

// interval is t:interval(ms). A running timer starts anew.
func (m *module) interval(c *vm.Call) int { return m.setInterval(c, m.get(c)) }

func (m *module) setInterval(c *vm.Call, t *timer) int {
	interval := checkInterval(c, 2, c.Int(2))
	if t.mode == off && !t.idle {
		return 0
	}
	t.interval = interval
	if !t.idle {
		t.arm()
	}
	return 0
}

// state is t:state(): nothing known, or whether it runs and in which mode.
func (m *module) state(c *vm.Call) int { return m.report(c, m.get(c)) }

func (m *module) report(c *vm.Call, t *timer) int {
	if t.mode == off && !t.idle {
		return c.ReturnNil()
	}
	return c.Return(vm.Bool(!t.idle), vm.Number(t.mode))
}
