package world

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// What a person does to the network from outside: the access points, the quality of
// all links, the link of one socket. They are inputs to Surroundings.

// Surroundings is the name of what is around the devices, for inputs.
const Surroundings = "/surroundings"

// SetAir switches the access points off or on.
type SetAir struct{ Down bool }

// SetLink gives all links a quality on top of what they have, or takes it away
// again. Seed makes its random decisions.
type SetLink struct {
	On      bool
	Quality wire.Quality
	Seed    uint64
}

// SetCut cuts the link of a flow, so that no packet of it passes, or mends it.
type SetCut struct {
	On   bool
	Flow wire.Flow
}

// The names of the kinds, in files.

func (SetAir) Kind() string  { return "air" }
func (SetLink) Kind() string { return "link" }
func (SetCut) Kind() string  { return "cut" }

// Kinds has a value of each kind, for those who read them from files.
var Kinds = []Stimulus{SetAir{}, SetLink{}, SetCut{}}

// surroundings takes those inputs. It keeps the rules that they have added to the
// wire.
type surroundings struct {
	w    *World
	link func() // takes the link's rule away; nil: there is none
	cuts map[wire.Flow]func()
}

// Take implements Receiver.
func (s *surroundings) Take(in Stimulus) (string, error) {
	switch in := in.(type) {
	case SetAir:
		s.w.Air.SetDown(in.Down)
	case SetLink:
		if err := in.Quality.Check(); err != nil {
			return "", err
		}
		if s.link != nil {
			s.link()
			s.link = nil
		}
		if in.On {
			l := wire.NewLink(in.Seed)
			l.Quality = in.Quality
			s.link = s.w.Wire.AddRule(l)
		}
	case SetCut:
		remove, cut := s.cuts[in.Flow]
		switch {
		case in.On && !cut:
			s.cuts[in.Flow] = s.w.Wire.AddRule(in.Flow)
		case !in.On && cut:
			remove()
			delete(s.cuts, in.Flow)
		}
	default:
		panic(fmt.Sprintf("world: input of kind %q to the surroundings", in.Kind()))
	}
	return "", nil
}
