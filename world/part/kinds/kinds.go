// Package kinds is the list of the parts that there are. A new part is a package and
// a line here.
package kinds

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/world/part"
	"github.com/nodemcu-sim/nodemcu-sim/world/part/button"
	"github.com/nodemcu-sim/nodemcu-sim/world/part/led"
	"github.com/nodemcu-sim/nodemcu-sim/world/part/relay"
)

// Kind is one kind of part.
type Kind struct {
	Name string // in board profiles
	New  func(part.Config) part.Part
}

var kinds = []Kind{
	{"led", led.New},
	{"button", button.New},
	{"relay", relay.New},
}

// Named returns the kind of that name. The error names those that there are.
func Named(name string) (Kind, error) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == name })
	if i >= 0 {
		return kinds[i], nil
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	last := len(names) - 1
	return Kind{}, fmt.Errorf("no part is a %q; write %s or %s", name, strings.Join(names[:last], ", "), names[last])
}
