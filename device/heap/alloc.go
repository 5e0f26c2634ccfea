package heap

import (
	"fmt"
	"sort"
)

// Layout says how the allocator below Lua places blocks.
type Layout int

const (
	// SDK16 is the heap of SDK 3.0: address-ordered first fit, 16-byte headers,
	// sizes rounded up to 8, realloc = allocate, copy, free. The device's.
	// Source: oracle: memory-sizes.json, "sdk_heap" (inferred there).
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
	addr   int32 // 1 + offset in the arena; 0 while not placed
}

// Size is the number of bytes that were asked for.
func (b Block) Size() int { return int(b.size) }

// Length is the number of bytes of the heap it takes, with header and rounding.
func (b Block) Length() int { return int(b.length) }

// Placed reports whether the block has an address. Blocks of young Lua objects
// have none until they have survived a collection (see Heap.Reserve).
func (b Block) Placed() bool { return b.addr != 0 }

type span struct{ addr, length int32 }

// arena is the memory itself: its free spans in address order.
type arena struct {
	layout Layout
	size   int
	used   int // bytes taken, placed and reserved
	free   []span
}

func newArena(l Layout, size int) arena {
	a := arena{layout: l, size: size}
	if l != Ideal {
		a.free = []span{{0, int32(size)}}
	}
	return a
}

// length is how many bytes of the arena a block of n bytes takes.
func (a *arena) length(n int) int {
	h := a.layout.header()
	if h == 0 {
		return n
	}
	return (n + h + 7) &^ 7
}

// place finds room for n bytes, first fit. A remainder of up to two headers
// stays with the block.
func (a *arena) place(n int) (Block, bool) {
	need := int32(a.length(n))
	if a.layout == Ideal {
		if a.used+n > a.size {
			return Block{}, false
		}
		a.used += n
		return Block{int32(n), int32(n), 1}, true
	}
	least := int32(2 * a.layout.header())
	for i := range a.free {
		f := &a.free[i]
		if f.length < need {
			continue
		}
		b := Block{int32(n), need, f.addr + 1}
		if f.length-need > least {
			f.addr += need
			f.length -= need
		} else {
			b.length = f.length
			a.free = append(a.free[:i], a.free[i+1:]...)
		}
		a.used += int(b.length)
		return b, true
	}
	return Block{}, false
}

// release gives a placed block back and joins it with its free neighbours.
func (a *arena) release(b Block) {
	a.used -= int(b.length)
	if a.layout == Ideal {
		return
	}
	s := span{b.addr - 1, b.length}
	i := sort.Search(len(a.free), func(i int) bool { return a.free[i].addr > s.addr })
	joinLeft := i > 0 && a.free[i-1].addr+a.free[i-1].length == s.addr
	joinRight := i < len(a.free) && s.addr+s.length == a.free[i].addr
	switch {
	case joinLeft && joinRight:
		a.free[i-1].length += s.length + a.free[i].length
		a.free = append(a.free[:i], a.free[i+1:]...)
	case joinLeft:
		a.free[i-1].length += s.length
	case joinRight:
		a.free[i].addr = s.addr
		a.free[i].length += s.length
	default:
		a.free = append(a.free, span{})
		copy(a.free[i+1:], a.free[i:])
		a.free[i] = s
	}
}

// largest is the longest free span in bytes.
func (a *arena) largest() int {
	if a.layout == Ideal {
		return a.size - a.used
	}
	n := int32(0)
	for _, f := range a.free {
		n = max(n, f.length)
	}
	return int(n)
}
