// Package structs is the firmware module struct: Lua values to and from the bytes of C
// structs (fw: docs/modules/struct.md, app/modules/struct.c).
//
// struct.pack(format, ...) makes a string, struct.unpack(format, s[, position]) returns
// the values in it and the position behind them, struct.size(format) how long the string
// is. A format is a row of letters:
//
//	b B   signed and unsigned byte        c3  three bytes of a string; c is c1
//	h H   2 bytes                         c0  packed, the whole string; unpacked, as many
//	i I   4 bytes; i3 has 3, up to 32         bytes as the number before it says
//	l L   4 bytes                         s   a string up to a zero byte
//	T     4 bytes, unsigned               x   a zero byte that is skipped
//	f d   4 and 8 bytes, floating point   ' ' nothing
//	> <   big and little endian from here on; at first it is little
//	!4    align what follows to its size, to at most 4; ! is !8; at first it is !1
//
// Odd corners of the firmware:
//   - Numbers are cut to 32 bits before they are packed, and are not negative after that:
//     i5 of -1 is FF FF FF FF 00. Unpacked they have 64 bits and a sign, with I8 too; what
//     a longer one has on top is lost.
//   - The number of the argument in "string too short" is one too high.
//   - A missing argument of pack is "got nil".
//   - unpack from position 0 and before reads what lies before the string in memory, its
//     length and its hash, if the element reaches back into the string. The log says so.
//   - c0 behind a negative number is an exception: nearly 4 GB are copied.
//   - In a format for size every letter but s and c0 is fine.
package structs

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// Module is the module.
var Module = device.Module{Name: "struct", Open: func(d *device.Device) *device.Lib {
	m := &module{d}
	return &device.Lib{Funcs: []vm.Func{
		{Name: "pack", Fn: pack},
		{Name: "unpack", Fn: m.unpack},
		{Name: "size", Fn: size},
	}}
}}

type module struct{ d *device.Device }

const tooShort = "data string too short"

// pack is struct.pack(format, ...).
func pack(c *vm.Call) int {
	f := newFormat(c)
	c.PushNil() // so that there is always something behind the arguments
	b := lualib.NewBuffer(c)
	arg := 2
	total := uint32(0)
	for f.next(total) {
		b.String(strings.Repeat("\x00", int(f.pad)))
		total += f.pad
		switch f.option {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			b.String(f.integer(c.Uint32(arg)))
			arg++
		case 'x':
			b.Byte(0)
		case 'f':
			b.String(f.bytes(uint64(math.Float32bits(float32(float(c, arg)))), 4))
			arg++
		case 'd':
			b.String(f.bytes(math.Float64bits(float(c, arg)), 8))
			arg++
		case 'c', 's':
			s := c.String(arg)
			arg++
			if f.size == 0 {
				f.size = uint32(len(s))
			}
			if uint32(len(s)) < f.size {
				c.ArgError(arg, "string too short")
			}
			b.String(s[:f.size])
			if f.option == 's' {
				b.Byte(0)
				f.size++
			}
		default:
			f.control()
		}
		total += f.size
	}
	return b.Finish()
}

// float returns argument n. Not-a-number has the form that the chip's division makes.
func float(c *vm.Call, n int) float64 {
	x := c.Number(n)
	if x != x {
		return math.Float64frombits(0x7ff8000000000000)
	}
	return x
}

// unpack is struct.unpack(format, s[, position]). Positions count in 32 bits and wrap.
func (m *module) unpack(c *vm.Call) int {
	f := newFormat(c)
	from := source{data: c.String(2)}
	pos := uint32(c.OptInt(3, 1)) - 1
	c.SetTop(2)
	for f.next(pos) {
		pos += f.pad
		if !from.has(pos, f.size) {
			c.ArgError(2, tooShort)
		}
		if !c.CheckStack(2) {
			c.Error("stack overflow (too many results)")
		}
		switch f.option {
		case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
			c.PushNumber(float64(f.number(from.bytes(pos, f.size))))
		case 'x':
		case 'f':
			c.PushNumber(float64(math.Float32frombits(uint32(f.bits(from.bytes(pos, 4))))))
		case 'd':
			c.PushNumber(math.Float64frombits(f.bits(from.bytes(pos, 8))))
		case 'c':
			if f.size == 0 {
				if !c.IsNumber(c.Top()) {
					c.Error("format `c0' needs a previous size")
				}
				f.size = unsigned(c, c.Top())
				c.Pop(1)
				if !from.has(pos, f.size) {
					c.ArgError(2, tooShort)
				}
			}
			if f.size > maxBytes {
				m.d.Crash("struct.unpack makes a string of %d bytes: c0 stands behind a negative number, or the position lies far before the string", f.size)
				return 0
			}
			c.PushBytes(from.bytes(pos, f.size))
		case 's':
			end := strings.IndexByte(from.data[pos:], 0)
			if end < 0 {
				c.Error("unfinished string in data")
			}
			f.size = uint32(end) + 1
			c.PushString(from.data[pos:][:end])
		default:
			f.control()
		}
		pos += f.size
	}
	if from.before {
		m.d.Inspect.Hints.Here("struct.unpack was given a position before the string: it returned what lies there in the device's memory")
	}
	c.PushNumber(float64(int32(pos + 1)))
	return c.Top() - 2
}

// unsigned is the C cast of the number at position n to an unsigned one.
func unsigned(c *vm.Call, n int) uint32 {
	x, _ := c.VM.ToNumber(c.Arg(n))
	return luanum.ULong(x)
}

// size is struct.size(format).
func size(c *vm.Call) int {
	f := newFormat(c)
	pos := uint32(0)
	for f.next(pos) {
		pos += f.pad
		switch {
		case f.option == 's':
			c.ArgError(1, "option 's' has no fixed size")
		case f.option == 'c' && f.size == 0:
			c.ArgError(1, "option 'c0' has no fixed size")
		case !isAlnum(f.option):
			f.control()
		}
		pos += f.size
	}
	return c.ReturnInt(int(int32(pos)))
}

// source is a string that is unpacked, in the device's memory.
type source struct {
	data   string
	before bool // something was read that lies before it
}

// maxBytes is more than a device has memory.
const maxBytes = 1 << 20

// has reports whether size bytes from pos on end within the string, as the firmware
// looks: where they begin it does not.
func (s *source) has(pos, size uint32) bool { return pos+size <= uint32(len(s.data)) }

// header is what the firmware keeps before the bytes of a string: its hash and its
// length (fw: app/lua/lobject.h, TString). What lies before that is not known here.
const header = 8

// bytes returns size bytes from pos on, which may be up to 2 GB before the string.
func (s *source) bytes(pos, size uint32) []byte {
	if uint64(pos)+uint64(size) <= uint64(len(s.data)) {
		return []byte(s.data[pos:][:size])
	}
	s.before = true
	out := make([]byte, size)
	var head [header]byte
	binary.LittleEndian.PutUint32(head[:], heap.StringHash(s.data))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(s.data)))
	for i := range out {
		switch at := int(int32(pos)) + i; {
		case at >= 0:
			out[i] = s.data[at]
		case at >= -header:
			out[i] = head[header+at]
		}
	}
	return out
}
