package heap

import (
	"math"
	"math/bits"
)

// Kind says what native memory is for, in totals and snapshots.
type Kind uint8

// The kinds of native memory. Lua's own is counted apart.
const (
	PCB Kind = iota
	Segment
	Pbuf
	Timer
	File
	Task
	WiFi
	Other
	kinds
)

var kindNames = [kinds]string{"pcb", "segment", "pbuf", "timer", "file", "task", "wifi", "other"}

func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown"
}

// Noun is what is kept in memory of this kind, as a sentence names it.
func (k Kind) Noun() string {
	switch k {
	case WiFi:
		return "the Wi-Fi connection"
	case Other:
		return "native memory"
	}
	return "a " + k.String()
}

// Config says how much memory there is and who lays it out. The zero value of a
// field stands for its default.
type Config struct {
	Layout Layout // default SDK16
	Size   int    // bytes of heap with nothing in it; default: PromptFree and what boot takes of it
}

// Heap is the one memory of a device, shared by Lua and native code.
type Heap struct {
	arena
	native  [kinds]int // bytes asked for
	nativeL [kinds]int // bytes taken, with headers
	nativeN [kinds]int
	low     int // least free so far
	failed  int // requests that found no room

	// OnFail is called when a request finds no room, with the number the SDK
	// prints after "E:M": request and header, rounded up, in 32 bits. A request
	// for nothing and one for 2 GB or more are refused as they are.
	OnFail func(n int)
	// OnFreeAgain is called when a block is given back that has been given back
	// before. The SDK prints FreeAgain and does nothing else.
	OnFreeAgain func()
	// OnNativeFail is called after that when the request was native code's.
	OnNativeFail func(n int, k Kind)
	// OnNative is called when a request for native memory is granted: n is what it
	// takes of the heap.
	OnNative func(n int, k Kind)
	// OnWatch is called when a request is granted that leaves less than Watch
	// bytes: n is what it takes of the heap. The caller has not got it yet. It
	// may set Watch, and must not allocate.
	OnWatch func(n int)
	Watch   int
}

// New returns an empty heap.
func New(c Config) *Heap {
	if c.Size <= 0 {
		used, _ := BootLengths(c.Layout)
		c.Size = PromptFree + used
	}
	h := &Heap{arena: newArena(c.Layout, c.Size)}
	h.low = h.Free()
	return h
}

// FreeAgain is what the SDK prints when a block is freed twice (oracle: sdk-heap.json,
// free_twice).
const FreeAgain = "vPortFree 517 line assert fail\r\n"

// Steps returns how many machine instructions the allocator has taken since it was
// asked last.
func (h *Heap) Steps() int {
	n := h.steps
	h.steps = 0
	return n
}

// Size is the number of bytes there are.
func (h *Heap) Size() int { return h.size }

// Layout is the allocator in use.
func (h *Heap) Layout() Layout { return h.layout }

// Free is the number of bytes left: what system_get_free_heap_size reports, and
// so node.heap().
func (h *Heap) Free() int { return h.size - h.used }

// Used is the number of bytes taken, headers included.
func (h *Heap) Used() int { return h.used }

// BlockLength is how many bytes a block of n takes.
func (h *Heap) BlockLength(n int) int { return h.length(n) }

// Largest is the longest piece of free memory.
func (h *Heap) Largest() int { return h.largest() }

// Low is the least Free has been.
func (h *Heap) Low() int { return h.low }

// ResetLow starts Low anew.
func (h *Heap) ResetLow() { h.low = h.Free() }

// Failed is the number of requests that found no room.
func (h *Heap) Failed() int { return h.failed }

// Allocate finds room for n bytes, first fit. It prints nothing and collects nothing. A
// remainder of up to two headers stays with the block.
//
// It is one function, with what it does to the lists, as a program that makes objects
// calls it for each, and so is Release.
func (h *Heap) Allocate(n int) (Block, bool) {
	if n <= 0 || n > math.MaxInt32 {
		return Block{}, false
	}
	if h.layout == Ideal {
		if h.used+n > h.size {
			return Block{}, false
		}
		h.used += n
		if free := h.size - h.used; free < h.low || free < h.Watch {
			h.granted(n)
		}
		return Block{int32(n), int32(n), 1}, true
	}
	length := (n + h.header + granule - 1) &^ (granule - 1)
	need, least := int32(uint(length)/granule), int32(uint(2*h.header)/granule)
	tag, words := h.tag, h.spots.words
	w := h.first
	for w < len(words) && words[w].free == 0 {
		w++
	}
	h.first = w
	passed := 0
	for ; w < len(words); w++ {
		for set := words[w].free; set != 0; set &= set - 1 {
			g := w<<6 + bits.TrailingZeros64(set)
			free := tag[g]
			if free < need {
				passed++
				continue
			}
			h.spots.goTo(w)
			x, bit := &words[w], uint64(1)<<(g&63)
			used := x.used
			took := walkUsed * (h.spots.used + bits.OnesCount64(used&(bit-1)))
			x.used = used | bit
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
			h.used += length
			h.steps += took
			if free := h.size - h.used; free < h.low || free < h.Watch {
				h.granted(length)
			}
			return Block{int32(n), int32(length), int32(g)*granule + 1}, true
		}
	}
	h.steps += allocExact + passExact*passed
	return Block{}, false
}

// granted is what follows a request that was granted and took n bytes.
func (h *Heap) granted(n int) {
	free := h.size - h.used
	if free < h.low {
		h.low = free
	}
	if free < h.Watch && h.OnWatch != nil {
		h.OnWatch(n)
	}
}

// Release gives back a block and joins it with its free neighbours.
func (h *Heap) Release(b *Block) {
	if b.addr == 0 {
		return
	}
	if h.layout == Ideal {
		h.used -= int(b.length)
		*b = Block{}
		return
	}
	g, n := int(uint32(b.addr-1)/granule), int(uint32(b.length)/granule)
	*b = Block{}
	w, bit := g>>6, uint64(1)<<(g&63)
	x := &h.spots.words[w]
	if x.used&bit == 0 {
		if h.OnFreeAgain != nil {
			h.OnFreeAgain()
		}
		return
	}
	h.spots.goTo(w)
	free := x.free
	took := freeFirst
	if used := h.spots.used + bits.OnesCount64(x.used&(bit-1)); used > 0 {
		took = freeOther + walkUsed*used + walkFree*(h.spots.free+bits.OnesCount64(free&(bit-1)))
	}
	h.steps += took
	h.used -= n * granule
	x.used &^= bit
	tag := h.tag
	if g > 0 && tag[g-1] < 0 { // the end of a free span, which becomes longer
		before := int(-tag[g-1])
		tag[g-1] = 0
		g -= before
		n += before
	} else {
		free |= bit
		h.first = min(h.first, w)
	}
	x.free = free
	if end := g + n; tag[end] > 0 { // the beginning of one, which is no longer one
		n += int(tag[end])
		tag[end] = 0
		h.spots.words[end>>6].free &^= 1 << (end & 63)
	}
	tag[g], tag[g+n-1] = int32(n), -int32(n)
}

// Resize makes b a block of n bytes as realloc does: the SDK's allocates anew,
// copies and frees the old block, also when shrinking; the ideal one grows in
// place.
func (h *Heap) Resize(b *Block, n int) bool {
	if b.addr == 0 && n > 0 {
		nb, ok := h.Allocate(n)
		if ok {
			*b = nb
		}
		return ok
	}
	if n == 0 {
		h.Release(b)
		return true
	}
	if h.layout == Ideal && b.Placed() {
		if h.used+n-int(b.size) > h.size {
			return false
		}
		grown := n - int(b.size)
		h.used += grown
		b.size, b.length = int32(n), int32(n)
		if grown > 0 {
			h.granted(grown)
		}
		return true
	}
	nb, ok := h.Allocate(n)
	if !ok {
		return false
	}
	h.Release(b)
	h.steps += reallocBeyond + 5*n/copyBytes
	*b = nb
	return true
}

// Fail reports a request for n bytes that found no room.
func (h *Heap) Fail(n int) {
	h.failed++
	if h.OnFail != nil {
		if header := max(h.header, 8); n > 0 && n <= math.MaxInt32 {
			n = (n + header + 7) &^ 7
		}
		h.OnFail(int(int32(n)))
	}
}

// Alloc takes n bytes of native memory. When there is no room it reports that as
// the SDK does (OnFail) and returns false.
func (h *Heap) Alloc(n int, k Kind) (Block, bool) {
	b, ok := h.Allocate(n)
	if !ok {
		h.Fail(n)
		if h.OnNativeFail != nil {
			h.OnNativeFail(n, k)
		}
		return Block{}, false
	}
	h.native[k] += n
	h.nativeL[k] += b.Length()
	h.nativeN[k]++
	if h.OnNative != nil {
		h.OnNative(b.Length(), k)
	}
	return b, true
}

// FreeNative gives back native memory of kind k. A zero Block is ignored.
func (h *Heap) FreeNative(b *Block, k Kind) {
	if b.size == 0 {
		return
	}
	h.native[k] -= int(b.size)
	h.nativeL[k] -= b.Length()
	h.nativeN[k]--
	h.Release(b)
}

// Total is what one kind of native memory holds.
type Total struct {
	Kind          string
	Bytes, Blocks int
	Length        int // bytes of the heap, with headers
}

// Stats is a copy of what is in a heap.
type Stats struct {
	Size, Free, Largest, Low, Failed int
	Native                           []Total // kinds in use, in a fixed order
}

// Stats returns the state of the heap.
func (h *Heap) Stats() Stats {
	s := Stats{Size: h.size, Free: h.Free(), Largest: h.Largest(), Low: h.low, Failed: h.failed}
	for k := range h.native {
		if h.nativeN[k] > 0 {
			s.Native = append(s.Native, Total{Kind(k).String(), h.native[k], h.nativeN[k], h.nativeL[k]})
		}
	}
	return s
}
