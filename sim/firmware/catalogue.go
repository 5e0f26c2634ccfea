// Package firmware is the catalogue: which C modules the real firmware has, what
// its documentation lists of each, and which of that a build of the simulated
// firmware contains. It knows module packages only by the device.Module they
// export.
package firmware

import (
	"slices"
	"strings"
)

// The catalogue is what the firmware's documentation lists: every C module of
// the ESP8266 firmware (release 3.0) with its functions. What the simulator has
// of it is compared against it, never the other way round.

// Documented is a module as the firmware documents it. Names are relative to the
// module: "create", "sta.config" for a function in a table of the module, and
// "tmr.timer:start" for a method, with the name under which the firmware
// registers the type of the object (where it has one).
type Documented struct {
	Name      string
	Functions []string
	Methods   []string
	// Constants are the numbers in the module's tables.
	Constants []string
}

// Catalogue lists the firmware's modules, sorted by name.
func Catalogue() []Documented { return catalogue }

// Find returns what is documented of a module.
func Find(name string) (Documented, bool) {
	i, ok := slices.BinarySearchFunc(catalogue, name, func(d Documented, name string) int { return strings.Compare(d.Name, name) })
	if !ok {
		return Documented{}, false
	}
	return catalogue[i], true
}

// Known reports whether the firmware has a module of that name, whether or not
// the simulator has it.
func Known(name string) bool {
	_, ok := Find(name)
	return ok
}

// Switch returns the compiler's switch that a build of the firmware must have been
// made with to have this function, "" when every build has it.
func Switch(module, function string) string {
	if s := switched[function]; s != "" {
		return s
	}
	return switched[module+"."+function]
}

// Level says how much of a module there is.
type Level int

// The levels.
const (
	Absent    Level = iota // nothing
	Partial                // some documented names are missing
	Supported              // everything that is documented
)

// String returns the level in lower case.
func (l Level) String() string {
	return [...]string{"absent", "partial", "supported"}[l]
}

// Provided is what the simulator has of one module, in the names of Documented.
type Provided struct {
	Name      string
	Functions []string
	Methods   []string
}

// Status is how one module of the firmware fares in the simulator.
type Status struct {
	Name  string
	Level Level
	// Missing are the documented functions and methods that the simulator lacks,
	// in the catalogue's order; empty for an absent module.
	Missing []string
	// Off are those that it lacks as a default build of the firmware does: see
	// Switch.
	Off []string
	// Extra are functions that the simulator has beyond the documentation:
	// calls that older firmware had.
	Extra []string
}

// Compare holds what the simulator provides against the catalogue. The result
// has one entry for each module of the catalogue, in its order.
func Compare(have []Provided) []Status {
	out := make([]Status, 0, len(catalogue))
	for _, doc := range catalogue {
		s := Status{Name: doc.Name}
		i := slices.IndexFunc(have, func(p Provided) bool { return p.Name == doc.Name })
		if i >= 0 {
			s.Level = Supported
			for _, f := range append(without(doc.Functions, have[i].Functions), without(doc.Methods, have[i].Methods)...) {
				if Switch(doc.Name, f) != "" {
					s.Off = append(s.Off, f)
				} else {
					s.Missing = append(s.Missing, f)
				}
			}
			s.Extra = without(have[i].Functions, doc.Functions)
			if len(s.Missing) > 0 {
				s.Level = Partial
			}
		}
		out = append(out, s)
	}
	return out
}

// without returns the names of all that are not among known.
func without(all, known []string) []string {
	var out []string
	for _, name := range all {
		if !slices.Contains(known, name) {
			out = append(out, name)
		}
	}
	return out
}

// module makes an entry of the catalogue. objects are written "type: method
// method".
func module(name, functions string, objects ...string) Documented {
	d := Documented{Name: name, Functions: strings.Fields(functions), Constants: strings.Fields(constants[name])}
	for _, o := range objects {
		typ, methods, _ := strings.Cut(o, ":")
		for _, m := range strings.Fields(methods) {
			d.Methods = append(d.Methods, typ+":"+m)
		}
	}
	return d
}
