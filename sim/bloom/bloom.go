// Package bloom is the firmware module bloom: sets of strings that take little memory and
// are sometimes wrong (fw: docs/modules/bloom.md, app/modules/bloom.c).
//
// bloom.create(elements, n) makes a filter for so many strings, in which one of n that
// were not added is taken for one that was. filter:add(s) adds a string and returns
// whether it, or what looks like it, was there; filter:check(s) only looks. filter:reset()
// empties it. filter:info() returns the number of bits, of hash functions and of bits
// that are set, and the n of the moment, at most 1000000.
//
// A filter is a userdata: about 1.5 bits for each element and each binary digit of n, 256
// at least, and 8 bytes. A string's bits are taken from its SHA-256, 24 at a time.
//
// Odd corners of the firmware:
//   - A filter for 0 elements is an exception: a division by zero.
//   - Whatever n, there are at least 2 functions and at most 15, and a filter for a
//     negative number of elements is one of 256 bits.
package bloom

import (
	"crypto/sha256"
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the module.
var Module = device.Module{Name: "bloom", Open: open}

// Figures of a filter (fw: bloom.c).
const (
	headSize = 8 // bytes of bloom_t before the bits
	minBits  = 256
	minFuncs = 2
	maxFuncs = 15
	maxRate  = 1000000
	// blockSteps is what a block of SHA-256 takes, in VM instructions of 80 cycles:
	// estimated from the rounds of the C code.
	blockSteps = 40
)

type module struct {
	d    *device.Device
	kind *vm.Type // bloom.filter
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d}
	m.kind = &vm.Type{
		Name: "bloom.filter",
		Methods: []vm.Func{
			{Name: "add", Fn: m.add},
			{Name: "check", Fn: m.check},
			{Name: "reset", Fn: m.reset},
			{Name: "info", Fn: m.info},
		},
	}
	return &device.Lib{Funcs: []vm.Func{{Name: "create", Fn: m.create}}, Types: []*vm.Type{m.kind}}
}

// filter is a bloom.filter.
type filter struct {
	words []uint32
	funcs int
	set   uint32 // bits
}

// bits is how many bits a filter has. Its words are counted in 16 bits.
func (f *filter) bits() uint32 { return uint32(uint16(len(f.words))) * 32 }

// create is bloom.create(elements, n). It calculates in 32 bits.
func (m *module) create(c *vm.Call) int {
	elements, n := int32(c.Int(1)), int32(c.Int(2))
	digits := int32(0)
	for ; n > 0; n >>= 1 {
		digits++
	}
	bits := elements * digits
	bits += bits >> 1
	bits = (bits + 31) &^ 31
	bits = max(bits, minBits)
	if elements == 0 {
		m.d.Crash("bloom.create was asked for 0 elements, by which the firmware divides")
		return 0
	}
	funcs := bits / elements
	funcs = min(max(funcs>>1+funcs/6, minFuncs), maxFuncs)
	f := &filter{funcs: int(funcs)}
	ud := c.VM.NewObject(m.kind, headSize+int(bits)/8, f)
	f.words = make([]uint32, bits/32)
	return c.Return(ud)
}

// filter returns argument 1 and what argument 2 sets of its bits.
func (m *module) filter(c *vm.Call) (*filter, []uint32) {
	f := c.Object(1, m.kind).(*filter)
	s := c.String(2)
	c.VM.ChargeSteps((len(s) + sha256.BlockSize) / sha256.BlockSize * blockSteps)
	bits := f.bits()
	if bits == 0 {
		m.d.Crash("this bloom filter has so many bits that the firmware counts 0, and divides by that")
		return f, nil
	}
	h := sha256.Sum256([]byte(s))
	step := 3
	if f.funcs > 10 {
		step = 2
	}
	places := make([]uint32, f.funcs)
	for i := range places {
		b := h[i*step:]
		places[i] = (uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])) % bits
	}
	return f, places
}

// String names filters in heap snapshots.
func (f *filter) String() string { return fmt.Sprintf("%d bits", f.bits()) }

// has reports whether a bit is set.
func (f *filter) has(bit uint32) bool { return f.words[bit/32]>>(bit%32)&1 != 0 }

// add is bloom.filter:add(s).
func (m *module) add(c *vm.Call) int {
	f, places := m.filter(c)
	there := true
	for _, bit := range places {
		if !f.has(bit) {
			there = false
			f.words[bit/32] |= 1 << (bit % 32)
			f.set++
		}
	}
	return c.ReturnBool(there)
}

// check is bloom.filter:check(s).
func (m *module) check(c *vm.Call) int {
	f, places := m.filter(c)
	for _, bit := range places {
		if !f.has(bit) {
			return c.ReturnBool(false)
		}
	}
	return c.ReturnBool(true)
}

// reset is bloom.filter:reset().
func (m *module) reset(c *vm.Call) int {
	f := c.Object(1, m.kind).(*filter)
	clear(f.words)
	f.set = 0
	return 0
}

// info is bloom.filter:info().
func (m *module) info(c *vm.Call) int {
	f := c.Object(1, m.kind).(*filter)
	return c.Return(vm.Number(f.bits()), vm.Number(f.funcs), vm.Number(f.set), vm.Number(f.rate()))
}

// rate is the n of which one string that was not added seems to be there: the bits by
// those that are set, to the power of the functions. Small ones are worked out with eight
// binary digits behind the point.
func (f *filter) rate() uint64 {
	if f.set == 0 {
		return maxRate
	}
	ratio := uint64(f.bits() / f.set)
	rate := ratio
	for i := 1; i < f.funcs && rate < maxRate; i++ {
		rate *= ratio
	}
	if rate < maxRate {
		ratio = uint64(f.bits() << 8 / f.set)
		rate = ratio
		for i := 1; i < f.funcs && rate < maxRate<<8; i++ {
			rate = rate * ratio >> 8
		}
		rate >>= 8
	}
	return min(rate, maxRate)
}
