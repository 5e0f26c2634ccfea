package vm

import (
	"strings"
	"unsafe"
)

// event is what a metamethod is for.
type event uint8

// The events in the firmware's order: of the first five, tables remember that they
// do not have them.
const (
	eventIndex event = iota
	eventNewIndex
	eventGC
	eventMode
	eventEq
	eventAdd
	eventSub
	eventMul
	eventDiv
	eventMod
	eventPow
	eventUnm
	eventLen
	eventLt
	eventLe
	eventConcat
	eventCall
	events
)

var eventNames = [events]string{"__index", "__newindex", "__gc", "__mode", "__eq", "__add", "__sub", "__mul", "__div",
	"__mod", "__pow", "__unm", "__len", "__lt", "__le", "__concat", "__call"}

// fastField is what the metatable mt has for an event, nil if nothing.
func (v *VM) fastField(mt *Table, e event) value {
	if mt == nil {
		return value{}
	}
	if e <= eventEq {
		if mt.absent&(1<<e) != 0 {
			return value{}
		}
		if e == eventIndex && mt.absent&knownIndex != 0 {
			return value{unsafe.Pointer(mt.index), kindROMTable}
		}
	}
	var x value
	if mt.rom == nil {
		x = mt.getStr(v.eventStrs[e])
	} else if s := v.eventStrs[e]; mt.romFind(s) {
		x = mt.romEntry(s).val
	}
	switch {
	case x.isNil() && e <= eventEq:
		mt.absent |= 1 << e
	case x.bits == kindROMTable && e == eventIndex:
		mt.absent |= knownIndex
		mt.index = x.table()
	}
	return x
}

// knownIndex is the bit of Table.absent that says that Table.index holds. As all of
// them it is cleared by whatever is stored in the table.
const knownIndex = 1 << 7

// metatable returns the metatable of a value, nil if it has none.
func (v *VM) metatable(x value) *Table {
	switch x.bits {
	case kindTable, kindROMTable:
		return x.table().meta
	case kindUserData:
		return x.userdata().meta
	case kindString:
		return v.stringMeta
	}
	return nil
}

// metamethod is what a value's metatable has for an event.
func (v *VM) metamethod(x value, e event) value { return v.fastField(v.metatable(x), e) }

// RawMetatable returns the metatable of x or Nil, __metatable or not
// (lua_getmetatable).
func (v *VM) RawMetatable(x Value) Value {
	var mt *Table
	switch x := x.(type) {
	case *Table:
		mt = x.meta
	case *UserData:
		mt = x.meta
	case String:
		mt = v.stringMeta
	}
	if mt == nil {
		return Nil
	}
	return mt
}

// Metafield returns a field of x's metatable, Nil without one
// (luaL_getmetafield).
func (v *VM) Metafield(x Value, event string) Value {
	if mt, ok := v.RawMetatable(x).(*Table); ok {
		return v.RawGetString(mt, event)
	}
	return Nil
}

// SetMetatable sets the metatable of a table or a userdata; mt may be Nil. A program's
// attempt to give a table in flash one has no effect.
func (v *VM) SetMetatable(x, mt Value) {
	to, _ := mt.(*Table)
	var h *header
	var at **Table
	switch x := x.(type) {
	case *Table:
		if x.rom != nil && v.running != nil {
			return
		}
		h, at = &x.header, &x.meta
	case *UserData:
		h, at = &x.header, &x.meta
	default:
		return
	}
	old := *at
	*at = to
	if h.mark&inGraph != 0 {
		v.mem.quick.stored(h, tableOrNil(old), tableOrNil(to))
		if h.kind == kindTable {
			v.mem.quick.gotMetatable(h.table())
		}
	}
	if h.mark&black != 0 && to != nil && to.rom == nil && to.mark&whites != 0 {
		if h.kind == kindTable {
			v.mem.barrierBack(h)
		} else {
			v.mem.barrierForward(h, &to.header)
		}
	}
}

func tableOrNil(t *Table) value {
	if t == nil {
		return value{}
	}
	return tableValue(t)
}

// SetStringMetatable makes lib the metatable of strings: a method of a string is
// found in it.
func (v *VM) SetStringMetatable(lib *Table) { v.stringMeta = lib }

// Barriers keep the invariant of the incremental collector: nothing visited refers
// to what is not found yet.

// stored is the barrier after t, which is black or in the graph, got the value x in
// place of old, and storedKey when it was a key.
func (m *memory) stored(t *Table, old, x value) { m.storedIn(t, old, x, weakValues) }

func (m *memory) storedKey(t *Table, old, x value) { m.storedIn(t, old, x, weakKeys) }

func (m *memory) storedIn(t *Table, old, x value, weak uint8) {
	if t.mark&inGraph != 0 && (old.isObject() || x.isObject()) {
		if t.weak == 0 {
			m.quick.stored(&t.header, old, x)
		} else {
			if isWeak(x) {
				m.quick.weakened(t)
			}
			m.quick.stored(&t.header, t.held(old, weak), t.held(x, weak))
		}
	}
	if t.mark&black != 0 && x.isObject() && x.header().mark&whites != 0 {
		m.barrierBack(&t.header)
	}
}

// barrierBack makes a table gray again.
func (m *memory) barrierBack(h *header) {
	h.mark &^= black
	m.gc.grayAgain = append(m.gc.grayAgain, h)
}

// barrierForward finds x, which something black came to refer to.
func (m *memory) barrierForward(h, x *header) {
	if m.gc.phase == gcPropagate {
		m.reallyMark(x)
	} else {
		m.makeWhite(h)
	}
}

// barrier is what follows a store of x in place of old into h, no table.
func (m *memory) barrier(h *header, old, x value) {
	if h.mark&inGraph != 0 {
		m.quick.stored(h, old, x)
	}
	if h.mark&black != 0 && x.isObject() && x.header().mark&whites != 0 {
		m.barrierForward(h, x.header())
	}
}

// CString is what C sees of a Lua string: it ends at the first zero byte.
func CString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}
