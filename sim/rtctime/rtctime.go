// Package rtctime is the firmware module rtctime: the time of day, kept also in deep
// sleep (fw: docs/modules/rtctime.md, app/modules/rtctime.c).
//
// After power-on there is no time: get returns 0, 0, 0 until set or sntp.sync give one.
// It is lost in every reset and in node.dsleep; only dsleep, dsleep_aligned and
// rtcfifo.dsleep_until_sample keep it. A time that is set back does not go back: it is
// slewed in calls of get, and without frequent ones never gets there. Seconds from 2038
// on are negative.
//
// dsleep counts microseconds in 32 bits, and does not return. At each boot the module
// clears words 1 to 8 of the RTC memory, also if a program has put something there
// with rtcmem.
//
// The time itself is that of package rtc, which other modules share.
package rtctime

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Module is rtctime as release 3.0 has it.
var Module = device.Module{Name: "rtctime", Open: open}

type module struct{ dev *device.Device }

func open(d *device.Device) *device.Lib {
	d.RTC.Boot(d.BootReason().Raw)
	m := &module{d}
	return &device.Lib{Funcs: []vm.Func{ // in the firmware's order: a name costs what stands before it
		{Name: "set", Fn: m.set},
		{Name: "get", Fn: m.get},
		{Name: "adjust_delta", Fn: m.adjustDelta},
		{Name: "dsleep", Fn: m.dsleep},
		{Name: "dsleep_aligned", Fn: m.dsleepAligned},
		{Name: "epoch2cal", Fn: m.epoch2cal},
	}}
}

// set is rtctime.set([seconds [, microseconds [, rate]]]). What is no number changes
// nothing; without seconds the microseconds don't, either.
func (m *module) set(c *vm.Call) int {
	m.dev.RTC.Prepare()
	if c.IsNumber(1) {
		usec := uint32(0)
		if c.IsNumber(2) {
			usec = uint32(c.VM.ToInteger(c.Arg(2)))
		}
		if owed := m.dev.RTC.Set(c.Uint32(1), usec); clock.Duration(owed) > clock.Second {
			m.dev.Inspect.Hints.Here("rtctime.set: the time is set back by %.1f s, but rtctime.get never goes back: it goes on from where it was, and each call takes back at most 1/16 of the time since the last one, of which only the part below a second counts",
				clock.Duration(owed).Seconds())
		}
	}
	if c.IsNumber(3) {
		m.dev.RTC.SetRate(int32(c.VM.ToInteger(c.Arg(3))))
	}
	return 0
}

// get is rtctime.get(): seconds, microseconds, rate.
func (m *module) get(c *vm.Call) int {
	sec, usec := m.dev.RTC.Now()
	return c.Return(vm.Number(int32(sec)), vm.Number(int32(usec)), vm.Number(m.dev.RTC.Rate()))
}

// adjustDelta is rtctime.adjust_delta(us): µs of tmr.now in those of the rate.
func (m *module) adjustDelta(c *vm.Call) int {
	return c.ReturnInt(int(m.dev.RTC.Adjust(int32(c.Int(1)))))
}

// dsleep is rtctime.dsleep(us [, option]). It does not return.
func (m *module) dsleep(c *vm.Call) int {
	us := c.Uint32(1)
	checkOption(c, 2)
	if asked := c.Number(1); asked >= 1<<32 {
		m.dev.Inspect.Hints.Here("rtctime.dsleep counts in 32 bits, about 71 minutes: of %.0f µs it sleeps %d", asked, us)
	}
	m.dev.RTC.Sleep(us)
	return 0
}

// dsleepAligned is rtctime.dsleep_aligned(align, least [, option]): until the next
// multiple of align µs that is least µs away or more.
func (m *module) dsleepAligned(c *vm.Call) int {
	if !m.dev.RTC.HaveTime() {
		c.Error("time not available, unable to align")
	}
	align, least := c.Uint32(1), c.Uint32(2)
	checkOption(c, 3)
	m.dev.RTC.SleepAligned(align, least)
	return 0
}

// checkOption raises an error unless argument n is an option of the sleep, or none.
// What it says of the radio's calibration has no effect here.
func checkOption(c *vm.Call, n int) {
	const options = 5
	if c.IsNumber(n) && uint32(c.VM.ToInteger(c.Arg(n))) >= options {
		c.Error("unknown sleep option")
	}
}

// epoch2cal is rtctime.epoch2cal(seconds): a table of the date, UTC.
func (m *module) epoch2cal(c *vm.Call) int {
	stamp := int32(c.Int(1))
	if stamp < 0 {
		c.ArgError(1, "wrong arg range")
	}
	if stamp == 0 && !m.dev.RTC.HaveTime() {
		m.dev.Inspect.Hints.Here("rtctime has no time yet, so this is 1970: it gets one from rtctime.set or sntp.sync, and loses it in every reset")
	}
	date := civil(stamp)
	t := c.NewTable(0, len(date))
	for _, f := range date {
		c.VM.SetField(t, f.name, vm.Number(f.n))
	}
	return c.Return(t)
}

type field struct {
	name string
	n    int
}

// civil is a moment's date, in the order in which the firmware makes the fields.
func civil(stamp int32) []field {
	t := time.Unix(int64(stamp), 0).UTC()
	return []field{
		{"yday", t.YearDay()},
		{"wday", int(t.Weekday()) + 1},
		{"year", t.Year()},
		{"mon", int(t.Month())},
		{"day", t.Day()},
		{"hour", t.Hour()},
		{"min", t.Minute()},
		{"sec", t.Second()},
	}
}
