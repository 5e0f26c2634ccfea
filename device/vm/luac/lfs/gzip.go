package lfs

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// Any gzip writer makes a file that the firmware loads, as long as no match is further back than
// its window. This one makes the bytes that luac.cross makes: greedy matching with one step of
// lazy evaluation, in one block with fixed codes.
// Source: oracle: lfs-format.md, "Compression"; fw: app/uzlib/uzlib_deflate.c; RFC 1951, 1952.
const (
	Window = 16384 // how far back a match may be, in bytes, for the firmware to inflate a file

	leastMatch  = 3
	mostMatch   = 258
	mostLinks   = 60     // followed for a match
	noPosition  = 0xffff // ends a chain
	positionMod = 0x8000 // positions are kept modulo this

	gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03"
)

// compress returns data as a gzip file.
func compress(data []byte) []byte {
	w := bitWriter{out: []byte(gzipHeader)}
	w.bits(1, 1) // the last block
	w.bits(1, 2) // of fixed codes
	matches(data, w.literal, w.match)
	w.bits(0, 7) // its end
	w.bits(0, 7) // fills the last byte; what is left over is dropped
	out := binary.LittleEndian.AppendUint32(w.out, crc32.ChecksumIEEE(data))
	return binary.LittleEndian.AppendUint32(out, uint32(len(data)))
}

// chains find where three bytes have been before: the newest place of each hash, and of each
// place the one before.
type chains struct {
	newest   []uint16
	previous [Window]uint16
	shift    int
}

func newChains(length int) *chains {
	size, hashBits := 256, 6
	for size < min(length, Window) {
		size, hashBits = 2*size, hashBits+1
	}
	c := &chains{newest: make([]uint16, size/4), shift: 24 - hashBits}
	for i := range c.newest {
		c.newest[i] = noPosition
	}
	for i := range c.previous {
		c.previous[i] = noPosition
	}
	return c
}

// enter adds position i of data and returns the newest one before with the same hash.
func (c *chains) enter(data []byte, i int) (before uint16) {
	v := uint32(data[i])<<16 | uint32(data[i+1])<<8 | uint32(data[i+2])
	newest := &c.newest[int((v>>c.shift)-v)&(len(c.newest)-1)]
	before = *newest
	*newest = uint16(i % positionMod)
	c.previous[i%Window] = before
	return before
}

// longest enters position i and returns the longest match for what begins there, the newest of
// those. distance is 0 when there is none.
func (c *chains) longest(data []byte, i int) (distance, length int) {
	most := min(len(data)-i, mostMatch)
	length = leastMatch - 1
	base, at := i-i%positionMod, i%positionMod
	next := c.enter(data, i)
	for links := 0; next != noPosition && links < mostLinks; links++ {
		j := base + int(next)
		if int(next) >= at {
			j -= positionMod
		}
		if i-j > Window {
			break
		}
		n := 0
		for n < most && data[i+n] == data[j+n] {
			n++
		}
		if n > length {
			distance, length = i-j, n
		}
		next = c.previous[next%Window]
	}
	return distance, length
}

// matches takes data apart.
func matches(data []byte, literal func(byte), match func(distance, length int)) {
	c := newChains(len(data))
	distance, length := 0, 0 // a match that waits whether the next is longer
	i := 0
	for ; i <= len(data)-leastMatch; i++ {
		d, n := c.longest(data, i)
		switch {
		case distance > 0 && (d == 0 || length >= n):
			match(distance, length)
			i += length - 2
			distance = 0
		case distance > 0:
			literal(data[i-1])
			distance, length = d, n
		case d > 0:
			distance, length = d, n
		default:
			literal(data[i])
		}
	}
	if distance > 0 {
		match(distance, length)
		i += length - 1
	}
	for ; i < len(data); i++ {
		literal(data[i])
	}
}

// bitWriter packs bits, the first lowest.
type bitWriter struct {
	out     []byte
	pending uint32
	n       int
}

func (w *bitWriter) bits(x uint32, n int) {
	w.pending |= x << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.out = append(w.out, byte(w.pending))
		w.pending >>= 8
	}
}

// code writes a Huffman code, which begins with its highest bit.
func (w *bitWriter) code(x uint32, n int) { w.bits(bits.Reverse32(x)>>(32-n), n) }

// symbol writes a literal or the code of a length.
func (w *bitWriter) symbol(s uint32) {
	switch {
	case s < 144:
		w.code(0x30+s, 8)
	case s < 256:
		w.code(0x190+s-144, 9)
	case s < 280:
		w.code(s-256, 7)
	default:
		w.code(0xc0+s-280, 8)
	}
}

func (w *bitWriter) literal(b byte) { w.symbol(uint32(b)) }

func (w *bitWriter) match(distance, length int) {
	if length == mostMatch {
		w.symbol(285)
	} else {
		s, extra, n := class(length-leastMatch, 4)
		w.symbol(257 + s)
		w.bits(extra, n)
	}
	s, extra, n := class(distance-1, 2)
	w.code(s, 5)
	w.bits(extra, n)
}

// class is the symbol that x belongs to, and which of its numbers x is, in n bits. The first 2·per
// numbers have a symbol each; from there on per symbols share each power of two.
func class(x int, per uint32) (symbol, extra uint32, n int) {
	v := uint32(x)
	if v < 2*per {
		return v, 0, 0
	}
	n = bits.Len32(v) - bits.Len32(per)
	return v>>n + uint32(n)*per, v & (1<<n - 1), n
}
