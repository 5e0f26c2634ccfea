package pin

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/part"
)

// partPin is a pin as the parts on it see it.
type partPin struct {
	pins  *Pins
	index int
}

// OfGPIO returns the pin of a GPIO of the chip, for a part to hang on. ok is false
// when the firmware has no number for it.
func (x *Pins) OfGPIO(gpio int) (p part.Pin, ok bool) {
	index, ok := board.IndexOf(gpio)
	return partPin{x, index}, ok
}

// Level implements part.Pin.
func (p partPin) Level() int { return p.pins.Level(p.index) }

// Driven implements part.Pin.
func (p partPin) Driven() bool { return p.pins.pins[p.index].driven() }

// Watch implements part.Pin.
func (p partPin) Watch(fn func(level int, at clock.Time)) {
	w := &p.pins.watchers[p.index]
	*w = append(*w, fn)
}

// Drive implements part.Pin.
func (p partPin) Drive(level int) { p.pins.drive(p.index, level) }

// Release implements part.Pin.
func (p partPin) Release() { p.pins.drive(p.index, undriven) }
