// Package tmr is the firmware module tmr: timers, the system counter, the busy
// wait and a simple watchdog (fw: docs/modules/tmr.md, app/modules/tmr.c).
//
// A timer is a userdata of 36 bytes. It starts without a mode (OFF); register
// gives it interval, mode and function; start arms it. While a timer runs it is
// referenced from the registry, so a program may drop it. A single timer forgets
// its function before it calls it. The odd corners (stop on a timer that was
// never registered, start(true)) are as the oracle measured them:
// net-behaviour.md 13, scenarios tmr_*.
//
// The package knows Lua's side only; the chip's timers, their order and their
// drift are those of package ets.
package tmr

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Module is tmr as release 3.0 has it, or with device.Build.Legacy as those before.
var Module = device.Module{Name: "tmr", Open: func(d *device.Device) *device.Lib {
	m := open(d)
	if d.Build().Legacy {
		return openLegacy(m)
	}
	return m.lib()
}}

// Figures of the module.
const (
	maxInterval = 6870947 // ms; oracle: net-constants.json tmr_interval_ms
	rangeError  = "Range: 1-0x68D7A3"
	nowMask     = 0x7fffffff // tmr.now has 31 bits
	timerSize   = 36         // bytes; oracle: net-constants.json sizeof_tmr_t
)

type module struct {
	dev    *device.Device
	timers []*timer // that Lua has made and not lost, oldest first
	kind   *vm.Type

	opened  clock.Time // the reset, as for tmr.time
	second  *ets.Timer // ticks each second since then; armed only while that counts
	softdog int        // seconds after the next tick until the restart; below 0: off
}

func open(d *device.Device) *module {
	m := &module{dev: d, softdog: -1, opened: d.ETS.ResetAt()}
	m.second = d.NewTimer(m.tick)
	m.kind = &vm.Type{
		Name: "tmr.timer",
		Methods: []vm.Func{
			{Name: "register", Fn: m.register},
			{Name: "alarm", Fn: m.alarm},
			{Name: "start", Fn: m.start},
			{Name: "stop", Fn: m.stop},
			{Name: "unregister", Fn: m.unregister},
			{Name: "state", Fn: m.state},
			{Name: "interval", Fn: m.interval},
		},
		GC: func(object any) { m.drop(object.(*timer)) },
	}
	d.OnSnapshot(m.snapshot)
	d.Inspect.OnEnded(m.ended)
	return m
}

func (m *module) lib() *device.Lib {
	return &device.Lib{
		Types: []*vm.Type{m.kind},
		Funcs: []vm.Func{ // in the firmware's order: a name costs what stands before it
			{Name: "delay", Fn: m.delay},
			{Name: "now", Fn: m.now},
			{Name: "wdclr", Fn: m.wdclr},
			{Name: "softwd", Fn: m.softwd},
			{Name: "time", Fn: m.time},
			{Name: "ccount", Fn: m.ccount},
			{Name: "create", Fn: m.create},
		},
		Consts: []vm.Const{
			{Name: "ALARM_SINGLE", Value: vm.Number(single)},
			{Name: "ALARM_SEMI", Value: vm.Number(semi)},
			{Name: "ALARM_AUTO", Value: vm.Number(auto)},
		},
	}
}

// create is tmr.create().
func (m *module) create(c *vm.Call) int {
	t := m.newTimer()
	ud := c.VM.NewObject(m.kind, timerSize, t)
	m.timers = append(m.timers, t)
	return c.Return(ud)
}

// drop is __gc: the timer stops and lets its references go.
func (m *module) drop(t *timer) {
	t.release(m.dev.VM)
	t.hw.Disarm()
	if i := slices.Index(m.timers, t); i >= 0 {
		m.timers = slices.Delete(m.timers, i, i+1)
	}
}

// delay is tmr.delay(us). The watchdog is fed each second and at the end.
func (m *module) delay(c *vm.Call) int {
	us := c.Int(1)
	if us <= 0 {
		c.ArgError(1, "wrong arg range")
	}
	cpu := m.dev.Board.CPU
	c.VM.Charge(int64(cpu.Micros(cpu.Delay, m.dev.ETS.MHz()) * 1000))
	m.dev.ETS.DelayFed(clock.Duration(us))
	return 0
}

// now is tmr.now(): microseconds since boot in 31 bits.
func (m *module) now(c *vm.Call) int { return c.ReturnInt(int(m.dev.ETS.Uptime() & nowMask)) }

// time is tmr.time(): seconds since boot.
func (m *module) time(c *vm.Call) int { return c.ReturnInt(int(m.dev.ETS.Uptime() / clock.Second)) }

// ccount is tmr.ccount(): CPU cycles in 32 bits, as a signed number.
func (m *module) ccount(c *vm.Call) int { return c.ReturnInt(int(int32(m.dev.ETS.Cycles()))) }

// wdclr is tmr.wdclr(): feed the system's watchdog.
func (m *module) wdclr(c *vm.Call) int {
	m.dev.ETS.FeedWatchdog()
	return 0
}

// softwd is tmr.softwd(seconds): restart unless it is called again in time. What counts
// are the ticks of a timer that runs since boot, so the first second is short, and the
// one after the last counts too: softwd(0) restarts at the next tick.
func (m *module) softwd(c *vm.Call) int {
	if m.softdog = c.Int(1); m.softdog < 0 {
		m.second.Disarm()
	} else if !m.second.Armed() {
		m.second.ArmSince(m.opened, clock.Second)
	}
	return 0
}

// tick is the timer of a second.
func (m *module) tick() {
	if m.softdog--; m.softdog < 0 {
		m.second.Disarm()
		m.dev.WatchdogRestart()
	}
}

// snapshot lists the timers that have a function.
func (m *module) snapshot(s *device.Snapshot) {
	for _, t := range m.timers {
		if t.fn == 0 {
			continue
		}
		due := clock.Duration(-1)
		if t.hw.Armed() {
			due = max(t.hw.Expiry().Sub(m.dev.Now()), 0)
		}
		s.Timers = append(s.Timers, device.TimerSnapshot{
			Mode:     t.mode.String(),
			Interval: t.interval,
			DueIn:    due,
			Site:     t.site,
			Runs:     t.runs,
			LastCost: t.cost,
		})
	}
}
