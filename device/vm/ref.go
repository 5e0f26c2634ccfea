package vm

import "strconv"

// Ref is a registry reference: the only way in which Go code of the simulator
// holds a Lua value from one event to the next. As on the device, what is
// referenced is alive, so a callback that was never released is a leak and shows
// as one. The zero Ref refers to nothing.
type Ref int

type refEntry struct {
	value Value
	what  string // "sent callback of socket 3"
	site  string // file:line of the Lua code that made it
}

// Ref makes a reference to value. what says what it is for ("tmr callback"); it
// shows in heap snapshots. A nil value gives the zero Ref.
func (v *VM) Ref(value Value, what string) Ref {
	if value == nil || value == Nil {
		return 0
	}
	v.mem.stores(value)
	e := refEntry{value, what, v.Where()}
	if n := len(v.freeRefs); n > 0 {
		r := v.freeRefs[n-1]
		v.freeRefs = v.freeRefs[:n-1]
		v.refs[r] = e
		return r
	}
	if len(v.refs) == 0 {
		v.refs = append(v.refs, refEntry{}) // Ref 0 is none
	}
	v.pin(value)
	v.chargeRef(len(v.refs))
	v.unpin(1)
	v.refs = append(v.refs, e)
	return Ref(len(v.refs) - 1)
}

// Deref returns the value referred to, Nil for the zero Ref.
func (v *VM) Deref(r Ref) Value {
	if r == 0 {
		return Nil
	}
	e := v.refs[r]
	if e.value == nil {
		panic("vm: use of released reference " + strconv.Itoa(int(r)))
	}
	return e.value
}

// Unref releases *r and sets it to the zero Ref. Releasing the zero Ref does
// nothing.
func (v *VM) Unref(r *Ref) {
	if *r == 0 {
		return
	}
	if v.refs[*r].value == nil {
		panic("vm: reference released twice: " + strconv.Itoa(int(*r)))
	}
	v.refs[*r] = refEntry{}
	v.freeRefs = append(v.freeRefs, *r)
	*r = 0
}

// SetRef replaces what *r refers to by value, or releases it when value is nil.
func (v *VM) SetRef(r *Ref, value Value, what string) {
	if *r != 0 && value != nil && value != Nil {
		v.mem.stores(value)
		v.refs[*r] = refEntry{value, what, v.Where()}
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
	for i, e := range v.refs {
		if e.value != nil {
			out = append(out, RefInfo{Ref(i), e.what, e.site, e.value.Type().String()})
		}
	}
	return out
}
