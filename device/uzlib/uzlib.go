// Package uzlib is the firmware's inflater of gzip files, with what it does to streams that
// are none: its output comes byte by byte and may end the work at any moment, a code that
// does not exist is a byte, and symbols beyond the last read what lies behind its tables in
// memory.
//
// It knows neither files nor what is inflated. Source: fw: app/uzlib/uzlib_inflate.c.
package uzlib

import "errors"

// StateSize is the memory that one inflater takes, in bytes: two trees of 608, the tables of
// lengths and distances, and 44 of registers.
const StateSize = 1460

// ErrData is a stream that is none, as far as the firmware notices.
var ErrData = errors.New("uzlib: data error")

// Stream is what an inflater reads from and writes to. Its methods may panic to end the work.
type Stream interface {
	Get() byte
	Put(byte)
	// Recall returns the byte that was put so far back.
	Recall(offset uint32) byte
}

// invalid is what decoding returns for a code that does not exist (UZLIB_DATA_ERROR).
const invalid = -3

// endOfBlock is a block's last symbol; lengths follow.
const endOfBlock = 256

// Flags of the header.
const (
	flagChecksum = 1 << (1 + iota)
	flagExtra
	flagName
	flagComment
	flagsReserved = 0xe0
)

// tree is a Huffman code: how many codes have each length, and the symbols in their order.
type tree struct {
	count   [16]uint16
	symbols [288]uint16
}

// inflater is the state of the work.
type inflater struct {
	Stream
	tables    tables
	lit, dist tree
	tag       uint32 // bits that were read, bitCount of them to come
	bitCount  uint32
}

// Inflate inflates a gzip file and returns the checksum that stands at its end.
func Inflate(s Stream) (checksum uint32, err error) {
	d := &inflater{Stream: s, tables: newTables()}
	if !d.header() {
		return 0, ErrData
	}
	for final := false; !final; {
		final = d.bit() == 1
		ok := false
		switch d.bits(2, 0) {
		case 0:
			ok = d.stored()
		case 1:
			d.fixed()
			ok = d.block()
		case 2:
			ok = d.trees() && d.block()
		}
		if !ok {
			return 0, ErrData
		}
	}
	checksum = d.uint16()
	checksum |= d.uint16() << 16
	d.uint16() // the length, which nobody looks at
	d.uint16()
	return checksum, nil
}

func (d *inflater) uint16() uint32 {
	low := uint32(d.Get())
	return low | uint32(d.Get())<<8
}

func (d *inflater) header() bool {
	if d.Get() != 0x1f || d.Get() != 0x8b || d.Get() != 8 {
		return false
	}
	flags := d.Get()
	if flags&flagsReserved != 0 {
		return false
	}
	d.skip(6)
	if flags&flagExtra != 0 {
		d.skip(int(d.uint16()))
	}
	for _, f := range []byte{flagName, flagComment} {
		if flags&f != 0 {
			d.skip(0)
		}
	}
	if flags&flagChecksum != 0 {
		d.skip(2)
	}
	return true
}

// skip skips n bytes, or a text with the zero at its end if n is 0.
func (d *inflater) skip(n int) {
	if n == 0 {
		for d.Get() != 0 {
		}
	}
	for range n {
		d.Get()
	}
}

func (d *inflater) bit() uint32 {
	if d.bitCount == 0 {
		d.tag, d.bitCount = uint32(d.Get()), 8
	}
	b := d.tag & 1
	d.tag >>= 1
	d.bitCount--
	return b
}

// bits reads n bits and adds base.
func (d *inflater) bits(n, base uint32) uint32 {
	if n == 0 {
		return base
	}
	at := d.bitCount
	for ; at < n; at += 8 {
		d.tag |= uint32(d.Get()) << at
	}
	x := d.tag & (1<<n - 1)
	d.tag >>= n
	d.bitCount = at - n
	return base + x
}

// fixed makes the trees of a block without its own.
func (d *inflater) fixed() {
	d.lit.count, d.dist.count = [16]uint16{7: 24, 8: 152, 9: 112}, [16]uint16{5: 32}
	at := 0
	for _, run := range [][2]int{{256, 280}, {0, 144}, {280, 288}, {144, 256}} {
		for s := run[0]; s < run[1]; s++ {
			d.lit.symbols[at] = uint16(s)
			at++
		}
	}
	for i := range 32 {
		d.dist.symbols[i] = uint16(i)
	}
}

// build makes a tree of the lengths of its codes.
func (t *tree) build(lengths []byte) {
	t.count = [16]uint16{}
	for _, n := range lengths {
		t.count[n]++
	}
	t.count[0] = 0
	var at [16]uint16
	sum := uint16(0)
	for i, n := range t.count {
		at[i] = sum
		sum += n
	}
	for s, n := range lengths {
		if n != 0 {
			t.symbols[at[n]] = uint16(s)
			at[n]++
		}
	}
}

// symbol reads a symbol, or invalid.
func (d *inflater) symbol(t *tree) int {
	sum, code := 0, 0
	for length := 1; length < len(t.count); length++ {
		code = 2*code + int(d.bit())
		sum += int(t.count[length])
		if code -= int(t.count[length]); code < 0 {
			if sum += code; sum < 0 || sum >= len(t.symbols) {
				return invalid
			}
			return int(t.symbols[sum])
		}
	}
	d.bit() // it asks for one more before it looks at the length
	return invalid
}

// trees reads the trees of a block. The lengths of their codes come coded themselves.
func (d *inflater) trees() bool {
	literals, distances, codes := d.bits(5, 257), d.bits(5, 1), d.bits(4, 4)
	var lengths [288 + 32]byte
	for i := range min(codes, uint32(len(lengthCodes))) {
		lengths[lengthCodes[i]] = byte(d.bits(3, 0))
	}
	d.lit.build(lengths[:len(lengthCodes)])
	clear(lengths[:])
	all := int(literals + distances)
	for n := 0; n < all; {
		s := d.symbol(&d.lit)
		if s < 0 {
			return false
		}
		fill, times := byte(0), 0
		switch s {
		case 16:
			if n > 0 { // else the byte below the list, which is anything
				fill = lengths[n-1]
			}
			times = int(d.bits(2, 3))
		case 17:
			times = int(d.bits(3, 3))
		case 18:
			times = int(d.bits(7, 11))
		default:
			lengths[n] = byte(s)
			n++
			continue
		}
		if n+times > all {
			return false
		}
		for range times {
			lengths[n] = fill
			n++
		}
	}
	d.lit.build(lengths[:literals])
	d.dist.build(lengths[literals:all])
	return true
}

// block inflates a block with trees.
func (d *inflater) block() bool {
	for {
		s := d.symbol(&d.lit)
		if s < endOfBlock {
			d.Put(byte(s))
			continue
		}
		if s == endOfBlock {
			return true
		}
		length := d.bits(d.tables.length(s - endOfBlock - 1))
		offset := d.bits(d.tables.distance(d.symbol(&d.dist)))
		d.Put(d.Recall(offset))
		for length--; length != 0; length-- { // a length of 0 is one of 2^32
			d.Put(d.Recall(offset))
		}
	}
}

// stored copies a block that is not compressed.
func (d *inflater) stored() bool {
	n, inverse := d.uint16(), d.uint16()
	if n != ^inverse&0xffff {
		return false
	}
	d.bitCount = 0
	for range n {
		d.Put(d.Get())
	}
	return true
}
