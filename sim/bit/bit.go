// Package bit is the firmware module bit: bitwise operations on 32-bit numbers
// (fw: docs/modules/bit.md, app/modules/bit.c).
//
// Arguments are numbers, or strings that are; fractions are cut off, and of what
// lies outside 32 bits the low 32 remain (#2609): bit.band(0xFFFFFFFF, -1) is -1.
// Results are signed: bit.bnot(0) is -1. Shifts and bit numbers count modulo 32,
// as the chip shifts.
package bit

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module. It has no state.
var Module = device.Module{Name: "bit", Open: func(*device.Device) *device.Lib { return &device.Lib{Funcs: funcs} }}

var funcs = []vm.Func{
	{Name: "bnot", Fn: func(c *vm.Call) int { return result(c, ^word(c, 1)) }},
	{Name: "band", Fn: fold(func(a, b int32) int32 { return a & b })},
	{Name: "bor", Fn: fold(func(a, b int32) int32 { return a | b })},
	{Name: "bxor", Fn: fold(func(a, b int32) int32 { return a ^ b })},
	{Name: "lshift", Fn: func(c *vm.Call) int { return result(c, word(c, 1)<<count(c, 2)) }},
	{Name: "rshift", Fn: func(c *vm.Call) int { return result(c, int32(uint32(word(c, 1))>>count(c, 2))) }},
	{Name: "arshift", Fn: func(c *vm.Call) int { return result(c, word(c, 1)>>count(c, 2)) }},
	{Name: "bit", Fn: func(c *vm.Call) int { return result(c, int32(1)<<count(c, 1)) }},
	{Name: "set", Fn: fold(func(value, n int32) int32 { return value | 1<<(n&31) })},
	{Name: "clear", Fn: fold(func(value, n int32) int32 { return value &^ (1 << (n & 31)) })},
	{Name: "isset", Fn: func(c *vm.Call) int { return c.ReturnBool(word(c, 1)>>count(c, 2)&1 != 0) }},
	{Name: "isclear", Fn: func(c *vm.Call) int { return c.ReturnBool(word(c, 1)>>count(c, 2)&1 == 0) }},
}

// word returns argument n as a 32-bit integer.
func word(c *vm.Call, n int) int32 { return int32(c.Uint32(n)) }

// count returns argument n as the number of a bit, or of bits to shift by.
func count(c *vm.Call, n int) uint { return uint(word(c, n)) & 31 }

func result(c *vm.Call, w int32) int { return c.ReturnInt(int(w)) }

// fold makes a function that combines argument 1 with each further one in turn.
func fold(op func(a, b int32) int32) func(*vm.Call) int {
	return func(c *vm.Call) int {
		w := word(c, 1)
		for n := 2; n <= c.NArgs(); n++ {
			w = op(w, word(c, n))
		}
		return result(c, w)
	}
}
