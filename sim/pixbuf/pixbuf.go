// Package pixbuf is the firmware module pixbuf: buffers of pixels for LED strips (fw:
// docs/modules/pixbuf.md, app/modules/pixbuf.c).
//
// pixbuf.newBuffer(pixels, channels) makes one, with a byte for each channel; 8192
// pixels and 32 channels are the most. set(i, …) sets a pixel, from numbers, a table or a
// string, which may go on into the next ones; get(i) returns its values, fill(…) sets all
// pixels. fade(n[, direction]) divides or, with FADE_IN, multiplies each value, fadeI only
// the first of each pixel. shift(n[, mode[, i[, j]]]) moves pixels, or those from i to j,
// and lets what falls out come in again with SHIFT_CIRCULAR. sub(i[, j]) is a copy of
// a part, replace(from[, i]) puts a string or another buffer in, dump() is the bytes as a
// string. mix(factor, buffer, …) is the sum of buffers by their factors, of which 256 is
// 1; mix4I5 the same for four channels with an intensity of 5 bits first. map(f[, buffer[,
// i[, j[, buffer2[, i2]]]]]) sets each pixel to what f returns for the values of the
// pixels of the one or two buffers. power() is the sum of all values, powerI() that of the
// values by the intensity; size() and channels() are what they are called. set, fill, map
// and the mixes return the buffer.
//
// Numbers are cut to 8 bits; positions below 0 count from the end, and others are moved
// into the buffer. tostring shows the values.
//
// Odd corners of the firmware:
//   - Two buffers are equal when they are the same, and they can't be joined with "..":
//     the firmware does not find its own __eq and __concat.
//   - map needs two pixels at least: "Buffer limits out of order".
//   - A circular shift by more than 32 bytes is wrong, and writes behind the buffer. So
//     does fadeI with FADE_IN, which skips a byte for each pixel, when there are more
//     pixels than channels. The log says so: on the chip something else breaks, here
//     nothing does.
//   - mix4I5 stops at the first pixel that becomes dark, and what is below 0 is bright.
//   - sub of an empty buffer returns a pixel of what lies before it in memory, and
//     replace writes there, which is an exception here.
//
// A buffer is a userdata of 8 bytes and its values. Package device/pixbuf has what other
// modules see of it.
package pixbuf

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/pixbuf"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module.
var Module = device.Module{Name: "pixbuf", Open: open}

// Constants of the module (fw: pixbuf.h).
const (
	fadeIn        = 0
	fadeOut       = 1
	shiftLogical  = 0
	shiftCircular = 1
)

type module struct {
	d    *device.Device
	kind *pixbuf.Kind
}

func open(d *device.Device) *device.Lib {
	m := &module{d, d.Pixbufs()}
	m.kind.Type.Methods = []vm.Func{ // in the firmware's order
		{Name: "__tostring", Fn: m.text},
		{Name: "channels", Fn: m.channels},
		{Name: "dump", Fn: m.dump},
		{Name: "fade", Fn: m.fade},
		{Name: "fadeI", Fn: m.fadeI},
		{Name: "fill", Fn: m.fill},
		{Name: "get", Fn: m.get},
		{Name: "replace", Fn: m.replace},
		{Name: "map", Fn: m.mapPixels},
		{Name: "mix", Fn: m.mix},
		{Name: "mix4I5", Fn: m.mix4I5},
		{Name: "power", Fn: m.power},
		{Name: "powerI", Fn: m.powerI},
		{Name: "set", Fn: m.set},
		{Name: "shift", Fn: m.shift},
		{Name: "size", Fn: m.size},
		{Name: "sub", Fn: m.sub},
	}
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "FADE_IN"}, {Name: "FADE_OUT"}, {Name: "SHIFT_CIRCULAR"}, {Name: "SHIFT_LOGICAL"},
			{Name: "newBuffer", Fn: m.kind.NewBuffer},
		},
		Consts: []vm.Const{
			{Name: "FADE_IN", Value: vm.Number(fadeIn)},
			{Name: "FADE_OUT", Value: vm.Number(fadeOut)},
			{Name: "SHIFT_CIRCULAR", Value: vm.Number(shiftCircular)},
			{Name: "SHIFT_LOGICAL", Value: vm.Number(shiftLogical)},
		},
		Types: []*vm.Type{&m.kind.Type},
	}
}

// work charges for a loop over n values: 20 cycles for each, estimated from the C code.
func work(c *vm.Call, n int) { c.VM.ChargeSteps(n / 4) }

// position makes an argument a position in n pixels: below 0 it counts from the end, and
// it is moved inside, to 0 if there is nothing (fw: posrelat).
func position(pos, n int) int {
	if pos < 0 {
		pos += n + 1
	}
	return min(max(pos, 1), n)
}

// itself makes the buffer the result.
func itself(c *vm.Call) int {
	c.SetTop(1)
	return 1
}

// pixel returns the buffer and the number, from 0, of the pixel that argument 2 names.
func (m *module) pixel(c *vm.Call) (b *pixbuf.Buffer, i int) {
	b = m.kind.Check(c, 1)
	i = c.Int(2) - 1
	if i < 0 || i >= b.Pixels {
		c.ArgError(2, "index out of range")
	}
	return b, i
}
