package heap

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
	native   [kinds]int // bytes asked for
	nativeL  [kinds]int // bytes taken, with headers
	nativeN  [kinds]int
	reserved int // bytes taken by reserved blocks, part of used
	taken    int // bytes counted by Take, part of used
	low      int // least free so far
	failed   int // requests that found no room

	// OnFail is called when a request finds no room, with the number the SDK
	// prints after "E:M": request and header, rounded up.
	OnFail func(n int)
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
	// Reclaim is called when native memory finds no room, before that counts
	// as failed: the VM gives back what it knows to be dead by now.
	Reclaim func()
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

// Allocate places n bytes. It prints nothing and collects nothing.
func (h *Heap) Allocate(n int) (Block, bool) {
	if h.used+h.length(n) > h.size {
		return Block{}, false // the rest is reserved
	}
	b, ok := h.place(n)
	if ok {
		h.Sample()
		h.watch(b.Length())
	}
	return b, ok
}

func (h *Heap) watch(n int) {
	if h.size-h.used < h.Watch && h.OnWatch != nil {
		h.OnWatch(n)
	}
}

// Sample lowers Low to what is free now, counting as free what was taken for
// objects that may be dead.
func (h *Heap) Sample() { h.low = min(h.low, h.Free()+h.taken) }

// Release gives back a block, placed or reserved.
func (h *Heap) Release(b *Block) {
	switch {
	case b.Placed():
		h.release(*b)
	case b.size > 0:
		h.used -= int(b.length)
		h.reserved -= int(b.length)
	}
	*b = Block{}
}

// Reserve takes n bytes without giving them a place: room for a young object
// that will most likely be dead at the next collection, where on the device,
// which collects before every allocation, it would already have made room for
// the next. It fails when not so many bytes are free.
func (h *Heap) Reserve(n int) (Block, bool) {
	l := h.length(n)
	if h.used+l > h.size {
		return Block{}, false
	}
	h.used += l
	h.reserved += l
	h.watch(l)
	return Block{size: int32(n), length: int32(l)}, true
}

// Take counts n bytes as used without a block to hold them by. It fails when not
// so many are free. What was taken is given back all at once, by TakeBack.
func (h *Heap) Take(n int) bool {
	l := h.length(n)
	if h.used+l > h.size {
		return false
	}
	h.used += l
	h.taken += l
	if h.size-h.used < h.Watch {
		h.watch(l)
	}
	return true
}

// Unplaced is how many of the bytes used have no place yet: reserved or taken.
func (h *Heap) Unplaced() int { return h.reserved + h.taken }

// TakeBack gives back everything Take took.
func (h *Heap) TakeBack() {
	h.used -= h.taken
	h.taken = 0
}

// Settle gives a reserved block its place. A heap too fragmented for it leaves
// it reserved: its bytes are accounted for all the same.
func (h *Heap) Settle(b *Block) {
	if b.Placed() || b.size == 0 {
		return
	}
	h.used -= int(b.length)
	if p, ok := h.place(int(b.size)); ok {
		if h.used <= h.size {
			h.reserved -= int(b.length)
			*b = p
			return
		}
		// The place is longer than what was reserved, by a remainder too
		// short to be split off, and others have reserved the rest.
		h.release(p)
	}
	h.used += int(b.length)
}

// Resize makes b a block of n bytes as realloc does: the SDK's allocates anew,
// copies and frees the old block, also when shrinking; the ideal one grows in
// place.
func (h *Heap) Resize(b *Block, n int) bool {
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
		h.Sample()
		if grown > 0 {
			h.watch(grown)
		}
		return true
	}
	nb, ok := h.Allocate(n)
	if !ok {
		return false
	}
	h.Release(b)
	*b = nb
	return true
}

// Fail reports a request for n bytes that found no room.
func (h *Heap) Fail(n int) {
	h.failed++
	if h.OnFail != nil {
		header := max(h.layout.header(), 8)
		h.OnFail((n + header + 7) &^ 7)
	}
}

// Alloc takes n bytes of native memory. When there is no room it reports that as
// the SDK does (OnFail) and returns false.
func (h *Heap) Alloc(n int, k Kind) (Block, bool) {
	b, ok := h.Allocate(n)
	if !ok && h.Reclaim != nil {
		h.Reclaim()
		b, ok = h.Allocate(n)
	}
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
