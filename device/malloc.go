package device

import "github.com/nodemcu-sim/nodemcu-sim/device/heap"

// Malloc takes n bytes of the device's heap for a firmware module's own use, as
// os_malloc does. It reports false when there is not that much; the module then
// does what the firmware does. Give the block back with Free, or it is lost until
// the next reset, as on the device.
func (d *Device) Malloc(n int, kind heap.Kind) (heap.Block, bool) {
	h := d.nativeHeap()
	if h == nil {
		return heap.Block{}, true
	}
	return h.Alloc(n, kind)
}

// Free gives back what Malloc took and makes *b the zero block, which it
// ignores.
func (d *Device) Free(b *heap.Block, kind heap.Kind) {
	if h := d.nativeHeap(); h != nil {
		h.FreeNative(b, kind)
	}
	*b = heap.Block{}
}
