package netif

import "github.com/nodemcu-sim/nodemcu-sim/device/heap"

// nativeMemory is memory that the stack takes from the device's heap and gives
// back by kind and size only. What was taken while the SDK started belongs to it:
// the heap's size is what the SDK leaves, so that memory is not counted, nor is
// what takes its place later.
type nativeMemory struct {
	heap   func() *heap.Heap // nil while the SDK starts
	blocks map[memoryKey][]heap.Block
	sdk    map[memoryKey]sdkMemory
}

type memoryKey struct {
	kind heap.Kind
	size int
}

// sdkMemory counts blocks of the SDK's own: in use, and free for reuse.
type sdkMemory struct{ used, spare int }

func newNativeMemory(h func() *heap.Heap) nativeMemory {
	return nativeMemory{h, map[memoryKey][]heap.Block{}, map[memoryKey]sdkMemory{}}
}

// alloc takes memory and reports whether there was enough.
func (m *nativeMemory) alloc(kind heap.Kind, size int) bool {
	k := memoryKey{kind, size}
	h := m.heap()
	if own := m.sdk[k]; h == nil || own.spare > 0 {
		own.used++
		own.spare = max(own.spare-1, 0)
		m.sdk[k] = own
		return true
	}
	b, ok := h.Alloc(size, kind)
	if ok {
		m.blocks[k] = append(m.blocks[k], b)
	}
	return ok
}

// free gives memory back. Of equal blocks the last one taken goes first.
func (m *nativeMemory) free(kind heap.Kind, size int) {
	k := memoryKey{kind, size}
	if l := m.blocks[k]; len(l) > 0 {
		b := l[len(l)-1]
		m.blocks[k] = l[:len(l)-1]
		if h := m.heap(); h != nil {
			h.FreeNative(&b, kind)
		}
		return
	}
	own := m.sdk[k]
	own.used--
	own.spare++
	m.sdk[k] = own
}
