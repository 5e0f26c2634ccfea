package device

import "net/netip"

// What someone outside does to a device with intent, beyond its pins and its
// button.

// PowerCycle takes the device's power away and gives it back: what only the chip
// remembers is lost, the flash stays.
func (d *Device) PowerCycle() { d.Reset(PowerOn) }

// ResetConnection makes both ends of a TCP connection get a reset from the other.
// The addresses are those of the device and of the peer. Nothing happens when
// there is no such connection by the time the CPU gets to it.
func (d *Device) ResetConnection(local, remote netip.AddrPort) {
	d.Receive(func() {
		if s := d.Net(); s != nil {
			s.Break(local, remote)
		}
	})
}

// CollectGarbage runs a full collection, unless the program has stopped the
// collector. It returns how many bytes were given back to the heap.
func (d *Device) CollectGarbage() int {
	if d.VM == nil || d.running {
		return 0
	}
	before := d.VM.FreeHeap()
	d.VM.Collect()
	return d.VM.Heap().Free() - before
}

// Name is a name that a script could write next, with the Lua type of its value.
type Name struct{ Name, Type string }

// Names lists what can follow path in a script: the globals for an empty one,
// the fields of a table, or the methods of an object. No Lua code runs.
func (d *Device) Names(path ...string) []Name {
	if d.VM == nil {
		return nil
	}
	var out []Name
	for _, n := range d.VM.Names(path...) {
		out = append(out, Name(n))
	}
	return out
}
