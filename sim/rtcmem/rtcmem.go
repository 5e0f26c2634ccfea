// Package rtcmem is the firmware module rtcmem: 128 words of 32 bits that survive
// resets and deep sleep, but not a power cycle (fw: docs/modules/rtcmem.md,
// app/modules/rtcmem.c).
//
// Words are written as the chip converts numbers, which saturates beyond 32 bits, and
// read as signed numbers: what was written as 0xFFFFFFFF is read as -1 (#1708). Reading
// stops silently at the end of the memory, and reads nothing when asked for more than a
// function may return, or for a count that is no number; writing beyond the end is an
// error and writes nothing. The firmware lets a negative index write anywhere; here that
// writes nothing.
//
// In a build with rtctime words 0 to 8 are that module's, which clears 1 to 8 at every
// boot; rtcfifo uses 10 to 20 and 32 to 127.
package rtcmem

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/rtc"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// Module is the module.
var Module = device.Module{Name: "rtcmem", Open: func(d *device.Device) *device.Lib {
	m := &module{d}
	return &device.Lib{Funcs: []vm.Func{
		{Name: "read32", Fn: m.read32},
		{Name: "write32", Fn: m.write32},
	}}
}}

type module struct {
	dev *device.Device
}

// read32 is rtcmem.read32(index[, count]).
func (m *module) read32(c *vm.Call) int {
	index, n := int(luanum.Long(c.Number(1))), 1
	if c.NArgs() >= 2 {
		n = int(toLong(c, 2))
	}
	if n <= 0 || !c.CheckStack(n) || index < 0 || index >= rtc.Words {
		return 0
	}
	words := m.dev.RTC.Word[index:]
	words = words[:min(n, len(words))]
	for _, w := range words {
		c.Push(vm.Number(int32(w)))
	}
	return len(words)
}

// toLong is argument n as C's long, 0 when it is no number (lua_tonumber).
func toLong(c *vm.Call, n int) int32 {
	f, _ := c.VM.ToNumber(c.Arg(n))
	return luanum.Long(f)
}

// write32 is rtcmem.write32(index, word…). What is no number counts as 0
// (lua_tonumber).
func (m *module) write32(c *vm.Call) int {
	index, n := int(luanum.Long(c.Number(1))), c.NArgs()-1
	if int32(index+n) > rtc.Words { // in 32 bits, as the firmware adds
		c.ArgError(1, "RTC mem would overrun")
	}
	m.hintTime(index, n)
	for i := range n {
		if at := index + i; at >= 0 && at < rtc.Words {
			f, _ := c.VM.ToNumber(c.Arg(2 + i))
			m.dev.RTC.Word[at] = luanum.ULong(f)
		}
	}
	return 0
}

// hintTime says whose the first words are in a build with rtctime.
func (m *module) hintTime(index, n int) {
	if n > 0 && index >= 0 && index < rtc.TimeWords && slices.Contains(m.dev.ModuleNames(), "rtctime") {
		m.dev.Inspect.Hints.Here("words 0 to %d of the RTC memory are rtctime's, which this build has: it clears 1 to %d at every boot, and writes all when the time is set and before a sleep. Words 10 to 127 are free (rtcfifo has 10 to 20 and 32 to 127, if it is used)",
			rtc.TimeWords-1, rtc.TimeWords-1)
	}
}
