package pixbuf

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/pixbuf"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// source is a buffer that is mixed.
type source struct {
	factor int32
	*pixbuf.Buffer
}

// sources returns the buffer and what is to be mixed in it. A last argument without
// a partner does not count.
func (m *module) sources(c *vm.Call) (b *pixbuf.Buffer, list []source) {
	b = m.kind.Check(c, 1)
	for n := 2; n < c.NArgs(); n += 2 {
		s := source{int32(c.Int(n)), m.kind.Check(c, n+1)}
		if s.Pixels != b.Pixels || s.Channels != b.Channels {
			c.ArgError(n+1, "buffer not same size or shape")
		}
		list = append(list, s)
	}
	work(c, len(b.Values)*len(list))
	return b, list
}

// mix is pixbuf.buf:mix(factor, buffer, …). It calculates in 32 bits.
func (m *module) mix(c *vm.Call) int {
	b, list := m.sources(c)
	if len(list) == 0 {
		return itself(c)
	}
	for i := range b.Values {
		sum := int32(0)
		for _, s := range list {
			sum += int32(s.Values[i]) * s.factor
		}
		b.Values[i] = clamp((sum + 128) / 256)
	}
	return itself(c)
}

func clamp(x int32) byte { return byte(min(max(x, 0), 255)) }

// intensity is the most that a pixel of mix4I5 has: 5 bits.
const intensity = 31

// mix4I5 is pixbuf.buf:mix4I5(factor, buffer, …): the first of four channels is the
// intensity of the others. A pixel gets as little of it as its colours allow. The firmware
// divides without signs, and leaves at the first dark pixel.
func (m *module) mix4I5(c *vm.Call) int {
	b, list := m.sources(c)
	if len(list) == 0 {
		return itself(c)
	}
	if b.Channels != 4 {
		c.ArgError(2, "Requires 4 channel pixbuf")
	}
	for i := range b.Pixels {
		var sums [3]uint32
		for _, s := range list {
			p := s.Pixel(i)
			for j := range sums {
				sums[j] += uint32(p[j+1]) * uint32(p[0]) * uint32(s.factor)
			}
		}
		most := max(sums[0], sums[1], sums[2])
		p := b.Pixel(i)
		if most == 0 {
			clear(p)
			break
		}
		global := uint32(1)
		if most >= intensity<<16 {
			global = intensity
		} else if most > 1<<16 {
			global = most>>16 + 1
		}
		p[0] = byte(global)
		for j, sum := range sums {
			p[j+1] = clamp(int32((sum + 256*global - 127) / (256 * global)))
		}
	}
	return itself(c)
}

// mapPixels is pixbuf.buf:map(f[, buffer[, i[, j[, buffer2[, i2]]]]]).
func (m *module) mapPixels(c *vm.Call) int {
	out := m.kind.Check(c, 1)
	one := m.kind.Test(c, 3)
	if one == nil {
		one = out
	}
	from := position(c.OptInt(4, 1), one.Pixels) - 1
	to := position(c.OptInt(5, one.Pixels), one.Pixels) - 1
	if to <= from {
		c.ArgError(3, "Buffer limits out of order")
	}
	if to-from+1 != out.Pixels {
		c.ArgError(1, "Output buffer wrong size")
	}
	two, from2 := m.kind.Test(c, 6), 0
	if two != nil {
		from2 = position(c.OptInt(7, 1), two.Pixels) - 1
		if from2 < 0 || from2+out.Pixels > two.Pixels {
			c.ArgError(6, "Second buffer too short")
		}
	}
	for i := range out.Pixels {
		c.PushCopy(2)
		values := one.Pixel(from + i)
		if two != nil {
			values = append(values[:len(values):len(values)], two.Pixel(from2+i)...)
		}
		for _, x := range values {
			c.PushNumber(float64(x))
		}
		c.CallTop(len(values), out.Channels)
		p := out.Pixel(i)
		for j := range p {
			if !c.IsNumber(c.Top()) {
				c.ArgError(-1, "number expected, got "+c.TypeName(c.Top()))
			}
			p[out.Channels-1-j] = byte(c.Int(c.Top()))
			c.Pop(1)
		}
	}
	return itself(c)
}
