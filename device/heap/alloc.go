package heap

import (
	"fmt"
	"math/bits"
)

// Layout says how the allocator below Lua places blocks.
type Layout int

const (
	// SDK16 is the heap of SDK 3.0: address-ordered first fit, 16-byte headers,
	// sizes rounded up to 8, realloc = allocate, copy, free. The device's.
	// Source: oracle: sdk-heap.json.
	SDK16 Layout = iota
	// SDK8 is the same with the 8-byte headers of SDK 2.
	SDK8
	// Ideal is a plain limit on the sum of the sizes, without headers and
	// fragmentation.
	Ideal
)

func (l Layout) String() string {
	switch l {
	case SDK16:
		return "sdk_hdr16"
	case SDK8:
		return "sdk_hdr8"
	case Ideal:
		return "ideal"
	}
	return fmt.Sprintf("Layout(%d)", int(l))
}

func (l Layout) header() int {
	switch l {
	case SDK16:
		return 16
	case SDK8:
		return 8
	}
	return 0
}

// Block is a piece of memory someone holds. The zero Block is none.
type Block struct {
	size   int32 // bytes asked for
	length int32 // bytes taken, header and rounding included
	addr   int32 // 1 + offset in the arena
}

// Size is the number of bytes that were asked for.
func (b Block) Size() int { return int(b.size) }

// Length is the number of bytes of the heap it takes, with header and rounding.
func (b Block) Length() int { return int(b.length) }

// Placed reports whether the block has an address: whether there is one.
func (b Block) Placed() bool { return b.addr != 0 }

// granule is what sizes and addresses are multiples of, but in an ideal heap.
const granule = 8

// What the allocator takes, in machine instructions: its lists of used and of free
// blocks are walked from the lowest address. Source: oracle: sdk-behaviour.md, 1.6.
const (
	allocExact    = 90  // a free block that fits
	allocSplit    = 118 // off a longer one
	passExact     = 6   // a free block that is too short
	passSplit     = 10  // and when the remainder is put back
	freeFirst     = 68  // the lowest used block
	freeOther     = 75
	walkUsed      = 5 // a used block below
	walkFree      = 3 // a free block below
	reallocBeyond = 27
	// copyBytes are copied by 5 instructions. Assumed: the ROM's copy moves 16 bytes a
	// turn, with four loads and four stores.
	copyBytes = 8
)

// arena is the memory itself: its free spans. Each is known at its first granule,
// which is in spots, and at its last: tag holds its length in granules there, negative
// at the end. No span is one granule long.
type arena struct {
	layout Layout
	header int // of a block, in bytes
	size   int
	used   int // bytes taken
	tag    []int32
	spots  spots
	first  int // words of spots before it have no free span

	steps int // machine instructions that the allocator has taken
}

func newArena(l Layout, size int) arena {
	a := arena{layout: l, header: l.header(), size: size}
	if l != Ideal {
		n := size / granule
		a.tag = make([]int32, n+1)
		a.spots = newSpots(n)
		a.add(0, n)
	}
	return a
}

// add notes n free granules from g on.
func (a *arena) add(g, n int) {
	if n > 1 {
		a.tag[g], a.tag[g+n-1] = int32(n), -int32(n)
		a.spots.putFree(g)
		a.first = min(a.first, g>>6)
	}
}

// remove forgets the free span of n granules at g.
func (a *arena) remove(g, n int) {
	a.tag[g], a.tag[g+n-1] = 0, 0
	a.spots.dropFree(g)
}

// length is how many bytes of the arena a block of n bytes takes.
func (a *arena) length(n int) int {
	if a.header == 0 {
		return n
	}
	return (n + a.header + granule - 1) &^ (granule - 1)
}

// spans calls fn with each free span, in the order of addresses, in granules.
func (a *arena) spans(fn func(g, n int)) {
	for w, x := range a.spots.words {
		for set := x.free; set != 0; set &= set - 1 {
			g := w<<6 + bits.TrailingZeros64(set)
			fn(g, int(a.tag[g]))
		}
	}
}

// largest is the longest free span in bytes.
func (a *arena) largest() int {
	if a.layout == Ideal {
		return a.size - a.used
	}
	most := 0
	a.spans(func(_, n int) { most = max(most, n) })
	return most * granule
}
