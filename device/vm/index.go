package vm

// maxTagLoop bounds chains of __index and __newindex (fw: MAXTAGLOOP).
const maxTagLoop = 100

// index is t[key] with metamethods; the result goes to slot res (luaV_gettable).
func (v *VM) index(L *Thread, res int, t, key value) {
	for loop := range maxTagLoop {
		var h value
		switch t.bits {
		case kindTable:
			t := t.table()
			if p := t.find(key); p != nil && !p.isNil() {
				L.stack[res] = *p
				return
			}
			if t.meta == nil {
				L.stack[res] = value{}
				return
			}
			if h = v.fastField(t.meta, eventIndex); h.isNil() {
				L.stack[res] = value{}
				return
			}
		case kindROMTable:
			t := t.table()
			x := v.romGet(t, key)
			if !x.isNil() || t.meta == nil {
				L.stack[res] = x
				return
			}
			if h = v.fastField(t.meta, eventIndex); h.isNil() {
				L.stack[res] = value{}
				return
			}
		default:
			if h = v.metamethod(t, eventIndex); h.isNil() {
				v.indexError(t, loop == 0)
			}
		}
		if h.isFunction() {
			v.callInto(L, res, h, t, key)
			return
		}
		t = h
	}
	v.runError("loop in gettable")
}

// romGet looks a name up in a table in flash, and accounts for that: the firmware
// compares it with one entry after the other (fw: app/lua/lrotable.c), so what
// stands further behind takes longer. What a program looks for in vain is most
// often a variable of its own and costs nothing. Names that are too long are not found,
// though next shows them.
func (v *VM) romGet(t *Table, key value) value {
	if !key.isString() {
		return value{}
	}
	s := key.str()
	if s.romTable != t && (len(s.s) > longestROMName || !t.romFind(s)) {
		return value{}
	}
	v.cpu += int64(s.romEntry+1) * v.romNanos
	return t.rom.entries[s.romEntry].value(v)
}

// setIndex is t[key] = x with metamethods (luaV_settable). A table whose
// __newindex takes the value has by then an empty node for the key.
func (v *VM) setIndex(L *Thread, t, key, x value) {
	m := v.mem
	m.pins = append(m.pins, t, key, x)
	pins := len(m.pins)
	L.fixed = true
	for loop := range maxTagLoop {
		var h value
		switch t.bits {
		case kindTable:
			v.checkKey(key)
			t := t.table()
			p := t.place(m, key)
			if p.isNil() && t.meta != nil {
				if h = v.fastField(t.meta, eventNewIndex); !h.isNil() && t.mark&inGraph != 0 && m.quick.valid {
					m.quick.empty(t)
				}
			}
			if h.isNil() {
				t.store(m, p, x)
				m.quick.storedUnder(t, key)
				L.fixed = false
				m.pins = m.pins[:pins-3]
				return
			}
		case kindROMTable:
			v.checkWritable(t.table())
		default:
			if h = v.metamethod(t, eventNewIndex); h.isNil() {
				v.indexError(t, loop == 0)
			}
		}
		if h.isFunction() {
			L.fixed = false
			m.pins = m.pins[:pins-3]
			v.callThree(L, h, t, key, x)
			return
		}
		t = h
		m.pins[pins-3] = t
	}
	v.runError("loop in settable")
}

// storedNode is the barrier after node n of t, black or in the graph, got another
// value than old.
func (m *memory) storedNode(t *Table, n *node, old value) {
	m.stored(t, old, n.val)
	if t.mark&inGraph == 0 || !m.quick.valid {
		return
	}
	if n.val.isNil() {
		m.quick.empty(t)
	}
	m.quick.storedUnder(t, n.key)
}

// checkKey raises an error for what can't be a key.
func (v *VM) checkKey(key value) {
	if key.isNil() {
		v.runError("table index is nil")
	}
	if key.isNumber() {
		if f := key.num(); f != f {
			v.runError("table index is NaN")
		}
	}
}
