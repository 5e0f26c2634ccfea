package pin

import "github.com/nodemcu-sim/nodemcu-sim/world/part"

// Bus is a bus of the chip: i2c, a chip select of spi, or 1-wire. Firmware modules
// clock bytes on it, parts listen. It has no time of its own: what a byte takes is
// the module's business, which knows its driver.
type Bus struct {
	listeners []part.Listener
	answering []part.Listener // in the transaction at hand
}

// idle is what the lines of a bus show when nobody pulls them down.
const idle = 0xff

// Attach implements part.Bus.
func (b *Bus) Attach(l part.Listener) { b.listeners = append(b.listeners, l) }

// Begin begins a transaction and reports whether a part answers. One that is under
// way ends by it where it concerns other parts: a repeated start.
func (b *Bus) Begin(address byte, read bool) bool {
	b.answering = b.answering[:0]
	for _, l := range b.listeners {
		if l.Begin(address, read) {
			b.answering = append(b.answering, l)
		}
	}
	return len(b.answering) > 0
}

// Clock puts a byte on the bus and returns what was there, and whether a part
// acknowledged it. The chip sends 0xff to read.
func (b *Bus) Clock(out byte) (in byte, ack bool) {
	in = idle
	for _, l := range b.answering {
		i, a := l.Clocked(out)
		in &= i
		ack = ack || a
	}
	return in, ack
}

// End ends the transaction.
func (b *Bus) End() {
	for _, l := range b.answering {
		l.End()
	}
	b.answering = b.answering[:0]
}
