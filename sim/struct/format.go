package structs

import (
	"fmt"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Figures of the firmware's struct.c.
const (
	maxInteger  = 32 // bytes of an integer: MAXINTSIZE
	nativeAlign = 8  // bytes: MAXALIGN (oracle: formats.md)
)

// format is a format on the way through it.
type format struct {
	c     *vm.Call
	rest  string
	big   bool   // endian
	align uint32 // bytes

	option byte   // the letter that next has read
	size   uint32 // bytes of its element
	pad    uint32 // bytes that align it
}

// newFormat takes argument 1.
func newFormat(c *vm.Call) *format {
	return &format{c: c, rest: vm.CString(c.String(1)), align: 1}
}

// next reads a letter and the number behind it. at is where its element would stand.
func (f *format) next(at uint32) bool {
	if f.rest == "" {
		return false
	}
	f.option, f.rest = f.rest[0], f.rest[1:]
	f.size = f.elementSize()
	f.pad = 0
	if f.size > 0 && f.option != 'c' {
		size := min(f.size, f.align)
		f.pad = (size - at&(size-1)) & (size - 1) // as the firmware has it, also for sizes as 3
	}
	return true
}

// elementSize is the size of the letter's element, 0 where it has none of its own.
func (f *format) elementSize() uint32 {
	switch f.option {
	case 'b', 'B', 'x':
		return 1
	case 'h', 'H':
		return 2
	case 'l', 'L', 'T', 'f':
		return 4
	case 'd':
		return 8
	case 'c':
		return f.count(1)
	case 'i', 'I':
		n := f.count(4)
		if n > maxInteger {
			f.c.Error("integral size %d is larger than limit of %d", n, maxInteger)
		}
		return n
	}
	return 0
}

// count reads a number, or returns what stands for none.
func (f *format) count(none uint32) uint32 {
	if f.rest == "" || !isDigit(f.rest[0]) {
		return none
	}
	n := uint32(0)
	for f.rest != "" && isDigit(f.rest[0]) {
		digit := uint32(f.rest[0] - '0')
		if n > (1<<31-1-digit)/10 {
			f.c.Error("integral size overflow")
		}
		n = 10*n + digit
		f.rest = f.rest[1:]
	}
	return n
}

// control takes a letter that has no element.
func (f *format) control() {
	switch f.option {
	case ' ':
	case '>':
		f.big = true
	case '<':
		f.big = false
	case '!':
		n := f.count(nativeAlign)
		if n == 0 || n&(n-1) != 0 {
			f.c.Error("alignment %d is not a power of 2", n)
		}
		f.align = n
	default:
		f.c.ArgError(1, fmt.Sprintf("invalid format option '%s'", string([]byte{f.option})))
	}
}

// integer packs a number of 32 bits.
func (f *format) integer(w uint32) string { return f.bytes(uint64(w), f.size) }

// bytes is the first n bytes of a number, zeros behind the eighth.
func (f *format) bytes(w uint64, n uint32) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(w)
		w >>= 8
	}
	if f.big {
		slices.Reverse(out)
	}
	return string(out)
}

// bits is the number in b, of which what lies above 64 bits is lost.
func (f *format) bits(b []byte) (w uint64) {
	for i := range b {
		if !f.big {
			i = len(b) - 1 - i
		}
		w = w<<8 | uint64(b[i])
	}
	return w
}

// number is the integer in b. The sign of one of more than 8 bytes is looked for where
// a shift by as many bits, modulo 64, comes out.
func (f *format) number(b []byte) int64 {
	w := f.bits(b)
	if f.option >= 'a' { // signed
		if mask := ^uint64(0) << (uint(8*len(b)-1) & 63); w&mask != 0 {
			w |= mask
		}
	}
	return int64(w)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z' }
