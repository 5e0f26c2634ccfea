package device

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The chip's pins, by the firmware's numbers. A pin has one level at any moment.
// The program decides it where the pin is an output, whoever is outside where it
// is not; where neither drives it, a pull resistor does.

// PinMode is what the program has made of a pin (fw: app/platform/platform.h).
type PinMode int

// Modes of a pin.
const (
	PinInput     PinMode = 0
	PinOutput    PinMode = 1
	PinInterrupt PinMode = 2 // an input that may have a trigger
	PinOpenDrain PinMode = 3
)

func (m PinMode) String() string {
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
	mode   PinMode
	pullup bool
	latch  int // what the program wrote
	input  int // what is applied outside, or undriven
	level  int // what the pin shows

	trigger   Trigger
	armed     bool
	interrupt func(level int, at clock.Duration)
}

type pins [NumPins]pin

// idleHigh are the chip's pins that every module pulls up: those that choose the
// boot mode, and the serial port's (ESP8266 datasheet, strapping pins).
var idleHigh = [...]bool{0: true, 1: true, 2: true, 3: true, 16: false}

// settled returns the level that follows from who drives the pin.
func (p *pin) settled(index int) int {
	if p.mode == PinOutput || p.mode == PinOpenDrain && p.latch == 0 {
		return p.latch
	}
	if p.input != undriven {
		return p.input
	}
	if gpio := gpioOf[index]; p.pullup || gpio < len(idleHigh) && idleHigh[gpio] {
		return 1
	}
	return 0
}

// initPins puts all pins into the state at power-on, keeping what is applied to
// them from outside.
func (d *Device) initPins(first bool) {
	for i := range d.pins {
		p := &d.pins[i]
		input := p.input
		if first {
			input = undriven
		}
		level := p.level
		*p = pin{input: input, level: level}
		if first {
			p.level = p.settled(i)
			continue
		}
		d.settle(i, "program")
	}
}

// settle recomputes the level of a pin and tells those whom a change concerns.
func (d *Device) settle(index int, by string) {
	p := &d.pins[index]
	was := p.level
	p.level = p.settled(index)
	if p.level == was {
		return
	}
	d.Emit(Pin, PinData{index, p.level, by})
	switch {
	case p.trigger == TriggerUp && p.level == 1,
		p.trigger == TriggerDown && p.level == 0,
		p.trigger == TriggerBoth:
		p.interrupt(p.level, d.interruptTime())
	default:
		d.holdLevel(p)
	}
}

// holdLevel raises the interrupt of a level trigger. It is disarmed by that until
// its handler has run.
func (d *Device) holdLevel(p *pin) {
	if p.armed && (p.trigger == TriggerLow && p.level == 0 || p.trigger == TriggerHigh && p.level == 1) {
		p.armed = false
		p.interrupt(p.level, d.interruptTime())
	}
}

// SetPinMode makes a pin an input or output. Its trigger is gone.
func (d *Device) SetPinMode(index int, mode PinMode, pullup bool) {
	p := &d.pins[index]
	p.mode, p.pullup = mode, pullup
	p.trigger, p.armed, p.interrupt = TriggerNone, false, nil
	d.settle(index, "program")
}

// SetPin writes the output latch of a pin: 0 or 1. It shows when the pin is an
// output, or becomes one.
func (d *Device) SetPin(index, level int) {
	d.pins[index].latch = level
	d.settle(index, "program")
}

// Pin returns the level of a pin.
func (d *Device) Pin(index int) int { return d.pins[index].level }

// InterruptNow returns the time as an interrupt reads it, also while the CPU is
// busy with something else: that has been worked out ahead, and Now is its end.
func (d *Device) InterruptNow() clock.Time {
	if d.running {
		return d.Now()
	}
	return d.world.Clock.Now()
}

// interruptTime is InterruptNow since the reset.
func (d *Device) interruptTime() clock.Duration { return d.InterruptNow().Sub(d.resetAt) }

// SetTrigger makes a pin call fn with the level and the time since the reset when
// t occurs: at once, as an interrupt, whatever else the CPU is doing. A level
// trigger fires once; SetTrigger arms it again.
func (d *Device) SetTrigger(index int, t Trigger, fn func(level int, at clock.Duration)) {
	p := &d.pins[index]
	p.trigger, p.armed, p.interrupt = t, t.IsLevel(), fn
	d.holdLevel(p)
}

// SetInput applies a level, 0 or 1, to a pin from outside. An output of the
// program wins over it. The error says that there is no such pin.
func (d *Device) SetInput(index, level int) error {
	if level != 0 && level != 1 {
		return fmt.Errorf("level %d: a pin is 0 or 1", level)
	}
	return d.apply(index, level)
}

// ReleaseInput takes away what SetInput applied.
func (d *Device) ReleaseInput(index int) error { return d.apply(index, undriven) }

func (d *Device) apply(index, level int) error {
	if index < 0 || index >= NumPins {
		return fmt.Errorf("no pin %d: there are 0 to %d", index, NumPins-1)
	}
	d.pins[index].input = level
	d.settle(index, "outside")
	return nil
}

// pinSnapshot returns the pins that the board brings out.
func (d *Device) pinSnapshot() []PinSnapshot {
	out := make([]PinSnapshot, 0, len(d.Board.Pins))
	for _, b := range d.Board.Pins {
		p := &d.pins[b.Index]
		out = append(out, PinSnapshot{
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
