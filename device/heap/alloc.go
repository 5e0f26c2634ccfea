package heap

import (
	"fmt"
	"math"
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

// place finds room for n bytes, first fit: none if there is none. A remainder of up to
// two headers stays with the block.
func (a *arena) place(n int) Block {
	if n <= 0 || n > math.MaxInt32 {
		return Block{}
	}
	if a.layout == Ideal {
		if a.used+n > a.size {
			return Block{}
		}
		a.used += n
		return Block{int32(n), int32(n), 1}
	}
	length := a.length(n)
	need, least := int32(uint(length)/granule), int32(uint(2*a.header)/granule)
	tag, words := a.tag, a.spots.words
	w := a.first
	for w < len(words) && words[w].free == 0 {
		w++
	}
	a.first = w
	passed := 0
	for ; w < len(words); w++ {
		for set := words[w].free; set != 0; set &= set - 1 {
			g := w<<6 + bits.TrailingZeros64(set)
			free := tag[g]
			if free < need {
				passed++
				continue
			}
			a.spots.goTo(w)
			x, bit := &words[w], uint64(1)<<(g&63)
			took := walkUsed * (a.spots.used + bits.OnesCount64(x.used&(bit-1)))
			x.used |= bit
			x.free &^= bit
			tag[g] = 0
			if rest := free - need; rest > least {
				at := g + int(need)
				words[at>>6].free |= 1 << (at & 63)
				tag[at], tag[g+int(free)-1] = rest, -rest
				took += allocSplit + passSplit*passed
			} else {
				tag[g+int(free)-1] = 0
				length = int(free) * granule
				took += allocExact + passExact*passed
			}
			a.used += length
			a.steps += took
			return Block{int32(n), int32(length), int32(g)*granule + 1}
		}
	}
	a.steps += allocExact + passExact*passed
	return Block{}
}

// release gives a placed block back and joins it with its free neighbours. It reports
// false when there is no such block: it has been given back before.
func (a *arena) release(b Block) bool {
	if a.layout == Ideal {
		a.used -= int(b.length)
		return true
	}
	g, n := int(uint32(b.addr-1)/granule), int(uint32(b.length)/granule)
	x, bit := &a.spots.words[uint(g)>>6], uint64(1)<<(g&63)
	if x.used&bit == 0 {
		return false
	}
	a.spots.goTo(g >> 6)
	x.used &^= bit
	a.used -= int(b.length)
	took := freeFirst
	if used := a.spots.used + bits.OnesCount64(x.used&(bit-1)); used > 0 {
		took = freeOther + walkUsed*used + walkFree*(a.spots.free+bits.OnesCount64(x.free&(bit-1)))
	}
	a.steps += took
	if g > 0 {
		if before := int(-a.tag[g-1]); before > 0 {
			a.remove(g-before, before)
			g -= before
			n += before
		}
	}
	if after := int(a.tag[g+n]); after > 0 {
		a.remove(g+n, after)
		n += after
	}
	a.add(g, n)
	return true
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
