package pixbuf

import (
	"encoding/binary"
	"strconv"

	"github.com/nodemcu-sim/nodemcu-sim/device/pixbuf"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
)

// size is pixbuf.buf:size(), in pixels.
func (m *module) size(c *vm.Call) int { return c.ReturnInt(m.kind.Check(c, 1).Pixels) }

// channels is pixbuf.buf:channels().
func (m *module) channels(c *vm.Call) int { return c.ReturnInt(m.kind.Check(c, 1).Channels) }

// dump is pixbuf.buf:dump().
func (m *module) dump(c *vm.Call) int {
	c.PushBytes(m.kind.Check(c, 1).Values)
	return 1
}

// text is __tostring.
func (m *module) text(c *vm.Call) int {
	p := m.kind.Check(c, 1)
	b := lualib.NewBuffer(c)
	b.Byte('[')
	for i := range p.Pixels {
		if i > 0 {
			b.Byte(',')
		}
		b.Byte('(')
		for j, x := range p.Pixel(i) {
			if j > 0 {
				b.Byte(',')
			}
			b.String(strconv.Itoa(int(x)))
		}
		b.Byte(')')
	}
	b.Byte(']')
	return b.Finish()
}

// get is pixbuf.buf:get(i).
func (m *module) get(c *vm.Call) int {
	b, i := m.pixel(c)
	for _, x := range b.Pixel(i) {
		c.PushNumber(float64(x))
	}
	return b.Channels
}

// set is pixbuf.buf:set(i, …).
func (m *module) set(c *vm.Call) int {
	b, i := m.pixel(c)
	switch x := c.Arg(3).(type) {
	case *vm.Table:
		for j := range b.Channels {
			b.Pixel(i)[j] = byte(c.VM.ToInteger(c.VM.RawGetInt(x, j+1)))
		}
	case vm.String:
		to := b.Values[i*b.Channels:]
		if len(x) > len(to) {
			c.Error("string size will exceed strip length")
		}
		if len(x)%b.Channels != 0 {
			c.Error("string does not contain whole LEDs")
		}
		copy(to, x)
	default:
		if c.NArgs() > 2+b.Channels {
			c.ArgError(2+b.Channels, "extra values given")
		}
		for j := range b.Channels {
			b.Pixel(i)[j] = byte(c.Int(3 + j))
		}
	}
	return itself(c)
}

// fill is pixbuf.buf:fill(…).
func (m *module) fill(c *vm.Call) int {
	b := m.kind.Check(c, 1)
	if b.Pixels == 0 {
		return itself(c)
	}
	if c.NArgs() != 1+b.Channels {
		c.ArgError(1, "need as many values as colors per pixel")
	}
	first := b.Pixel(0)
	for j := range first {
		first[j] = byte(c.Int(2 + j))
	}
	for i := 1; i < b.Pixels; i++ {
		copy(b.Pixel(i), first)
	}
	work(c, len(b.Values))
	return itself(c)
}

// fading returns the buffer and what to do with each value.
func (m *module) fading(c *vm.Call) (b *pixbuf.Buffer, faded func(byte) byte, in bool) {
	b = m.kind.Check(c, 1)
	by := int32(c.Int(2))
	in = c.OptInt(3, fadeOut) != fadeOut
	if by <= 0 {
		c.ArgError(2, "fade value should be a strictly positive int")
	}
	if in {
		return b, func(x byte) byte { return byte(min(255, int32(x)*by)) }, in
	}
	return b, func(x byte) byte { return byte(int32(x) / by) }, in
}

// fade is pixbuf.buf:fade(n[, direction]).
func (m *module) fade(c *vm.Call) int {
	b, faded, _ := m.fading(c)
	for i, x := range b.Values {
		b.Values[i] = faded(x)
	}
	work(c, len(b.Values))
	return 0
}

// fadeI is pixbuf.buf:fadeI(n[, direction]). Fading in, the firmware counts one too many
// after each pixel.
func (m *module) fadeI(c *vm.Call) int {
	b, faded, in := m.fading(c)
	step := b.Channels
	if in {
		step++
	}
	for i := range b.Pixels {
		if i*step >= len(b.Values) {
			m.behind("fadeI with FADE_IN skips a byte for each pixel")
			break
		}
		b.Values[i*step] = faded(b.Values[i*step])
	}
	work(c, b.Pixels)
	return 0
}

// behind is the hint about what writes behind a buffer.
func (m *module) behind(what string) {
	m.d.Inspect.Hints.Here("pixbuf: %s, and so the firmware writes behind the buffer, in memory of something else", what)
}

// shift is pixbuf.buf:shift(n[, mode[, i[, j]]]).
func (m *module) shift(c *vm.Call) int {
	b := m.kind.Check(c, 1)
	by := int32(c.Int(2)) * int32(b.Channels)
	mode := c.OptInt(3, shiftLogical)
	from, to := position(c.OptInt(4, 1), b.Pixels), position(c.OptInt(5, -1), b.Pixels)
	s := pixbuf.Shift{Left: by < 0, Circular: mode == shiftCircular}
	if s.Left {
		by = -by
	}
	window := uint32(to-from+1) * uint32(b.Channels)
	switch {
	case mode != shiftLogical && mode != shiftCircular:
		c.ArgError(3, "invalid shift type")
	case from < 1:
		c.ArgError(4, "start position must be >= 1")
	case to < from:
		c.ArgError(5, "end position must be >= start")
	case uint32(by) > uint32(len(b.Values)):
		c.ArgError(2, "shifting more elements than buffer size")
	case uint32(by) > window:
		c.ArgError(2, "shifting more than sliced window")
	}
	s.By, s.Offset, s.Window = int(by), (from-1)*b.Channels, int(window)
	if b.Shift(s) {
		m.behind("a circular shift by more than 32 bytes is done in steps that move on")
	}
	work(c, s.Window)
	return 0
}

// sub is pixbuf.buf:sub(i[, j]). In an empty buffer the position before the first is the
// last, too.
func (m *module) sub(c *vm.Call) int {
	b := m.kind.Check(c, 1)
	from, to := position(c.Int(2), b.Pixels), position(c.OptInt(3, -1), b.Pixels)
	if from > to {
		m.kind.New(c, 0, b.Channels)
		return 1
	}
	part := m.kind.New(c, to-from+1, b.Channels)
	if from > 0 {
		copy(part.Values, b.Values[(from-1)*b.Channels:])
		return 1
	}
	var head [8]byte // of the struct before the values
	binary.LittleEndian.PutUint32(head[4:], uint32(b.Channels))
	if before := len(part.Values) - len(head); before > 0 {
		copy(part.Values[before:], head[:])
	} else {
		copy(part.Values, head[-before:])
	}
	return 1
}

// replace is pixbuf.buf:replace(from[, i]).
func (m *module) replace(c *vm.Call) int {
	b := m.kind.Check(c, 1)
	at := position(c.OptInt(3, 1), b.Pixels)
	var from []byte
	if s, ok := c.Arg(2).(vm.String); ok {
		from = []byte(s)
	} else {
		other := m.kind.Check(c, 2)
		if other.Channels != b.Channels {
			c.ArgError(2, "buffers have different channels")
		}
		from = other.Values
	}
	pixels := len(from) / b.Channels
	if uint32(pixels+at-1) > uint32(b.Pixels) {
		c.ArgError(2, "does not fit into destination")
	}
	if at == 0 {
		m.d.Crash("replace in an empty pixbuf writes over what the firmware knows of its size")
		return 0
	}
	copy(b.Values[(at-1)*b.Channels:], from[:pixels*b.Channels])
	return 0
}

// power is pixbuf.buf:power().
func (m *module) power(c *vm.Call) int {
	b := m.kind.Check(c, 1)
	sum := 0
	for _, x := range b.Values {
		sum += int(x)
	}
	work(c, len(b.Values))
	return c.ReturnInt(sum)
}

// powerI is pixbuf.buf:powerI().
func (m *module) powerI(c *vm.Call) int {
	b := m.kind.Check(c, 1)
	sum := 0
	for i := range b.Pixels {
		p := b.Pixel(i)
		for _, x := range p[1:] {
			sum += int(p[0]) * int(x)
		}
	}
	work(c, len(b.Values))
	return c.ReturnInt(int(int32(sum)))
}
