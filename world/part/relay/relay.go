// Package relay is a relay with its driver transistor, as on the Sonoff Basic: its
// contact is closed at one level of the pin and open at the other. Written from that
// board's schematic.
package relay

import "github.com/nodemcu-sim/nodemcu-sim/world/part"

// New returns a relay.
func New(c part.Config) part.Part {
	return part.Indicator{Config: c, Words: [2]string{"open", "closed"}}
}
