// Package rtcmem is the firmware module rtcmem: 128 words of 32 bits that survive
// resets and deep sleep, but not a power cycle (fw: docs/modules/rtcmem.md,
// app/modules/rtcmem.c).
//
// Words are written modulo 2^32 and read as signed numbers: what was written as
// 0xFFFFFFFF is read as -1 (#1708). Reading stops silently at the end of the
// memory; writing beyond it is an error and writes nothing. The firmware lets a
// negative index write anywhere; here that writes nothing.
package rtcmem

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module.
var Module = device.Module{Name: "rtcmem", Open: func(d *device.Device) *device.Lib {
	m := &module{&d.RTC}
	return &device.Lib{Funcs: []vm.Func{
		{Name: "read32", Fn: m.read32},
		{Name: "write32", Fn: m.write32},
	}}
}}

type module struct {
	words *[device.RTCWords]uint32
}

// read32 is rtcmem.read32(index[, count]).
func (m *module) read32(c *vm.Call) int {
	index, n := c.Int(1), 1
	if c.IsNumber(2) {
		n = c.Int(2)
	}
	if index < 0 || index >= len(m.words) {
		return 0
	}
	words := m.words[index:]
	words = words[:max(0, min(n, len(words)))]
	for _, w := range words {
		c.Push(vm.Number(int32(w)))
	}
	return len(words)
}

// write32 is rtcmem.write32(index, word…). What is no number counts as 0
// (lua_tonumber).
func (m *module) write32(c *vm.Call) int {
	index, n := c.Int(1), c.NArgs()-1
	if index > len(m.words)-n {
		c.ArgError(1, "RTC mem would overrun")
	}
	for i := range n {
		if at := index + i; at >= 0 {
			m.words[at] = uint32(c.VM.ToInteger(c.Arg(2 + i)))
		}
	}
	return 0
}
