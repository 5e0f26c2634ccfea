package vm

import (
	"slices"
	"strings"
)

// Name is a field that a script could write after what it has typed.
type Name struct {
	Name string
	Type string // Lua type of the value: "function", "table" …
}

// maxNames bounds how many names one table gives.
const maxNames = 4096

// Names lists what can follow path: the globals for an empty one, the fields of
// a table, or the methods of an object. It only looks: no Lua code runs, so a
// field that only a metamethod written in Lua knows is not there. An empty list
// means that path leads nowhere. Call it when Lua is idle.
func (v *VM) Names(path ...string) []Name {
	at := []*Table{v.Globals(), v.romGlobals}
	for _, field := range path {
		x := v.lookUp(at, field)
		if x == Nil {
			return nil
		}
		at = v.fieldTables(x)
	}
	seen := map[string]bool{}
	var out []Name
	for _, t := range at {
		for key, x, ok := v.RawNext(t, Nil); ok && key != Nil && len(out) < maxNames; key, x, ok = v.RawNext(t, key) {
			if s, ok := key.(String); ok && !seen[string(s)] {
				seen[string(s)] = true
				out = append(out, Name{string(s), x.Type().String()})
			}
		}
	}
	slices.SortFunc(out, func(a, b Name) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (v *VM) lookUp(tables []*Table, field string) Value {
	for _, t := range tables {
		if x := v.RawGetString(t, field); x != Nil {
			return x
		}
	}
	return Nil
}

// fieldTables lists the tables in which a field of x is looked up: itself, and
// along __index as far as that is a table.
func (v *VM) fieldTables(x Value) []*Table {
	const longest = 8 // a chain of __index may lead back to itself
	var out []*Table
	for len(out) < longest {
		if t, ok := x.(*Table); ok {
			if slices.Contains(out, t) {
				break
			}
			out = append(out, t)
		}
		mt, ok := v.RawMetatable(x).(*Table)
		if !ok {
			break
		}
		next, ok := v.RawGetString(mt, "__index").(*Table)
		if !ok || slices.Contains(out, next) {
			break
		}
		x = next
	}
	return out
}
