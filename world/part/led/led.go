// Package led is a light-emitting diode between a pin and a supply: it is lit at one
// level of the pin and off at the other. Written from the schematics of the boards
// (NodeMCU DevKit v1.0, D1 mini: anode at 3.3 V, so lit at level 0).
package led

import "github.com/nodemcu-sim/nodemcu-sim/world/part"

// New returns an LED.
func New(c part.Config) part.Part {
	return part.Indicator{Config: c, Words: [2]string{"off", "lit"}}
}
