package sockets

import (
	"net/netip"
	"strconv"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Object is what the Lua objects that own connections have in common.
type Object struct {
	ID   int
	Born clock.Time
	Site string // where the program made it
	// Adopted says that the firmware made it of itself: an accepted socket.
	Adopted bool
	// Dead says that it is finalized: the stack may still have callbacks of it.
	Dead bool
	// Lasting says that a program may well keep it to connect it again: see
	// inspect.Ended.Kept.
	Lasting bool

	table *Table
	self  vm.Ref // the anchor: keeps the object alive without Lua's help

	endedAt clock.Time // when it lost its anchor, 0 while it has one
}

// NewObject begins an object.
func (t *Table) NewObject() Object {
	t.nextID++
	return Object{table: t, ID: t.nextID, Born: t.host.Now(), Site: t.v.Where()}
}

// Base is the object itself, for those who have something that embeds it.
func (o *Object) Base() *Object { return o }

// Anchor makes the object, whose userdata is value, live on its own. It reports
// whether it did not before.
func (o *Object) Anchor(value vm.Value, kind string) bool {
	if o.self != 0 {
		return false
	}
	o.self = o.table.v.Ref(value, kind+" "+strconv.Itoa(o.ID))
	o.endedAt = 0
	return true
}

// Anchored reports whether the object lives on its own.
func (o *Object) Anchored() bool { return o.self != 0 }

// Value is an anchored object as callbacks get it.
func (o *Object) Value() vm.Value { return o.table.v.Deref(o.self) }

// Release takes the anchor away.
func (o *Object) Release() {
	if o.self != 0 {
		o.endedAt = o.table.host.Now()
	}
	o.table.v.Unref(&o.self)
}

// State tells the event stream about the object's connection.
func (o *Object) State(state string, local, remote netip.AddrPort) {
	e := event.Socket{ID: o.ID, State: state}
	if local.IsValid() && local.Port() != 0 {
		e.Local = local
	}
	if remote.IsValid() && remote.Port() != 0 {
		e.Remote = remote
	}
	o.table.host.Emit(e)
}

// SetCallback makes fn a callback of the object, whose kind it says ("socket"), or
// takes it away when fn is nil.
func (o *Object) SetCallback(ref *vm.Ref, name, kind string, fn *vm.Function) {
	if fn == nil {
		o.table.v.Unref(ref)
		return
	}
	o.table.v.SetRef(ref, fn, name+" callback of "+kind+" "+strconv.Itoa(o.ID))
}
