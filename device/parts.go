package device

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/world/part"
	"github.com/nodemcu-sim/nodemcu-sim/world/part/kinds"
)

// parts are those that are soldered to the board.
type parts []boardPart

type boardPart struct {
	board.Part
	part part.Part
}

// solder makes the parts of a board. A profile that was checked has none of another
// kind, and none on a pin that the chip lacks.
func solder(list []board.Part, pins *pin.Pins, c part.Clock) parts {
	var out parts
	for _, p := range list {
		kind, err := kinds.Named(string(p.Kind))
		if err != nil {
			panic("device: " + err.Error())
		}
		at, ok := pins.OfGPIO(p.GPIO)
		if !ok {
			panic(fmt.Sprintf("device: part %q at GPIO%d", p.Name, p.GPIO))
		}
		out = append(out, boardPart{p, kind.New(part.Config{Pin: at, Clock: c, ActiveLow: p.ActiveLow})})
	}
	return out
}

// PartSnapshot is one part at one moment.
type PartSnapshot struct {
	Kind, Name string
	GPIO       int
	part.Shown
}

func (ps parts) snapshot() []PartSnapshot {
	var out []PartSnapshot
	for _, p := range ps {
		out = append(out, PartSnapshot{string(p.Kind), p.Name, p.GPIO, p.part.Show()})
	}
	return out
}

// act does something to a part. The error names the parts.
func (ps parts) act(in input.Part) error {
	var names []string
	for _, p := range ps {
		if p.Name == in.Name {
			return p.part.Act(in.Action)
		}
		names = append(names, p.Name)
	}
	return fmt.Errorf("the board has no part %q, but %s", in.Name, orNone(names))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none at all"
	}
	return strings.Join(names, ", ")
}
