package vm

import (
	"unsafe"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// The device collects before every allocation. To mark everything each time would
// take some microseconds, and nearly always find what was found before. So a full
// collection is followed by remembering the graph: what hangs on the globals, the
// registry, and values that stay where they are on the stack. All of it is
// alive, and the next collection need only look at what is outside: objects made
// since, and what nothing in the graph refers to, which a count tells.
//
//   - What is stored in the graph becomes part of it, with all that hangs on it.
//   - What loses its last reference from the graph leaves it again.
//   - Where the reference is lost through which something was first reached, a circle
//     that nothing else holds is looked for. What that would go through is bounded:
//     a collection that can't know is a full one.
//   - So it is when something is at stake that is rare: a coroutine that ends
//     with an error, an entry taken out of a table that is weak in keys and values.
//
// The result is the same to the byte and address; a test on random programs sees to
// that.
type quick struct {
	m        *memory
	off      bool // for tests: collect in full each time
	valid    bool // there is a graph
	dirty    bool // but it can't be relied on any longer: the next collection is a full one, and nobody keeps it up
	at       bool // in the midst of a collection, which memory may end
	fit      bool // the string table and the concat buffer did when that was looked at last
	userdata bool // some are outside of the graph
	more     bool // there is something that the next collection will free: finalized userdata, what weak tables held
	snap     []held
	young    []*header // all that is not in the graph
	work     []*header // found and not yet looked at; nothing between collections, unless dirty
	weaks    []*Table  // of the graph, with something in them that they may lose
	loose    []*Table  // weak ones outside that the collection at hand has met
	clearing bool      // weak tables: what leaves the graph now is alive this time
	parked   []*Thread // have run since the last collection and wait
	emptied  []*Table  // of the graph, with nodes that have lost their values
	suspects []*header
	unsure   []*header // with that for header.via
	circle   []*header
	circled  int // objects of circles since findHolders
	edges    []edge
	dying    []*UserData // that the collection at hand finds
	finalize []*UserData // those of them that have a finalizer

	finalizable int // bytes of them and of what they lead to

	served     int // quick collections since the graph was remembered
	slots      int // of tables that they have gone through
	skip       int // full collections to come that remember nothing
	backoff    int
	cleared    *Thread // whose slots above the top were cleared last
	clearedTop int
	clearedAt  uint64 // VM.pushes then
	misses     int    // times in a row that keeps has looked in vain
	cannot     int    // objects that have come of age and did not become part of the graph
}

// held is a slot of a stack on which a part of the graph hangs.
type held struct {
	th   *Thread // nil: of memory.pins
	slot int
	ref  unsafe.Pointer
}

// Bits of header.quick.
const (
	quickMarked  = 1 << iota
	quickYoung   // in the list young
	quickEmptied // in the list emptied
	quickGained  // became part of the graph since
	quickSuspect // in the list suspects
	quickCircle  // see resolve
	quickHeld
	quickWeak // in the list weaks

	quickState = quickYoung | quickMarked | quickGained
)

const (
	agedAt     = 3    // collections survived from which a value on the stack is thought to stay
	heavyFrom  = 200  // objects marked again and again that are worth a full collection
	heavySlots = 4096 // slots of tables that are

	worthwhile = 3 // quick collections that remembering the graph pays for
	maxSkip    = 15
)

// born notes a new object.
func (q *quick) born(h *header) {
	if q.valid {
		h.quick = quickYoung
		q.young = append(q.young, h)
		q.userdata = q.userdata || h.kind == kindUserData
	}
}

// drop forgets the graph.
func (q *quick) drop() {
	if q.valid {
		for _, h := range q.young {
			h.quick = 0
		}
		q.valid = false
		if q.served >= worthwhile {
			q.backoff = 0
		} else {
			q.backoff = min(2*q.backoff+1, maxSkip)
		}
		q.skip = q.backoff
		for _, h := range q.suspects {
			h.quick &^= quickSuspect
		}
		for _, co := range q.parked {
			co.parked = false
		}
		clear(q.young)
		q.young, q.snap = q.young[:0], q.snap[:0]
		q.suspects, q.unsure, q.work, q.parked = q.suspects[:0], q.unsure[:0], q.work[:0], q.parked[:0]
		q.weaks = q.weaks[:0]
	}
}

// joined looks whether a table that is part of the graph now is weak.
func (q *quick) joined(t *Table) {
	if t.weak = 0; t.meta != nil {
		t.weak = q.m.weakMode(t.meta)
	}
	if t.weak != 0 && t.hasWeak() {
		q.weakened(t)
	}
}

// weakened notes that a weak table of the graph has something that it may lose.
func (q *quick) weakened(t *Table) {
	if t.quick&quickWeak == 0 {
		t.quick |= quickWeak
		q.weaks = append(q.weaks, t)
	}
}

// hasWeak reports whether there is something in a weak table that a collection may
// have to deal with.
func (t *Table) hasWeak() bool {
	for i := range t.array {
		if isWeak(t.array[i]) {
			return true
		}
	}
	for i := range t.nodes {
		if n := &t.nodes[i]; isWeak(n.key) || isWeak(n.val) || n.val.isNil() && n.key.isObject() {
			return true
		}
	}
	return false
}

// gotMetatable is told when a table of the graph has got another metatable.
func (q *quick) gotMetatable(t *Table) {
	was := t.weak
	if q.joined(t); t.weak != was {
		q.dirty = q.dirty || len(t.array) > 0 || len(t.nodes) > 0
	}
}

// keepsKeys reports whether the collector leaves t the keys of nodes without a value.
func (t *Table) keepsKeys() bool { return t.weak == weakKeys|weakValues }

// isWeak reports whether a weak table may lose x. Strings are values.
func isWeak(x value) bool { return x.isObject() && !x.isString() }

// holdsKey reports whether t holds x as a key, and holdsValue whether as a value. What
// it does not hold is no reference of the graph's.
func (t *Table) holdsKey(x value) bool   { return t.weak&weakKeys == 0 || !isWeak(x) }
func (t *Table) holdsValue(x value) bool { return t.weak&weakValues == 0 || !isWeak(x) }

// held is what a weak table holds of x: nothing, if it is weak in what x is in it.
func (t *Table) held(x value, weak uint8) value {
	if t.weak&weak == 0 || !isWeak(x) {
		return x
	}
	return value{}
}

// empty notes that a table of the graph has a node without a value, whose key dies
// at the next collection.
func (q *quick) empty(t *Table) {
	q.dirty = q.dirty || t.keepsKeys()
	if t.quick&quickEmptied == 0 {
		t.quick |= quickEmptied
		q.emptied = append(q.emptied, t)
	}
}

// remember builds the graph, after a full collection.
func (q *quick) remember() {
	m := q.m
	q.drop() // of a collection that a finalizer of this one has run
	if q.off || m.egc.Mode&heap.EGCAlways == 0 || len(m.gc.finalize) > 0 || m.compiling {
		return
	}
	if q.skip > 0 {
		q.skip--
		return
	}
	for h := m.gc.head.next; h != nil; h = h.next {
		h.mark &^= inGraph
		h.quick, h.refs = 0, 0
		if h.kind == kindThread {
			L := h.thread()
			L.frozen = !m.v.isActive(L)
			if m.stackShrinks(L) {
				return // and will at the next collection
			}
			for u := L.openUp; u != nil; u = u.open {
				u.mark &^= inGraph
				u.quick, u.refs = 0, 0
			}
		}
	}
	for _, p := range m.rows {
		for ; p != nil; p = p.nextStr() {
			p.refs, p.header.quick = 0, 0
		}
	}
	q.dirty, q.userdata, q.fit, q.circled = false, false, false, 0
	q.weaks = q.weaks[:0]
	q.snap, q.young, q.emptied = q.snap[:0], q.young[:0], q.emptied[:0]
	q.root(m.v.registry)
	if t := m.v.held; t != nil {
		t.mark, t.quick, t.refs = 0, 0, 0
		q.root(t)
	}
	q.root(m.v.stringMeta)
	q.root(m.v.th.globals)
	q.propagate()
	for th := m.v.running; th != nil; th = th.parent {
		q.hang(th, th.stack[:th.top])
	}
	if m.v.running == nil {
		q.hang(m.v.th, m.v.th.stack[:m.v.th.top])
	}
	q.hang(nil, m.pins)
	if q.dirty {
		return
	}
	q.served, q.slots = 0, 0
	for h := m.gc.head.next; h != nil; h = h.next {
		q.outside(h)
		if h.kind == kindThread {
			for u := h.thread().openUp; u != nil; u = u.open {
				q.outside(&u.header)
			}
		}
	}
	for _, p := range m.rows {
		for ; p != nil; p = p.nextStr() {
			if p.refs == 0 && p.mark&fixed == 0 {
				p.header.quick = quickYoung
				q.young = append(q.young, &p.header)
			}
		}
	}
	q.valid = true
}

// hang adds to the graph what hangs on the stack of a thread and seems to stay
// there.
func (q *quick) hang(th *Thread, slots []value) {
	for i, x := range slots {
		if !x.isObject() {
			continue
		}
		if h := x.header(); h.kind != kindString && h.mark&(inGraph|fixed) == 0 && h.age >= agedAt {
			q.gain(nil, x)
			q.snap = append(q.snap, held{th, i, x.ref})
		}
	}
}

// outside puts an object that is not in the graph into the list of those.
func (q *quick) outside(h *header) {
	if h.mark&(inGraph|fixed) == 0 {
		h.quick = quickYoung
		q.young = append(q.young, h)
		q.userdata = q.userdata || h.kind == kindUserData
		if h.age < agedAt {
			h.age++
		}
	}
}

// collect does what a full collection would do and reports whether it could. The
// graph must be valid.
func (q *quick) collect() bool {
	m := q.m
	if q.at { // memory ran out within the one before
		q.at = false
		q.drop()
		return false
	}
	if q.dirty {
		return false
	}
	if len(q.parked) > 0 {
		q.freeze()
	}
	if len(q.snap) > 0 {
		q.compare()
	}
	if len(q.emptied) > 0 {
		q.clearKeys()
	}
	if len(q.suspects) > 0 {
		q.resolve()
	}
	fit := q.fit && m.buf.Size <= 2*heap.ConcatBufferMin || m.sizesFit()
	if q.dirty || !fit && !q.roomToShrink() || !q.mark() {
		return false
	}
	if len(q.weaks) > 0 && q.losesText() {
		return false
	}
	for _, u := range q.dying {
		u.finalized = true // be it that another's finalizer revives it
	}
	q.more = len(q.finalize) > 0
	if len(q.weaks) > 0 || len(q.loose) > 0 {
		q.clearWeak()
	}
	if q.userdata || !fit {
		q.sweepAndShrink()
	} else {
		q.fit = true
		live := m.strt.Live
		if q.sweep(); m.strt.Live != live {
			if q.fit = m.sizesFit(); !q.fit {
				q.shrinkAfter()
			}
		}
		m.gc.estimate = m.total
	}
	q.served++
	return true
}

// roomToShrink reports whether the string table and the concat buffer can become smaller
// without memory running out within the collection, which would leave the cycle of a
// full one at hand.
func (q *quick) roomToShrink() bool {
	m := q.m
	return m.heap.Largest() >= m.strt.Block.Size()+m.buf.Size
}

// sweepAndShrink is sweep when the string table or the concat buffer may become
// smaller, for which memory may run out, or others are told of what dies.
func (q *quick) sweepAndShrink() {
	m := q.m
	q.at, m.egc.Blocked = true, true
	m.checkSizes()
	m.gc.finalize = append(m.gc.finalize, q.finalize...)
	q.sweep()
	m.checkSizes()
	m.gc.estimate = m.total - q.finalizable
	if len(m.gc.finalize) > 0 {
		for m.gc.phase = gcFinalize; m.gc.phase != gcPaused; {
			m.single()
		}
		q.more = true // a finalizer may have collected itself
	}
	q.at, m.egc.Blocked = false, false
}

// shrinkAfter makes what is too big after a sweep smaller.
func (q *quick) shrinkAfter() {
	q.at, q.m.egc.Blocked = true, true
	q.m.checkSizes()
	q.at, q.m.egc.Blocked = false, false
}

// repeats reports whether a collection right after the last would do nothing.
func (q *quick) repeats() bool {
	m := q.m
	return q.valid && !q.dirty && !q.more && len(q.suspects) == 0 && !q.at && q.served > 0 && m.strt.Shrunk() == 0 && m.buf.Shrunk() == 0
}

// keeps reports whether nothing can have died because a slot of the stack of L, which
// runs, has lost x.
func (q *quick) keeps(L *Thread, slot int, x value) bool {
	if !x.isObject() {
		return true
	}
	if !q.valid {
		return false
	}
	if state := x.header().quick; state&quickYoung == 0 || state&quickGained != 0 {
		return !q.hangsAt(L, slot) // part of the graph
	}
	if q.misses > 8 { // it is not worth looking all the time
		q.misses = (q.misses + 1) % 256
		return false
	}
	for i := range L.stack[:L.top] {
		if y := &L.stack[i]; y.ref == x.ref && y.isObject() {
			q.misses = 0
			return true
		}
	}
	q.misses++
	return false
}

// hangsAt reports whether a part of the graph hangs on a slot of L's stack.
func (q *quick) hangsAt(L *Thread, slot int) bool {
	for _, s := range q.snap {
		if s.th == L && s.slot == slot {
			return true
		}
	}
	return false
}

// compare finds out what of the graph has lost its place on the stack.
func (q *quick) compare() {
	kept := q.snap[:0]
	for _, s := range q.snap {
		if q.dirty {
			return
		}
		slots := q.m.pins
		if s.th != nil {
			slots = s.th.stack[:s.th.top]
		}
		if (s.th == nil || !s.th.frozen) && s.slot < len(slots) && slots[s.slot].ref == s.ref && slots[s.slot].isObject() {
			kept = append(kept, s)
		} else {
			q.loseObject(nil, (*header)(s.ref))
			q.release()
		}
	}
	q.snap = kept
}

// clearKeys makes the keys of nodes dead that have lost their values.
func (q *quick) clearKeys() {
	for _, t := range q.emptied {
		if q.dirty {
			return
		}
		t.quick &^= quickEmptied
		for i := range t.nodes {
			if n := &t.nodes[i]; n.val.isNil() && n.key.isObject() {
				key := n.key
				n.removeKey()
				if t.mark&inGraph != 0 && t.holdsKey(key) {
					q.lose(&t.header, key)
				}
			}
		}
	}
	q.emptied = q.emptied[:0]
}
