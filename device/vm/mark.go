package vm

import "strings"

// The mark of the collector: it finds what is alive.

func (m *memory) markValue(v value) {
	if v.isObject() {
		if h := v.header(); h.mark&whites != 0 {
			m.reallyMark(h)
		}
	}
}

func (m *memory) markObject(h *header) {
	if h.mark&whites != 0 {
		m.reallyMark(h)
	}
}

func (m *memory) markTable(t *Table) {
	if t != nil && t.rom == nil && t.mark&whites != 0 {
		m.reallyMark(&t.header)
	}
}

func (m *memory) reallyMark(h *header) {
	h.mark &^= whites
	switch h.kind {
	case kindString:
	case kindUserData:
		h.mark |= black
		u := h.userdata()
		m.markTable(u.meta)
		m.markTable(u.env)
	case kindUpvalue:
		u := h.upvalue()
		m.markValue(*u.v)
		if !u.isOpen() {
			h.mark |= black
		}
	default:
		m.gc.gray = append(m.gc.gray, h)
	}
}

// propagate visits the object that was found last, and returns its size.
func (m *memory) propagate() int {
	g := &m.gc
	h := g.gray[len(g.gray)-1]
	g.gray = g.gray[:len(g.gray)-1]
	h.mark |= black
	switch h.kind {
	case kindTable:
		t := h.table()
		if m.traverseTable(t) {
			h.mark &^= black
		}
		return t.visited()
	case kindFunction:
		f := h.function()
		m.traverseFunction(f)
		return f.bytes()
	case kindProto:
		p := h.proto()
		m.traverseProto(p)
		return p.bytes()
	default:
		L := h.thread()
		g.grayAgain = append(g.grayAgain, h)
		h.mark &^= black
		m.traverseThread(L)
		return L.visited()
	}
}

// traverseTable reports whether t is weak.
func (m *memory) traverseTable(t *Table) bool {
	t.weak = 0
	if t.meta != nil {
		m.markTable(t.meta)
		if t.weak = m.weakMode(t.meta); t.weak != 0 {
			m.gc.weak = append(m.gc.weak, t)
			if t.weak == weakKeys|weakValues {
				return true
			}
		}
	}
	if t.weak&weakValues == 0 {
		for i := len(t.array) - 1; i >= 0; i-- {
			m.markValue(t.array[i])
		}
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		if n.val.isNil() {
			n.removeKey()
			continue
		}
		if t.weak&weakKeys == 0 {
			m.markValue(n.key)
		}
		if t.weak&weakValues == 0 {
			m.markValue(n.val)
		}
	}
	return t.weak != 0
}

// removeKey makes the key of a node without a value dead, if it is an object: it
// does not hold it any longer, and the node stays taken.
func (n *node) removeKey() {
	if n.key.isObject() {
		n.key.bits = kindDead
	}
}

func (m *memory) weakMode(mt *Table) uint8 {
	mode := m.v.fastField(mt, eventMode)
	if !mode.isString() {
		return 0
	}
	var w uint8
	if s, _, _ := strings.Cut(mode.str().s, "\x00"); s != "" {
		if strings.IndexByte(s, 'k') >= 0 {
			w |= weakKeys
		}
		if strings.IndexByte(s, 'v') >= 0 {
			w |= weakValues
		}
	}
	return w
}

func (m *memory) traverseFunction(f *Function) {
	m.markTable(f.env)
	for _, x := range f.values {
		m.markValue(x)
	}
	if f.proto != nil {
		m.markObject(&f.proto.header)
	}
	for _, u := range f.upvals {
		if u != nil {
			m.markObject(&u.header)
		}
	}
}

func (m *memory) traverseProto(p *proto) {
	p.source.mark &^= whites
	for i := range p.k {
		m.markValue(p.k[i])
	}
	for _, n := range p.protos {
		m.markObject(&n.header)
	}
	for _, s := range p.names {
		s.mark &^= whites
	}
}

// traverseThread marks what is on a thread's stack: up to the end of the innermost
// function's frame, so values in registers that are no longer used live on. What
// lies above, left by functions that have returned, is cleared.
func (m *memory) traverseThread(L *Thread) {
	m.markTable(L.globals)
	lim := L.reach()
	for i := range L.stack[:L.top] {
		m.markValue(L.stack[i])
	}
	L.clearAbove(lim)
	if !L.fixed {
		m.shrinkStack(L, lim)
	}
}

// markPins marks what functions of the firmware hold in Go variables. On the
// device it stands on their stacks.
func (m *memory) markPins() {
	for _, x := range m.pins {
		m.markValue(x)
	}
	for th := m.v.running; th != nil; th = th.parent {
		m.markObject(&th.header)
	}
}

func (m *memory) markRoots() {
	g := &m.gc
	g.gray, g.grayAgain, g.weak = g.gray[:0], g.grayAgain[:0], g.weak[:0]
	m.markObject(&m.v.th.header)
	m.markTable(m.v.th.globals)
	m.markTable(m.v.registry)
	m.markTable(m.v.stringMeta)
	g.phase = gcPropagate
}

func (m *memory) propagateAll() {
	for len(m.gc.gray) > 0 {
		m.propagate()
	}
}

// atomic ends the mark.
func (m *memory) atomic() {
	g := &m.gc
	m.remarkUpvalues()
	m.propagateAll()
	for _, t := range g.weak { // visited anew
		g.gray = append(g.gray, &t.header)
	}
	g.weak = g.weak[:0]
	m.markPins()
	m.propagateAll()
	g.gray, g.grayAgain = append(g.gray, g.grayAgain...), g.grayAgain[:0]
	m.propagateAll()
	m.markHeld()
	size := m.separate()
	for _, u := range g.finalize {
		m.makeWhite(&u.header) // may be marked, if left from the cycle before
		m.reallyMark(&u.header)
	}
	for len(g.gray) > 0 {
		size += m.propagate()
	}
	for i := len(g.weak) - 1; i >= 0; i-- {
		m.clearWeak(g.weak[i])
	}
	for _, t := range g.weak {
		if t.keepsKeys() {
			t.removeDeadKeys()
		}
	}
	g.grayAgain = g.grayAgain[:0]
	g.white ^= whites
	g.row, g.at = 0, &g.head
	g.phase = gcSweepStrings
	g.estimate = m.total - size
}

// remarkUpvalues marks the values of open upvalues of threads that may be dead.
func (m *memory) remarkUpvalues() {
	for h := m.gc.head.next; h != nil; h = h.next {
		if h.kind != kindThread {
			continue
		}
		for u := h.thread().openUp; u != nil; u = u.open {
			if u.mark&(whites|black) == 0 {
				m.markValue(*u.v)
			}
		}
	}
}

// separate puts the dead userdata aside that have a finalizer, and returns their
// size.
func (m *memory) separate() int {
	size := 0
	for i := len(m.udata) - 1; i >= 0; i-- { // newest first
		u := m.udata[i]
		if u.mark&whites == 0 || u.finalized {
			continue
		}
		u.finalized = true
		if m.hasFinalizer(u) {
			size += u.bytes()
			m.gc.finalize = append(m.gc.finalize, u)
		}
	}
	return size
}

func (m *memory) hasFinalizer(u *UserData) bool {
	if u.typ != nil && u.typ.GC != nil {
		return true
	}
	return u.meta != nil && !m.v.fastField(u.meta, eventGC).isNil()
}

// clearWeak takes the entries of a weak table whose key or value is dead.
func (m *memory) clearWeak(t *Table) {
	if t.weak&weakValues != 0 {
		for i := len(t.array) - 1; i >= 0; i-- {
			if m.isCleared(t.array[i], false) {
				t.array[i] = value{}
			}
		}
	}
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		if !n.val.isNil() && (m.isCleared(n.key, true) || m.isCleared(n.val, false)) {
			n.val = value{}
			n.removeKey()
		}
	}
}

// removeDeadKeys removes the keys of nodes without a value that are about to be freed:
// a new string may come to stand where one of them did. The firmware leaves them.
func (t *Table) removeDeadKeys() {
	for i := range t.nodes {
		if n := &t.nodes[i]; n.val.isNil() && n.key.isObject() && n.key.header().mark&whites != 0 {
			n.removeKey()
		}
	}
}

// isCleared reports whether a weak table loses x. Strings are values and never
// weak. A userdata being finalized is gone as a value and stays as a key.
func (m *memory) isCleared(x value, key bool) bool {
	if !x.isObject() {
		return false
	}
	h := x.header()
	if h.kind == kindString {
		h.mark &^= whites
		return false
	}
	return h.mark&whites != 0 || h.kind == kindUserData && !key && h.userdata().finalized
}
