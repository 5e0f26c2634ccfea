// Package cron is the firmware module cron: functions that run at minutes of the day
// (fw: docs/modules/cron.md, app/modules/cron.c).
//
// It needs a time: until rtctime.set or sntp.sync have given one nothing runs, and in a
// build without rtctime nothing ever does. A second after boot, and each second from
// then on, it looks for one; having found it, it runs what matches the current minute, in
// the middle of it, and from then on at each full minute, UTC. In second 59 the next
// minute's entries run early and the current one's are lost. Setting the time later is
// noticed at the next minute only. A device that sleeps in between looks anew when it wakes:
// in the minute that it has run already it runs it again.
//
// All entries that match run one after the other in one timer callback. The firmware goes
// over the list while they change it: an entry that a handler adds runs in the same
// minute, and when one removes itself the next one is missed. Day of month and
// day of week must both match, which Unix's cron has otherwise.
//
// An entry is a userdata of 32 bytes that the list keeps alive. What a specification may
// be stands in spec.go.
package cron

import (
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Module is cron as release 3.0 has it.
var Module = device.Module{Name: "cron", Open: func(d *device.Device) *device.Lib { return open(d).lib() }}

// Figures of the module.
const (
	entrySize = 32 // bytes (fw: app/modules/cron.c, sizeof(cronent_ud_t))
	listSize  = 4  // bytes an entry takes in the list
	poll      = clock.Second
	patience  = clock.Minute // without a time, before a hint says so
)

type module struct {
	dev   *device.Device
	kind  *vm.Type
	list  []scheduled
	block heap.Block // the list's

	timer *ets.Timer
	// waiting says that there is no time, and nothing to do until there is one: the
	// timer, which would look each second since then, is not armed.
	waiting bool
	since   clock.Time
	hint    *ets.Timer // that there is none
}

// entry is one specification and its function.
type entry struct {
	spec spec
	text string // of the specification
	fn   vm.Ref
	site string // where it was made
}

// String describes the entry in heap snapshots.
func (e *entry) String() string { return e.text }

// scheduled is an entry in the list.
type scheduled struct {
	*entry
	object vm.Ref
}

func open(d *device.Device) *module {
	m := &module{dev: d}
	m.kind = &vm.Type{
		Name: "cron.entry",
		Methods: []vm.Func{
			{Name: "schedule", Fn: m.reschedule},
			{Name: "handler", Fn: m.handler},
			{Name: "unschedule", Fn: m.unschedule},
		},
		GC: func(object any) { d.VM.Unref(&object.(*entry).fn) }, // one in the list is alive
	}
	m.timer = d.NewTimer(m.look)
	m.hint = d.NewTimer(m.hintNoTime)
	m.waiting, m.since = true, d.Now()
	d.RTC.OnTime(m.timeSet)
	return m
}

func (m *module) lib() *device.Lib {
	return &device.Lib{
		Types: []*vm.Type{m.kind},
		Funcs: []vm.Func{
			{Name: "schedule", Fn: m.schedule},
			{Name: "reset", Fn: m.reset},
		},
	}
}

// schedule is cron.schedule(spec, fn): an entry.
func (m *module) schedule(c *vm.Call) int {
	text := c.String(1)
	fn := c.Function(2)
	s := parse(c, text)
	e := &entry{spec: s, text: text, site: c.VM.Where()}
	object := c.VM.NewObject(m.kind, entrySize, e)
	c.Push(object)
	e.fn = c.VM.Ref(fn, "cron callback")
	m.add(c, e, object)
	return 1
}

// add puts an entry at the end of the list.
func (m *module) add(c *vm.Call, e *entry, object vm.Value) {
	block, ok := m.dev.Malloc(listSize*(len(m.list)+1), heap.Other)
	if !ok {
		m.dev.Crash("cron has no memory for its list of %d entries, and the firmware writes through the null pointer", len(m.list)+1)
		return
	}
	m.dev.Free(&m.block, heap.Other)
	m.block = block
	m.list = append(m.list, scheduled{e, c.VM.Ref(object, "cron entry")})
	m.hints(e.spec)
}

// find returns an entry's place in the list, -1 if it is not there.
func (m *module) find(e *entry) int {
	return slices.IndexFunc(m.list, func(s scheduled) bool { return s.entry == e })
}

// reschedule is entry:schedule(spec). A wrong one changes nothing.
func (m *module) reschedule(c *vm.Call) int {
	e := c.Object(1, m.kind).(*entry)
	text := c.String(2)
	e.spec, e.text = parse(c, text), text
	if m.find(e) < 0 {
		m.add(c, e, c.Arg(1))
	}
	return 0
}

// handler is entry:handler(fn).
func (m *module) handler(c *vm.Call) int {
	e := c.Object(1, m.kind).(*entry)
	fn := c.Function(2)
	c.VM.Unref(&e.fn)
	e.fn = c.VM.Ref(fn, "cron callback")
	return 0
}

// unschedule is entry:unschedule().
func (m *module) unschedule(c *vm.Call) int {
	if i := m.find(c.Object(1, m.kind).(*entry)); i >= 0 {
		c.VM.Unref(&m.list[i].object)
		m.list = slices.Delete(m.list, i, i+1)
	}
	return 0
}

// reset is cron.reset(): the list is empty.
func (m *module) reset(c *vm.Call) int {
	for i := range m.list {
		c.VM.Unref(&m.list[i].object)
	}
	m.list = nil
	m.dev.Free(&m.block, heap.Other)
	return 0
}

// timeSet is told that there is a time. The timer runs as if it had looked each second since
// the boot.
func (m *module) timeSet() {
	if m.waiting {
		m.waiting = false
		m.timer.ArmSince(m.since, poll)
	}
}

// look is the timer's callback.
func (m *module) look() {
	sec, usec := m.dev.RTC.Now()
	if sec == 0 {
		m.timer.Arm(poll, false)
		return
	}
	now := time.Unix(int64(int32(sec)), 0).UTC()
	left := clock.Minute - clock.Duration(now.Second())*clock.Second - clock.Duration(usec/1000)*clock.Millisecond
	if now.Second() == 59 {
		now = now.Add(time.Second)
		left += clock.Minute
	}
	m.timer.Arm(left, false)
	v := m.dev.VM
	m.run(momentOf(now), func(e scheduled) { m.dev.Run("cron callback", v.Deref(e.fn), v.Deref(e.object)) })
}

// run calls the entries that match a minute. What they do to the list shows at once.
func (m *module) run(minute moment, call func(scheduled)) {
	for i := 0; i < len(m.list); i++ {
		e := m.list[i]
		if !e.spec.matches(minute) {
			continue
		}
		call(e)
		if m.dev.VM == nil || m.dev.Resetting() {
			return
		}
		if i < len(m.list) && m.find(e.entry) < 0 {
			m.dev.Inspect.Hints.At(e.site, "this cron entry was unscheduled while it ran: the firmware then leaves out the next one in the list for this minute")
		}
	}
}

// hints says what of an entry is easily taken for something else.
func (m *module) hints(s spec) {
	hints := &m.dev.Inspect.Hints
	if s.everyDay == 0 {
		hints.Here("this cron entry names days of the month and of the week: both must match here, while Unix's cron takes one of them")
	}
	switch {
	case !slices.Contains(m.dev.ModuleNames(), "rtctime"):
		hints.Here("this build has no rtctime, and so no time: cron never runs anything. Put rtctime into [firmware] modules")
	case !m.dev.RTC.HaveTime() && !m.hint.Armed():
		m.hint.Arm(patience, false)
	}
}

// hintNoTime is told that an entry has waited long.
func (m *module) hintNoTime() {
	if !m.dev.RTC.HaveTime() && len(m.list) > 0 {
		m.dev.Inspect.Hints.At(m.list[0].site, "cron has waited for a time for %d s, and runs nothing without one: it comes from rtctime.set or sntp.sync, and is lost in every reset", patience/clock.Second)
	}
}
