package websocket

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Opcodes of frames.
const (
	opContinuation = 0
	opText         = 1
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// behind is how far behind received data the firmware can read before it leaves the chip's
// RAM, in bytes (fw: ld/nodemcu.ld, dram0_0_seg: 80 KB).
const behind = 0x14000

// reader takes received data apart into frames as the firmware does, with its mistakes
// (fw: ws_receiveCallback). What it reads behind the data is zero here; on the device it
// is whatever lies there.
type reader struct {
	s *client

	frame     []byte // frameBuffer: what has come of a frame
	frameLen  int    // frameBufferLen, which fragments use for their own, too
	hasFrame  bool
	frameAt   heap.Block
	payload   []byte // payloadBuffer: fragments
	payLen    int    // payloadBufferLen
	hasPay    bool
	payloadAt heap.Block
	fragment  int // the opcode of the first fragment

	mem []byte // what is being read
}

// reset drops what is kept of frames.
func (r *reader) reset() {
	r.s.m.give(&r.frameAt)
	r.s.m.give(&r.payloadAt)
	*r = reader{s: r.s}
}

// at returns a byte of memory, 0 behind the data.
func (r *reader) at(i int) byte {
	if i < len(r.mem) {
		return r.mem[i]
	}
	return 0
}

// bytes copies n bytes from place i.
func (r *reader) bytes(i, n int) []byte {
	out := make([]byte, n)
	if i < len(r.mem) {
		copy(out, r.mem[i:])
	}
	return out
}

// grow makes a block of memory n bytes large, as realloc does: for 0 bytes it is given
// back, and the result looks like a failure.
func (r *reader) grow(b *heap.Block, n int) bool {
	m := r.s.m
	grown, ok := heap.Block{}, n > 0
	if ok {
		grown, ok = m.d.Malloc(n, heap.Other)
	}
	m.give(b)
	if ok {
		*b = grown
	}
	return ok
}

// take reads a segment.
func (r *reader) take(data []byte) {
	s := r.s
	s.unhealthy = 0
	s.timer.Disarm()
	s.timer.Arm(pingTime, true)

	r.mem = data
	n := len(data) // what is left, 16 bits
	if r.hasFrame {
		if !r.grow(&r.frameAt, r.frameLen+n) {
			r.hasFrame = false
			s.disconnect(codeAppend)
			return
		}
		r.frame = append(r.sized(r.frame, r.frameLen), data...)
		r.frameLen += n
		n = int(uint16(r.frameLen))
		r.mem = r.frame
	}
	conn := s.conn
	for at := 0; s.conn == conn; { // a handler may have made another connection
		if at > len(r.mem)+behind {
			s.m.d.Crash("%s: the parser has run off behind a fragmented message or a cut header, out of the chip's memory", s)
			return
		}
		next, left, more := r.one(at, n)
		if !more {
			return
		}
		at, n = next, left
	}
}

// sized is buf with exactly n bytes.
func (r *reader) sized(buf []byte, n int) []byte {
	if n <= len(buf) {
		return slices.Clone(buf[:n])
	}
	return append(slices.Clone(buf), make([]byte, n-len(buf))...)
}

// one reads the frame at a place of memory with n bytes left, and returns where the next
// one is.
func (r *reader) one(at, n int) (next, left int, more bool) {
	s, m := r.s, r.s.m
	fin := r.at(at)&0x80 != 0
	op := int(r.at(at) & 0xf)
	masked := r.at(at+1)&0x80 != 0
	length := int64(r.at(at+1) & 0x7f)
	head := 2
	switch length {
	case 126:
		length = int64(r.at(at+2))<<8 + int64(r.at(at+3))
		head = 4
	case 127:
		length = int64(int32(uint32(r.at(at+2))<<24 + uint32(r.at(at+3))<<16 + uint32(r.at(at+4))<<8 + uint32(r.at(at+5))))
		head = 6
		m.Hints.Once("websocket 64", "%s: a frame of 64 KB or more is misread by the firmware", s)
	}
	if masked {
		mask := at + head
		head += 4
		if uint64(length) > uint64(len(r.mem)+behind) {
			m.d.Crash("%s: the firmware unmasks a frame's data before it looks whether it is there, and leaves the chip's memory", s)
			return 0, 0, false
		}
		if at+head+int(length) > len(r.mem) {
			m.Hints.Once("websocket mask", "%s: the firmware unmasks a frame's data before all of it is there: it changes memory that is not its own, and unmasks what has come twice", s)
		}
		for i := range int(length) {
			if place := at + head + i; place < len(r.mem) {
				r.mem[place] ^= r.at(mask + i%4)
			}
		}
	}
	// The comparison is one without signs: a header that is not there whole counts as one
	// whose data is.
	if uint64(length) > uint64(int64(n-head)) {
		r.keep(at, n)
		return 0, 0, false
	}
	if n < head {
		m.Hints.Once("websocket head", "%s: a frame's header is cut by the end of a segment: the firmware reads on behind the data", s)
	}
	size := int(uint32(length)) // what malloc is asked for
	if !fin {
		if !r.partial(op, at+head, size) {
			return 0, 0, false
		}
	} else {
		var ok bool
		if size, ok = r.whole(op, at+head, size); !ok {
			return 0, 0, false
		}
	}
	return r.behindFrame(at, n, head+size)
}

// keep keeps what has come of a frame.
func (r *reader) keep(at, n int) {
	if r.hasFrame {
		return // it is in there
	}
	if !r.grow(&r.frameAt, max(n, 1)) {
		r.s.disconnect(codeFrame)
		return
	}
	r.frame, r.frameLen, r.hasFrame = r.bytes(at, n), n, true
}

// partial takes a fragment that is not the last.
func (r *reader) partial(op, at, size int) bool {
	s := r.s
	if !r.hasPay {
		if !r.grow(&r.payloadAt, max(size, 1)) {
			s.disconnect(codeFragment)
			return false
		}
		s.m.Hints.Once("websocket fragment", "%s: the first fragment of a fragmented message is lost by the firmware: have the server send whole messages", s)
		r.payload, r.hasPay = r.bytes(at, size), true
		r.frameLen = size // the firmware notes the length in the wrong place
		r.fragment = op
		return true
	}
	if !r.grow(&r.payloadAt, r.payLen+size) {
		r.payload, r.hasPay = nil, false
		s.disconnect(codeMoreFragment)
		return false
	}
	r.payload = append(r.sized(r.payload, r.payLen), r.bytes(at, size)...)
	r.payLen += size
	return true
}

// whole takes a frame that ends a message and returns how many bytes the firmware thinks
// it had.
func (r *reader) whole(op, at, size int) (int, bool) {
	if op == opContinuation {
		return r.joined(at, size)
	}
	s, m := r.s, r.s.m
	room := size + 1
	if op == opClose && size > 0 {
		if size == 1 {
			m.d.Crash("%s: a close frame with one byte makes the firmware copy 4 GB", s)
			return 0, false
		}
		room -= 2
	}
	payload, ok := m.d.Malloc(room, heap.Other)
	if !ok {
		s.disconnect(codePayload)
		return 0, false
	}
	r.message(op, r.bytes(at, size))
	m.d.Free(&payload, heap.Other)
	return size, true
}

// joined is whole for a message's last fragment.
func (r *reader) joined(at, size int) (int, bool) {
	s, m := r.s, r.s.m
	if !r.hasPay {
		s.disconnect(codeContinuation)
		return 0, false
	}
	payload, ok := m.d.Malloc(max(r.payLen+size, 1), heap.Other)
	if !ok {
		s.disconnect(codeJoin)
		return 0, false
	}
	data := append(r.sized(r.payload, r.payLen), r.bytes(at, size)...)
	op := r.fragment
	m.give(&r.payloadAt)
	r.payload, r.payLen, r.hasPay, r.fragment = nil, 0, false, 0
	r.message(op, data)
	m.d.Free(&payload, heap.Other)
	return len(data), true
}

// message does what a message asks for.
func (r *reader) message(op int, data []byte) {
	s, m := r.s, r.s.m
	switch op {
	case opClose:
		s.closeSent = true
		s.sendFrame(opClose, string(data))
		s.state = closed
	case opPing:
		s.sendFrame(opPong, string(data))
	case opPong:
	default:
		if s.onReceive != 0 {
			m.Protected("websocket receive", m.v.Deref(s.onReceive), s.Value(), m.NewString(string(data)), vm.Number(op))
		}
	}
}

// behindFrame goes on behind a frame of size bytes at a place with n bytes left.
func (r *reader) behindFrame(at, n, size int) (next, left int, more bool) {
	s := r.s
	if size == n {
		if r.hasFrame {
			s.m.give(&r.frameAt)
			r.frame, r.frameLen, r.hasFrame = nil, 0, false
		}
		return 0, 0, false
	}
	left = int(uint16(n - size))
	next = at + size
	if !r.hasFrame {
		return next, left, true
	}
	s.m.Hints.Once("websocket segments", "%s: a frame came in several segments, the last of which holds more than its end: the firmware loses what follows, or delivers frames again", s)
	if !r.grow(&r.frameAt, r.frameLen+left) {
		r.hasFrame = false
		s.disconnect(codeRest)
		return 0, 0, false
	}
	r.frame = append(r.sized(r.frame, r.frameLen), r.bytes(next, left)...)
	r.frameLen += left
	r.mem = r.frame
	return 0, left, true
}
