package vm

import (
	"maps"
	"slices"
	"strconv"
)

// Ref is a registry reference: the only way in which Go code of the simulator
// holds a Lua value from one event to the next. As on the device, what is
// referenced is alive, so a callback that was never released is a leak and shows
// as one. The zero Ref refers to nothing.
type Ref int

// refInfo says what a reference is for. Its value stands in the registry.
type refInfo struct {
	used bool
	what string // "sent callback of socket 3"
	site string // file:line of the Lua code that made it
}

// freeRefs is the key of the registry under which the number of a reference stands
// that is free again, 0 if there is none; under that number the next (fw: lauxlib.c,
// luaL_ref).
const freeRefs = 0

// Ref makes a reference to value. what says what it is for ("tmr callback"); it
// shows in heap snapshots. A nil value gives the zero Ref.
func (v *VM) Ref(x Value, what string) Ref {
	if x == nil || x == Nil {
		return 0
	}
	m := v.mem
	y := v.take(x)
	m.pins = append(m.pins, y)
	n := v.freeRef()
	if n != 0 {
		v.registry.set(m, number(freeRefs), v.registry.getInt(n))
	}
	for n == 0 || v.refs[n].used {
		n = v.length(v.registry) + 1
		for v.refs[n].used {
			n++
		}
		v.registry.place(m, number(float64(n))) // a finalizer may take it meanwhile
	}
	v.registry.set(m, number(float64(n)), y)
	m.pins = m.pins[:len(m.pins)-1]
	v.refs[n] = refInfo{true, what, v.Where()}
	return Ref(n)
}

// freeRef is the number of a reference that is free again, 0 if there is none, or
// what the script has made of the registry names none.
func (v *VM) freeRef() int {
	n := arrayIndex(v.registry.getInt(freeRefs))
	if e, made := v.refs[n]; !made || e.used {
		return 0
	}
	return n
}

// Deref returns the value referred to, Nil for the zero Ref. It outlives the reference
// until the function that runs returns to Lua: whatever is made meanwhile may run a
// finalizer that releases that.
func (v *VM) Deref(r Ref) Value {
	if r == 0 {
		return Nil
	}
	if !v.refs[int(r)].used {
		panic("vm: use of released reference " + strconv.Itoa(int(r)))
	}
	x := v.registry.getInt(int(r))
	if x.isObject() && !x.isString() {
		v.hold(x)
	}
	return x.boundary()
}

// hold is pin for what may be asked for again and again.
func (v *VM) hold(x value) {
	pins := v.mem.pins
	for _, y := range pins[max(len(pins)-8, 0):] {
		if y.ref == x.ref && y.isObject() { // what a number has there means nothing
			return
		}
	}
	v.pin(x)
}

// DerefTable is Deref for a reference to a table. Where the script has put something
// else in its place it is an empty one.
func (v *VM) DerefTable(r Ref) *Table {
	if t, ok := v.Deref(r).(*Table); ok && t.rom == nil {
		return t
	}
	return v.NewTable(0, 0)
}

// Unref releases *r and sets it to the zero Ref. Releasing the zero Ref does
// nothing.
func (v *VM) Unref(r *Ref) {
	if *r == 0 {
		return
	}
	n := int(*r)
	if !v.refs[n].used {
		panic("vm: reference released twice: " + strconv.Itoa(n))
	}
	v.pin(v.registry.getInt(n)) // whoever releases it may be about to call it
	v.registry.set(v.mem, number(float64(n)), v.registry.getInt(freeRefs))
	v.registry.set(v.mem, number(freeRefs), number(float64(n)))
	v.refs[n] = refInfo{}
	*r = 0
}

// SetRef replaces what *r refers to by value, or releases it when value is nil.
func (v *VM) SetRef(r *Ref, value Value, what string) {
	if *r != 0 && value != nil && value != Nil {
		v.RawSetInt(v.registry, int(*r), value)
		v.refs[int(*r)] = refInfo{true, what, v.Where()}
		return
	}
	v.Unref(r)
	*r = v.Ref(value, what)
}

// RefInfo is one live registry reference, as snapshots show it.
type RefInfo struct {
	Ref        Ref
	What, Site string
	Type       string // Lua type of the value
}

// Name is how snapshots show a reference:
//
//	registry 17 "sent callback of socket 3, set at app.lua:42"
func (r RefInfo) Name() string {
	name := "registry " + strconv.Itoa(int(r.Ref)) + ` "` + r.What
	if r.Site != "" {
		name += ", set at " + r.Site
	}
	return name + `"`
}

// Refs lists the live references in order of their numbers.
func (v *VM) Refs() []RefInfo {
	var out []RefInfo
	for _, i := range slices.Sorted(maps.Keys(v.refs)) {
		if e := v.refs[i]; e.used {
			out = append(out, RefInfo{Ref(i), e.what, e.site, v.registry.getInt(i).typeName()})
		}
	}
	return out
}
