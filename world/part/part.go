// Package part is what hangs on the pins and buses of a chip: the interfaces through
// which a part and a chip know each other. A part is a package below this one, which
// names at its top what it was written from, and a line in package kinds; it sees
// pins, buses and the clock as they are here, and a chip implements them.
//
// It knows no chip and no firmware.
package part

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// Pin is a pin of a chip, as a part on it sees it.
type Pin interface {
	// Level is what the pin shows: 0 or 1. Driven reports whether somebody drives it
	// there, the chip or a part; else only a resistor does, which lights no LED.
	Level() int
	Driven() bool
	// Watch has fn called each time the level has changed, with the time on the chip:
	// this pin was written.
	Watch(fn func(level int, at clock.Time))
	// Drive applies a level, which an output of the chip wins over; Release takes it
	// away.
	Drive(level int)
	Release()
}

// Clock is the world's: "call me at T". *clock.Clock is one.
type Clock interface {
	Now() clock.Time
	At(t clock.Time, fn func()) *clock.Event
}

// Bus is a bus of a chip, as a part on it sees it: two wires of i2c, a chip select of
// spi, a wire of 1-wire.
type Bus interface {
	// Attach makes a listener take part in what is clocked on the bus.
	Attach(Listener)
}

// Listener is a part on a bus. Where several answer at once, the bus carries what open
// drain makes of it: the bits that are 1 in all answers.
type Listener interface {
	// Begin is the start of a transaction: start and address byte of i2c, select of
	// spi, reset of 1-wire. It reports whether the part is there and meant
	// (acknowledge, presence).
	Begin(address byte, read bool) bool
	// Clocked is one byte on the bus: out is what the chip sent (0xff while it reads),
	// in what the part puts there, ack whether it acknowledges.
	Clocked(out byte) (in byte, ack bool)
	// End is the end of a transaction: stop of i2c, deselect of spi.
	End()
}

// Part is something that hangs on pins and buses.
type Part interface {
	// Show is what a person sees of it.
	Show() Shown
	// Act is what a person does to it: one of the actions that it shows. The error
	// names those that there are.
	Act(action string) error
}

// Shown is what a person sees of a part.
type Shown struct {
	On      bool     // it is lit, closed, pressed
	State   string   // in a word: "lit"
	Actions []string // what can be done to it now, the likeliest first
}

// Config is what a part of a board is made with.
type Config struct {
	Pin   Pin
	Clock Clock
	// ActiveLow: the LED lights, the relay closes, the button is pressed at level 0.
	ActiveLow bool
}

// Level returns the level that stands for on.
func (c Config) Level(on bool) int {
	if on != c.ActiveLow {
		return 1
	}
	return 0
}
