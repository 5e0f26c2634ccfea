// Package button is a push button between a pin and a supply: while it is pressed it
// applies a level to the pin, and when it is let go a pull resistor decides. Written
// from the schematics of the boards (NodeMCU DevKit v1.0: FLASH from GPIO0 to
// ground). It does not bounce.
package button

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/world/part"
)

// What a person does to a button.
const (
	Press   = "press"
	Release = "release"
)

type button struct {
	part.Config
	pressed bool
}

// New returns a button.
func New(c part.Config) part.Part { return &button{Config: c} }

// Show implements part.Part.
func (b *button) Show() part.Shown {
	if b.pressed {
		return part.Shown{On: true, State: "pressed", Actions: []string{Release}}
	}
	return part.Shown{State: "released", Actions: []string{Press}}
}

// Act implements part.Part.
func (b *button) Act(action string) error {
	switch action {
	case Press:
		b.pressed = true
		b.Pin.Drive(b.Level(true))
	case Release:
		b.pressed = false
		b.Pin.Release()
	default:
		return fmt.Errorf("a button has no action %q: press or release it", action)
	}
	return nil
}
