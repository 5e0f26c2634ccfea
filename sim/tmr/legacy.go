package tmr

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// A legacy build has tmr as releases before 3.0 had it: besides timer objects the
// seven static timers 0 to 6, which functions of the module take by number
// (tmr.alarm(0, 1000, tmr.ALARM_AUTO, fn)). Programs of that time still use them.

// staticTimers is how many static timers there were (fw: NUM_TMR).
const staticTimers = 7

// legacyModule is a module whose functions take a number or a timer.
type legacyModule struct {
	*module
	static [staticTimers]*timer
}

func openLegacy(own *module) *device.Lib {
	m := &legacyModule{module: own}
	for i := range m.static {
		t := m.newTimer()
		t.legacy = i
		m.static[i] = t
	}
	m.timers = append(m.timers, m.static[:]...)
	lib := m.lib()
	lib.Funcs = append(lib.Funcs,
		vm.Func{Name: "register", Fn: m.register},
		vm.Func{Name: "alarm", Fn: m.alarm},
		vm.Func{Name: "start", Fn: m.start},
		vm.Func{Name: "stop", Fn: m.stop},
		vm.Func{Name: "unregister", Fn: m.unregister},
		vm.Func{Name: "state", Fn: m.state},
		vm.Func{Name: "interval", Fn: m.interval},
	)
	return lib
}

// get returns the timer that argument 1 is or names.
func (m *legacyModule) get(c *vm.Call) *timer {
	if t, ok := c.TestObject(1, m.kind).(*timer); ok {
		return t
	}
	if !c.IsNumber(1) {
		c.ArgError(1, "timer object or numerical ID expected")
	}
	id := c.Int(1)
	if id < 0 || id >= staticTimers {
		c.ArgError(1, "invalid timer index")
	}
	return m.static[id]
}

func (m *legacyModule) register(c *vm.Call) int {
	m.setUp(c, m.get(c))
	return 0
}

func (m *legacyModule) alarm(c *vm.Call) int {
	t := m.get(c)
	m.setUp(c, t)
	return c.ReturnBool(m.run(c, t, false))
}

func (m *legacyModule) start(c *vm.Call) int { return c.ReturnBool(m.run(c, m.get(c), false)) }
func (m *legacyModule) stop(c *vm.Call) int  { return c.ReturnBool(m.halt(c, m.get(c))) }

func (m *legacyModule) unregister(c *vm.Call) int {
	m.get(c).release(c.VM)
	return 0
}

func (m *legacyModule) interval(c *vm.Call) int { return m.setInterval(c, m.get(c)) }
func (m *legacyModule) state(c *vm.Call) int    { return m.report(c, m.get(c)) }
