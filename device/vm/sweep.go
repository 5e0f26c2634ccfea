package vm

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// The sweep of the collector: it frees what the mark has not found, and calls
// finalizers.

// sweepRow sweeps the strings of a row of the table.
func (m *memory) sweepRow() {
	g := &m.gc
	before := m.total
	var last *str
	for p := m.rows[g.row]; p != nil; {
		next := p.nextStr()
		if m.isDead(&p.header) {
			if last == nil {
				m.rows[g.row] = next
			} else {
				last.next = p.next
			}
			m.freeObject(&p.header)
		} else {
			m.makeWhite(&p.header)
			last = p
		}
		p = next
	}
	if g.row++; g.row >= len(m.rows) {
		g.phase = gcSweep
	}
	g.estimate -= before - m.total
}

// sweepSome sweeps up to n objects and reports whether that were all.
func (m *memory) sweepSome(n int) bool {
	g := &m.gc
	for ; n > 0; n-- {
		h := g.at.next
		if h == nil {
			return true
		}
		if h.kind == kindThread {
			m.sweepOpen(h.thread())
		}
		if m.isDead(h) {
			m.unlink(h)
			m.freeObject(h)
		} else {
			m.makeWhite(h)
			g.at = h
		}
	}
	return g.at.next == nil
}

// sweepOpen sweeps the open upvalues of a thread.
func (m *memory) sweepOpen(L *Thread) {
	for at := &L.openUp; *at != nil; {
		u := *at
		if m.isDead(&u.header) {
			*at = u.open
			m.freeObject(&u.header)
		} else {
			m.makeWhite(&u.header)
			at = &u.open
		}
	}
}

// freeString is freeObject for what most dead objects are.
func (m *memory) freeString(s *str) {
	if m.track != nil {
		m.track.forget(&s.header)
	}
	m.strt.Live--
	m.free(&s.blk)
	m.pool.buryString(s, m.gc.reuse)
}

// freeObject gives back the memory of an object that no list has any longer.
func (m *memory) freeObject(h *header) {
	if h.kind == kindString {
		m.freeString(h.str())
		return
	}
	if m.track != nil {
		m.track.forget(h)
	}
	switch h.kind {
	case kindTable:
		t := h.table()
		if t.nod.Placed() {
			m.free(&t.nod)
		}
		if t.arr.Placed() {
			m.free(&t.arr)
		}
		m.free(&h.blk)
		m.pool.buryTable(t, m.gc.reuse)
	case kindFunction:
		m.free(&h.blk)
		m.pool.buryFunction(h.function(), m.gc.reuse)
	case kindUpvalue:
		m.free(&h.blk)
		m.pool.buryUpvalue(h.upvalue(), m.gc.reuse)
	case kindProto:
		p := h.proto()
		for i := len(p.parts) - 1; i > 0; i-- {
			m.free(&p.parts[i])
		}
		m.free(&h.blk)
		*p = proto{name: p.name, chunk: p.chunk, lineDefined: p.lineDefined} // see Thread.start and Code
	case kindThread:
		L := h.thread()
		m.closeUpvalues(L, 0)
		m.free(&L.stk.Calls)
		m.free(&L.stk.Data)
		m.free(&h.blk)
		*L = Thread{}
	case kindUserData:
		u := h.userdata()
		m.udata = slices.Delete(m.udata, u.index, u.index+1)
		for _, o := range m.udata[u.index:] {
			o.index--
		}
		if m.v.OnFree != nil {
			m.v.OnFree(u.object)
		}
		m.free(&h.blk)
		*u = UserData{}
	case kindScratch:
		h.scratch().free(m)
		m.free(&h.blk)
	}
}

// checkSizes shrinks the string table and the concat buffer.
func (m *memory) checkSizes() {
	if n := m.strt.Shrunk(); n > 0 {
		m.resizeStrings(n)
	}
	if n := m.buf.Shrunk(); n > 0 && m.shrink(&m.buf.Block, n) {
		m.buf.Size = n
	}
}

// sizesFit reports whether checkSizes has nothing to do.
func (m *memory) sizesFit() bool {
	return m.buf.Shrunk() == 0 && m.strt.Shrunk() == 0
}

// shrink makes a block smaller within a collection. The SDK's realloc needs room
// for the new block beside the old one: where there is none, the firmware raises
// "not enough memory" out of its collector. So it is here while Lua runs; otherwise
// the block stays as it is.
func (m *memory) shrink(b *heap.Block, n int) bool {
	if m.v.protected > 0 {
		m.Realloc(b, n)
		return true
	}
	old := b.Size()
	if !m.heap.Resize(b, n) {
		return false
	}
	m.total += n - old
	return true
}

// callFinalizer calls the finalizer of the next userdata that waits for it.
func (m *memory) callFinalizer() {
	g := &m.gc
	m.finalized++
	u := g.finalize[0]
	g.finalize = g.finalize[:copy(g.finalize, g.finalize[1:])]
	m.makeWhite(&u.header)
	if u.typ != nil && u.typ.GC != nil {
		pins := len(m.pins)
		u.typ.GC(u.object)
		m.pins = m.pins[:pins] // what it has released
		if u.meta == m.v.Metatable(u.typ) {
			return // whose __gc is the same
		}
	}
	if u.meta == nil {
		return
	}
	if h := m.v.fastField(u.meta, eventGC); !h.isNil() {
		was := g.threshold
		g.threshold = 2 * m.total // no steps meanwhile
		m.v.callFinalizer(h, u)
		g.threshold = was
	}
}
