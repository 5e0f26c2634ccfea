package netif

import "github.com/nodemcu-sim/nodemcu-sim/device/heap"

// nativeMemory is memory that the stack takes from the device's heap and gives
// back by kind and size only. What was taken while the SDK started belongs to it:
// the heap's size is what the SDK leaves, so that memory is not counted, nor is
// what takes its place later.
type nativeMemory struct {
	heap  func() *heap.Heap // nil while the SDK starts
	sizes map[uint32]*memoryOfSize
}

// memoryOfSize is the memory of one kind and size: blocks of the device's heap, and
// how many of the SDK's own are free for reuse.
type memoryOfSize struct {
	blocks []heap.Block
	spare  int
}

func newNativeMemory(h func() *heap.Heap) nativeMemory {
	return nativeMemory{h, map[uint32]*memoryOfSize{}}
}

func (m *nativeMemory) of(kind heap.Kind, size int) *memoryOfSize {
	key := uint32(kind)<<24 | uint32(size) // no more than a packet, see lwip.MTU
	s := m.sizes[key]
	if s == nil {
		s = new(memoryOfSize)
		m.sizes[key] = s
	}
	return s
}

// alloc takes memory and reports whether there was enough.
func (m *nativeMemory) alloc(kind heap.Kind, size int) bool {
	s, h := m.of(kind, size), m.heap()
	if h == nil || s.spare > 0 {
		s.spare = max(s.spare-1, 0)
		return true
	}
	b, ok := h.Alloc(size, kind)
	if ok {
		s.blocks = append(s.blocks, b)
	}
	return ok
}

// free gives memory back. Of equal blocks the last one taken goes first.
func (m *nativeMemory) free(kind heap.Kind, size int) {
	s := m.of(kind, size)
	if n := len(s.blocks); n > 0 {
		b := s.blocks[n-1]
		s.blocks = s.blocks[:n-1]
		if h := m.heap(); h != nil {
			h.FreeNative(&b, kind)
		}
		return
	}
	s.spare++
}
