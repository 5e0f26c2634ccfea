package vm

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// What a quick collection does with what is outside of the graph: mark and sweep.

// mark marks what is alive outside of the graph. It reports false when it met
// something that only a full collection knows how to deal with.
func (q *quick) mark() bool {
	m, v := q.m, q.m.v
	if len(q.dying)+len(q.loose) > 0 {
		q.dying, q.finalize, q.loose = q.dying[:0], q.finalize[:0], q.loose[:0]
		q.finalizable = 0
	}
	th := v.running
	if th == nil {
		th = v.th
	}
	for ; th != nil; th = th.parent {
		// What a closure has above the top only a full collection knows to deal with, and
		// for a stack that becomes smaller memory may run out.
		if th.openUp != nil && th.capturedAbove() || th.stk.MayShrink() && m.stackShrinks(th) {
			q.work = q.work[:0]
			return false
		}
		if th != v.th {
			q.touchObject(&th.header)
			q.touchTable(th.globals)
		}
		q.markStack(th)
	}
	for _, x := range m.pins {
		q.touch(x)
	}
	return (len(q.work) == 0 || q.markYoung()) && (!q.userdata || q.separate())
}

// markStack is traverseThread for what is outside of the graph.
func (q *quick) markStack(L *Thread) {
	for i := range L.stack[:L.top] {
		if x := &L.stack[i]; x.isObject() {
			switch h := x.header(); h.quick & quickState {
			case quickYoung:
				h.quick |= quickMarked
				h.shared = false
				if h.kind != kindString {
					q.work = append(q.work, h)
				}
			case quickYoung | quickMarked:
				h.shared = true
			}
		}
	}
	// Above the top there is something only when a call or a list has left it there.
	if v := q.m.v; v.natives > 0 || q.cleared != L || q.clearedTop != L.top || q.clearedAt != v.pushes {
		L.clearAbove(L.reach())
		q.cleared, q.clearedTop, q.clearedAt = L, L.top, v.pushes
	}
}

func (q *quick) touch(x value) {
	if x.isObject() {
		q.touchObject(x.header())
	}
}

func (q *quick) touchObject(h *header) {
	switch h.quick & quickState {
	case quickYoung:
		h.quick |= quickMarked
		h.shared = false
		if h.kind != kindString {
			q.work = append(q.work, h)
		}
	case quickYoung | quickMarked:
		h.shared = true
	}
}

func (q *quick) touchTable(t *Table) {
	if t != nil { // one in flash is never young
		q.touchObject(&t.header)
	}
}

func (q *quick) markYoung() bool {
	m := q.m
	for len(q.work) > 0 {
		h := q.work[len(q.work)-1]
		q.work = q.work[:len(q.work)-1]
		switch h.kind {
		case kindTable:
			t := h.table()
			q.slots += len(t.array) + len(t.nodes)
			if t.weak = 0; t.meta != nil {
				q.touchTable(t.meta)
				t.weak = m.weakMode(t.meta)
			}
			q.touchHeld(t)
		case kindFunction:
			f := h.function()
			q.touchTable(f.env)
			for _, x := range f.values {
				q.touch(x)
			}
			if f.proto != nil {
				q.touchObject(&f.proto.header)
			}
			for _, u := range f.upvals {
				if u != nil {
					q.touchObject(&u.header)
				}
			}
		case kindUpvalue:
			q.touch(*h.upvalue().v)
		case kindProto, kindUserData:
			q.follow(h, func(q *quick, _, to *header) { q.touchObject(to) })
		case kindThread:
			L := h.thread()
			q.touchTable(L.globals)
			if q.m.v.isActive(L) {
				continue
			}
			if L.capturedAbove() || q.m.stackShrinks(L) {
				q.work = q.work[:0]
				return false
			}
			q.markStack(L)
		}
	}
	return true
}

// touchHeld marks what a table holds. Strings that a weak one does not hold are looked
// at when it is cleared.
func (q *quick) touchHeld(t *Table) {
	if t.weak != 0 {
		q.loose = append(q.loose, t)
		if t.keepsKeys() {
			return
		}
	}
	if t.weak&weakValues == 0 {
		for i := range t.array {
			q.touch(t.array[i])
		}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.val.isNil() {
			n.removeKey()
			continue
		}
		if t.weak&weakKeys == 0 {
			q.touch(n.key)
		}
		if t.weak&weakValues == 0 {
			q.touch(n.val)
		}
	}
}

// clearWeak is memory.clearWeak for tables of the graph and for those outside. What the
// first held for the sake of an entry that goes is alive until the next collection.
func (q *quick) clearWeak() {
	q.clearing = true
	kept := q.weaks[:0]
	for _, t := range q.weaks {
		if t.mark&inGraph == 0 || t.weak == 0 {
			t.quick &^= quickWeak
			continue
		}
		kept = append(kept, t)
	}
	q.weaks = kept
	for _, t := range q.weaks { // some leave the graph for the sake of others
		q.clear(t)
	}
	for _, t := range q.loose {
		q.clear(t)
	}
	for _, t := range q.weaks {
		q.removeDeadKeys(t)
	}
	for _, t := range q.loose {
		q.removeDeadKeys(t)
	}
	q.clearing = false
}

// removeDeadKeys is Table.removeDeadKeys.
func (q *quick) removeDeadKeys(t *Table) {
	if !t.keepsKeys() {
		return
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.val.isNil() && n.key.isObject() {
			if h := n.key.header(); h.quick&quickState == quickYoung && (h.kind != kindString || h.refs == 0) {
				n.removeKey()
			}
		}
	}
}

func (q *quick) clear(t *Table) {
	lost := func(x value, held bool) {
		if held && t.mark&inGraph != 0 {
			q.lose(&t.header, x)
		}
	}
	if t.weak&weakValues != 0 {
		for i := range t.array {
			if q.isCleared(t.array[i], false) {
				t.array[i] = value{}
			}
		}
	}
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.val.isNil() || !q.isCleared(n.key, true) && !q.isCleared(n.val, false) {
			continue
		}
		q.more = true
		key, val := n.key, n.val
		n.val = value{}
		n.removeKey()
		lost(key, t.holdsKey(key))
		lost(val, t.holdsValue(val))
	}
}

// losesText reports whether a table of the graph is weak in keys and values and loses a
// string for the sake of its key. Whether a stack refers to that is not known where
// nothing else of the graph does, so this is a full collection's business.
func (q *quick) losesText() bool {
	for _, t := range q.weaks {
		if t.mark&inGraph == 0 || !t.keepsKeys() {
			continue
		}
		for i := range t.nodes {
			n := &t.nodes[i]
			if n.val.isString() && isWeak(n.key) && n.key.header().quick&quickState == quickYoung {
				return true
			}
		}
	}
	return false
}

// isCleared is memory.isCleared for a part of a table that may be weak in it. What it
// is not weak in has been marked.
func (q *quick) isCleared(x value, key bool) bool {
	if !x.isObject() {
		return false
	}
	h := x.header()
	if h.kind == kindString {
		if h.quick&quickState == quickYoung {
			h.quick |= quickMarked
		}
		return false
	}
	return h.quick&quickState == quickYoung || h.kind == kindUserData && !key && h.userdata().finalized
}

// separate is memory.separate for what is outside of the graph (but that collect notes
// who is finalized when it can't fail any longer), and marks what the userdata that will
// be finalized lead to. It reports false when it met something that
// only a full collection knows how to deal with.
func (q *quick) separate() bool {
	m := q.m
	for _, h := range q.young {
		if h.kind == kindUserData && h.quick&(quickMarked|quickGained) == 0 && !h.userdata().finalized {
			u := h.userdata()
			if q.dying = append(q.dying, u); m.hasFinalizer(u) {
				q.finalize = append(q.finalize, u)
			}
		}
	}
	if len(q.finalize) == 0 {
		return true
	}
	slices.SortFunc(q.finalize, func(a, b *UserData) int { return b.index - a.index })
	marked := q.visited()
	for _, u := range q.finalize {
		q.finalizable += u.bytes()
		q.touchObject(&u.header)
	}
	if !q.markYoung() {
		return false
	}
	q.finalizable += q.visited() - marked
	return true
}

// visited is what collector.propagate returns for all that was marked.
func (q *quick) visited() int {
	n := 0
	for _, h := range q.young {
		if h.quick&(quickMarked|quickGained) != quickMarked {
			continue
		}
		switch h.kind {
		case kindTable:
			n += h.table().visited()
		case kindFunction:
			n += h.function().bytes()
		case kindProto:
			n += h.proto().bytes()
		case kindThread:
			n += h.thread().visited()
		}
	}
	return n
}

// sweep frees what is outside of the graph and was not marked.
func (q *quick) sweep() {
	m := q.m
	young, kept, aged, userdata := q.young, 0, 0, false
	for i, h := range young {
		switch {
		case h.kind == kindString:
			if s := h.str(); s.refs > 0 {
				h.quick = 0
				continue
			} else if h.quick&quickMarked == 0 {
				m.unlinkString(s)
				m.freeString(s)
				continue
			}
		case h.quick&quickGained != 0:
			h.quick &= quickEmptied | quickWeak | quickSuspect
			continue
		case h.quick&quickMarked == 0:
			switch {
			case h.kind == kindThread && h.thread().openUp != nil:
				q.work = append(q.work, h)
				continue
			case h.kind == kindUpvalue && h.upvalue().isOpen():
				h.upvalue().th.unlinkOpen(h.upvalue())
			default:
				m.unlink(h)
			}
			m.freeObject(h)
			continue
		case h.age < agedAt:
			h.age++
		default:
			aged++
		}
		h.quick = quickYoung
		userdata = userdata || h.kind == kindUserData
		if kept < i {
			young[kept] = h
		}
		kept++
	}
	q.young = q.young[:kept]
	q.userdata = userdata
	if len(q.work) > 0 {
		q.sweepThreads()
	}
	// What has come of age outside of the graph and is marked each time is worth a
	// full collection, after which it is part of it, if that can be.
	switch {
	case q.served == agedAt+1:
		q.cannot = aged
	case q.served > worthwhile && aged > q.cannot && (aged-q.cannot)*q.served > heavyFrom, q.slots > heavySlots:
		q.dirty = true
	}
}

// dies frees x, a closure that the new one f has replaced in a slot of a stack, if a
// collection would and it can be told without one: the last has found it in that slot
// alone, nothing has changed since, and nothing hangs on it that is not f's or its own. It
// reports whether a collection would find nothing more.
func (q *quick) dies(x value, f *Function) bool {
	m := q.m
	if m.egc.Mode != heap.EGCAlways || m.egc.Blocked || !q.repeats() || len(q.weaks)+len(q.loose) > 0 || !x.isObject() {
		return false
	}
	h := x.header()
	if h.kind != kindFunction || !q.isAlone(h) {
		return false
	}
	g := h.function()
	if g.proto != f.proto || g.env != f.env {
		return false
	}
	for _, u := range g.upvals {
		if u == nil || u.isOpen() || !q.isAlone(&u.header) || u.own.isObject() && u.own.header().quick&quickYoung != 0 {
			return false
		}
	}
	for _, u := range g.upvals {
		q.discard(&u.header)
	}
	q.discard(h)
	return true
}

// isAlone reports whether the last collection has found just one reference to h, which
// is outside of the graph.
func (q *quick) isAlone(h *header) bool { return h.quick&quickState == quickYoung && !h.shared }

// discard frees an object that is outside of the graph.
func (q *quick) discard(h *header) {
	i := len(q.young) - 1
	for carry := q.young[i]; carry != h; {
		i--
		carry, q.young[i] = q.young[i], carry
	}
	q.young = q.young[:len(q.young)-1]
	q.m.unlink(h)
	q.m.freeObject(h)
}

// sweepThreads frees the threads of work, in the order in which a full collection would
// meet them: their upvalues, which are closed now, follow each other in the list of all
// objects.
func (q *quick) sweepThreads() {
	m := q.m
	for h := m.gc.head.next; h != nil && len(q.work) > 0; {
		next := h.next
		if i := slices.Index(q.work, h); i >= 0 {
			q.work = slices.Delete(q.work, i, i+1)
			m.unlink(h)
			m.freeObject(h)
		}
		h = next
	}
}
