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
	pieces []string // on the Lua stack, too, above the arguments
}

const (
	bufferSize = 256 // fw: LUAL_BUFFERSIZE
	pieceLimit = 10  // fw: lauxlib.c, LIMIT: LUA_MINSTACK / 2
)

func newBuffer(c *vm.Call) *buffer { return &buffer{c: c, buf: make([]byte, 0, bufferSize)} }

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

// value adds a string that exists as a Lua value already: one that does not fit
// becomes a piece as it is (luaL_addvalue).
func (b *buffer) value(s string) {
	if len(s) <= bufferSize-len(b.buf) {
		b.buf = append(b.buf, s...)
		return
	}
	b.empty()
	b.push(s)
	b.adjust()
}

// spill makes a piece of what is in the buffer.
func (b *buffer) spill() {
	b.empty()
	b.adjust()
	b.c.VM.ChargeSteps(bufferSize / workPerByte)
}

func (b *buffer) empty() {
	if len(b.buf) == 0 {
		return
	}
	s := string(b.buf)
	b.c.VM.Intern(s)
	b.push(s)
	b.buf = b.buf[:0]
}

func (b *buffer) push(s string) {
	b.c.Push(vm.String(s))
	b.pieces = append(b.pieces, s)
}

// join glues the last n pieces.
func (b *buffer) join(n int) {
	rest := len(b.pieces) - n
	s := b.c.Join(b.pieces[rest:])
	b.c.Drop(n)
	b.pieces = b.pieces[:rest]
	b.push(s)
}

// adjust joins pieces so that few, of falling size, are on the stack.
func (b *buffer) adjust() {
	n := len(b.pieces)
	if n <= 1 {
		return
	}
	joined, length := 1, len(b.pieces[n-1])
	for joined < n {
		l := len(b.pieces[n-joined-1])
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

// result returns the string that was built and leaves the stack as it was.
func (b *buffer) result() string {
	b.empty()
	if len(b.pieces) > 1 {
		b.join(len(b.pieces))
	}
	s := ""
	if len(b.pieces) == 1 {
		s = b.pieces[0]
		b.c.Drop(1)
		b.pieces = nil
	}
	return s
}

// finish returns what was built as the result of the call.
func (b *buffer) finish() int {
	s := b.result()
	b.c.Push(vm.String(s))
	return 1
}
