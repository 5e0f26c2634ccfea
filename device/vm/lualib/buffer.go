package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// buffer builds a string the way the firmware's luaL_Buffer does (fw:
// app/lua/lauxlib.c), because that is what its memory sees: 256 bytes on the C
// stack cost nothing; each time they are full they become a string on the Lua
// stack, and strings there are joined as they accumulate. What a script asks for
// is so paid for as it grows, before the host has it.
type buffer struct {
	c      *vm.Call
	buf    []byte
	pieces []int // lengths of the strings on the Lua stack, above what was there
	few    [64]byte
	pair   [2]int
}

const (
	bufferSize = 256 // fw: LUAL_BUFFERSIZE
	pieceLimit = 10  // fw: lauxlib.c, LIMIT: LUA_MINSTACK / 2
)

func newBuffer(c *vm.Call) *buffer {
	b := &buffer{c: c}
	b.buf, b.pieces = b.few[:0], b.pair[:0]
	return b
}

func (b *buffer) byte(c byte) {
	if len(b.buf) == bufferSize {
		b.spill()
	}
	b.buf = append(b.buf, c)
}

func (b *buffer) string(s string) {
	for len(s) > 0 {
		if len(b.buf) == bufferSize {
			b.spill()
		}
		n := min(len(s), bufferSize-len(b.buf))
		b.buf = append(b.buf, s[:n]...)
		s = s[n:]
	}
}

// value adds a string that exists as a Lua value already: see top.
func (b *buffer) value(s string) {
	b.c.PushString(s)
	b.top()
}

// top adds the string or number on top of the stack, and takes it off: one that
// does not fit becomes a piece as it is (luaL_addvalue).
func (b *buffer) top() {
	s, _ := b.c.StringAt(b.c.Top())
	if len(s) <= bufferSize-len(b.buf) {
		b.buf = append(b.buf, s...)
		b.c.Pop(1)
		return
	}
	if b.empty() {
		b.c.InsertBelow(1) // what was in the buffer comes before it
	}
	b.pieces = append(b.pieces, len(s))
	b.adjust()
}

// spill makes a piece of what is in the buffer.
func (b *buffer) spill() {
	b.empty()
	b.adjust()
	b.c.VM.ChargeSteps(bufferSize / vm.BytesPerInstruction)
}

func (b *buffer) empty() bool {
	if len(b.buf) == 0 {
		return false
	}
	b.c.PushBytes(b.buf)
	b.pieces = append(b.pieces, len(b.buf))
	b.buf = b.buf[:0]
	return true
}

// join glues the last n pieces.
func (b *buffer) join(n int) {
	rest := len(b.pieces) - n
	length := 0
	for _, l := range b.pieces[rest:] {
		length += l
	}
	b.c.ConcatTop(n)
	b.pieces = append(b.pieces[:rest], length)
}

// adjust joins pieces so that few, of falling size, are on the stack.
func (b *buffer) adjust() {
	n := len(b.pieces)
	if n <= 1 {
		return
	}
	joined, length := 1, b.pieces[n-1]
	for joined < n {
		l := b.pieces[n-joined-1]
		if n-joined+1 < pieceLimit && length <= l {
			break
		}
		length += l
		joined++
	}
	if joined > 1 {
		b.join(joined)
	}
}

// finish leaves what was built on top of the stack, the result of the call.
func (b *buffer) finish() int {
	b.empty()
	switch n := len(b.pieces); n {
	case 0:
		b.c.PushString("")
	default:
		b.join(n)
	}
	b.pieces = b.pieces[:0]
	return 1
}

// result returns the string that was built and leaves the stack as it was.
func (b *buffer) result() string {
	b.finish()
	s, _ := b.c.StringAt(b.c.Top())
	b.c.Pop(1)
	return s
}
