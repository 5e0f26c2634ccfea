package device

import "github.com/nodemcu-sim/nodemcu-sim/device/heap"

// Crash is an exception of the CPU, as when the firmware's code reads at address 0: it
// resets the device. The hint says what the firmware does wrong there. Lua stops at its
// next instruction; the caller returns.
func (d *Device) Crash(format string, args ...any) {
	d.Inspect.Hints.Here(format+" (exception, the device resets)", args...)
	d.Reset(Exception)
}

// Unchecked takes memory as firmware does that does not look whether it has got it: where
// there is none the device crashes. whose says what it is for.
func (d *Device) Unchecked(n int, whose string) heap.Block {
	b, ok := d.Malloc(n, heap.Other)
	if !ok {
		d.Crash("%s and writes to address 0", whose)
	}
	return b
}
