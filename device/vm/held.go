package vm

// Held is a value that something outside of the device holds: a test that runs beside
// it. The collector takes what is held for alive, and nothing of that is charged: no
// heap, no time. A Ref is what the firmware holds. The zero Held is none.
//
// What is held is in a table that is in no list of the collector's and is marked last:
// its steps come to each object when they would without it.
type Held int

// Hold holds x, an object that is no string, until Drop.
func (v *VM) Hold(x Value) Held {
	m := v.mem
	if v.held == nil {
		v.held = &Table{absent: knownIndex - 1}
		v.held.kind = kindTable
		m.quick.dirty = true
	}
	t := v.held
	at := len(t.array)
	if n := len(v.heldFree); n > 0 {
		at = v.heldFree[n-1]
		v.heldFree = v.heldFree[:n-1]
	} else {
		t.array = append(t.array, value{})
	}
	y := v.take(x)
	if y.isObject() {
		m.revive(y.header())
	}
	t.store(m, &t.array[at], y)
	return Held(at + 1)
}

// Drop ends that, and sets *h to the zero Held.
func (v *VM) Drop(h *Held) {
	at := int(*h) - 1
	*h = 0
	v.held.store(v.mem, &v.held.array[at], value{})
	v.heldFree = append(v.heldFree, at)
}

// SetRelief has fn called when a request finds no room, before the firmware knows: it drops
// what it holds without need, and reports whether it held anything so.
func (v *VM) SetRelief(fn func() bool) { v.relief = fn }

// relieved collects what has been dropped when a request has found no room.
func (m *memory) relieved() bool {
	if m.v.relief == nil || m.egc.Blocked || !m.v.relief() {
		return false
	}
	m.collect(false)
	return true
}

// markHeld marks what is held, and what that leads to.
func (m *memory) markHeld() {
	if t := m.v.held; t != nil {
		for _, x := range t.array {
			m.markValue(x)
		}
		m.propagateAll()
	}
}

// Gone reports whether the collector has found x to be garbage, which NewClosure or
// NewObject has made. Who asks must not hold it.
func (v *VM) Gone(x Value) bool {
	y := v.take(x)
	return !y.isObject() || y.header().kind == 0 || v.mem.isDead(y.header())
}
