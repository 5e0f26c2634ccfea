// Package pin is the chip's pins, by the firmware's numbers, and its analogue input.
// A pin has one level at any moment. The program decides it where the pin is an
// output, whoever is outside where it is not; where neither drives it, a pull
// resistor does. Interrupts come from here, and here hang the parts of package part.
//
// Bus is what several parts hang on together. The package knows no Lua, and of parts
// only what they are asked and told.
package pin

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Mode is what the program has made of a pin (fw: app/platform/platform.h).
type Mode int

// Modes of a pin.
const (
	Input     Mode = 0
	Output    Mode = 1
	Interrupt Mode = 2 // an input that may have a trigger
	OpenDrain Mode = 3
)

func (m Mode) String() string {
	return [...]string{"input", "output", "interrupt", "open drain"}[m]
}

// Trigger is what raises a pin's interrupt (SDK: GPIO_INT_TYPE).
type Trigger int

// Triggers of a pin.
const (
	TriggerNone Trigger = iota
	TriggerUp
	TriggerDown
	TriggerBoth
	TriggerLow
	TriggerHigh
)

func (t Trigger) String() string {
	return [...]string{"none", "up", "down", "both", "low", "high"}[t]
}

// IsLevel reports whether the trigger holds as long as a level does, instead of
// at an edge.
func (t Trigger) IsLevel() bool { return t >= TriggerLow }

// undriven is the input of a pin that nobody outside drives.
const undriven = -1

type pin struct {
	mode   Mode
	pullup bool
	latch  int // what the program wrote
	input  int // what is applied outside, or undriven
	level  int // what the pin shows

	trigger   Trigger
	armed     bool
	interrupt func(level int, at clock.Duration)
}

// Pins are the pins of a device, with its analogue input.
type Pins struct {
	ADC ADC

	ets  *ets.Scheduler
	emit func(event.Pin)
	out  []board.Pin // those that the board brings out
	pins [board.NumPins]pin

	watchers [board.NumPins][]func(level int, at clock.Time) // parts
}

// New returns the pins of a board at power-on. emit is told each change of a level.
func New(b *board.Board, s *ets.Scheduler, emit func(event.Pin)) *Pins {
	x := &Pins{ADC: ADC{board: b.ADC}, ets: s, emit: emit, out: b.Pins}
	for i := range x.pins {
		p := &x.pins[i]
		p.input = undriven
		p.level = p.settled(i)
	}
	return x
}

// idleHigh are the chip's pins that every module pulls up: those that choose the
// boot mode, and the serial port's (ESP8266 datasheet, strapping pins).
var idleHigh = [...]bool{0: true, 1: true, 2: true, 3: true, 16: false}

// output reports whether the program drives the pin, and driven whether anybody does.
func (p *pin) output() bool { return p.mode == Output || p.mode == OpenDrain && p.latch == 0 }
func (p *pin) driven() bool { return p.output() || p.input != undriven }

// settled returns the level that follows from who drives the pin.
func (p *pin) settled(index int) int {
	if p.output() {
		return p.latch
	}
	if p.input != undriven {
		return p.input
	}
	if gpio, _ := board.GPIOOf(index); p.pullup || gpio < len(idleHigh) && idleHigh[gpio] {
		return 1
	}
	return 0
}

// Reset puts all pins into the state at power-on, keeping what is applied to
// them from outside.
func (x *Pins) Reset() {
	for i := range x.pins {
		p := &x.pins[i]
		*p = pin{input: p.input, level: p.level}
		x.settle(i, "program")
	}
}

// settle recomputes the level of a pin and tells those whom a change concerns.
func (x *Pins) settle(index int, by string) {
	p := &x.pins[index]
	was := p.level
	p.level = p.settled(index)
	if p.level == was {
		return
	}
	x.emit(event.Pin{Pin: index, Level: p.level, By: by})
	for _, fn := range x.watchers[index] {
		fn(p.level, x.ets.InterruptNow())
	}
	switch {
	case p.trigger == TriggerUp && p.level == 1,
		p.trigger == TriggerDown && p.level == 0,
		p.trigger == TriggerBoth:
		p.interrupt(p.level, x.ets.InterruptUptime())
	default:
		x.holdLevel(p)
	}
}

// holdLevel raises the interrupt of a level trigger. It is disarmed by that until
// its handler has run.
func (x *Pins) holdLevel(p *pin) {
	if p.armed && (p.trigger == TriggerLow && p.level == 0 || p.trigger == TriggerHigh && p.level == 1) {
		p.armed = false
		p.interrupt(p.level, x.ets.InterruptUptime())
	}
}

// SetMode makes a pin an input or output. Its trigger is gone.
func (x *Pins) SetMode(index int, mode Mode, pullup bool) {
	p := &x.pins[index]
	p.mode, p.pullup = mode, pullup
	p.trigger, p.armed, p.interrupt = TriggerNone, false, nil
	x.settle(index, "program")
}

// Write writes the output latch of a pin: 0 or 1. It shows when the pin is an
// output, or becomes one.
func (x *Pins) Write(index, level int) {
	x.pins[index].latch = level
	x.settle(index, "program")
}

// Level returns the level of a pin.
func (x *Pins) Level(index int) int { return x.pins[index].level }

// SetTrigger makes a pin call fn with the level and the time since the reset when
// t occurs: at once, as an interrupt, whatever else the CPU is doing. A level
// trigger fires once; SetTrigger arms it again.
func (x *Pins) SetTrigger(index int, t Trigger, fn func(level int, at clock.Duration)) {
	p := &x.pins[index]
	p.trigger, p.armed, p.interrupt = t, t.IsLevel(), fn
	x.holdLevel(p)
}

// Apply applies a level, 0 or 1, to a pin from outside. An output of the
// program wins over it. The error says that there is no such pin.
func (x *Pins) Apply(index, level int) error {
	if level != 0 && level != 1 {
		return fmt.Errorf("level %d: a pin is 0 or 1", level)
	}
	return x.drive(index, level)
}

// Release takes away what Apply applied.
func (x *Pins) Release(index int) error { return x.drive(index, undriven) }

func (x *Pins) drive(index, level int) error {
	if index < 0 || index >= board.NumPins {
		return fmt.Errorf("no pin %d: there are 0 to %d", index, board.NumPins-1)
	}
	x.pins[index].input = level
	x.settle(index, "outside")
	return nil
}

// Snapshot is one GPIO pin that the board brings out.
type Snapshot struct {
	Index  int // the firmware's number
	GPIO   int // the chip's
	Name   string
	Mode   string
	Pullup bool
	Level  int
	Driven bool // someone outside drives it: Apply
	Trig   string
}

// Snapshot returns the pins that the board brings out.
func (x *Pins) Snapshot() []Snapshot {
	out := make([]Snapshot, 0, len(x.out))
	for _, b := range x.out {
		p := &x.pins[b.Index]
		out = append(out, Snapshot{
			Index:  b.Index,
			GPIO:   b.GPIO,
			Name:   b.Silk,
			Mode:   p.mode.String(),
			Pullup: p.pullup,
			Level:  p.level,
			Driven: p.input != undriven,
			Trig:   p.trigger.String(),
		})
	}
	return out
}
