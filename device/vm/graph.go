package vm

import "unsafe"

// The graph that quick collections know: what is in it counts the references that it
// has from the graph, and remembers through which of its objects it was first reached.
// So each has a way from a root.

// unsure stands in header.via for an object of which it is known that one refers to it.
var unsure header

// maxCircle is how many objects a circle may have to be found without a full collection.
const maxCircle = 256

// manyCircle is the number of objects of circles after which looking at all of the
// graph may pay. It is a variable for tests.
var manyCircle = 400

// stored notes that a place in h, which is part of the graph, has changed from old to
// new.
func (q *quick) stored(h *header, old, new value) {
	if q.valid && !q.dirty {
		q.gain(h, new)
		q.lose(h, old)
	}
}

// storedUnder notes that t has got a value for a key: what it is the metatable of may
// have become weak.
func (q *quick) storedUnder(t *Table, key value) {
	if key.ref == unsafe.Pointer(q.m.v.eventStrs[eventMode]) && t.mark&inGraph != 0 {
		q.dirty = true
	}
}

// closing notes that an open upvalue is about to get the value for its own that it
// has on the stack.
func (q *quick) closing(u *upvalue) {
	if u.mark&inGraph != 0 && q.valid && !u.th.frozen {
		q.gain(&u.header, *u.v)
	}
}

// gain makes what a value leads to part of the graph, what is near first. from refers
// to it; nil is a root.
func (q *quick) gain(from *header, x value) {
	if x.isObject() {
		q.gainObject(from, x.header())
		q.propagate()
	}
}

func (q *quick) gainObject(from, h *header) {
	if h.refs++; h.kind != kindString && h.mark&inGraph == 0 {
		h.mark |= inGraph
		h.quick |= quickGained
		h.via = from
		q.work = append(q.work, h)
	}
}

func (q *quick) propagate() {
	for i := 0; i < len(q.work); i++ {
		h := q.work[i]
		if h.kind == kindTable {
			t := h.table()
			q.joined(t)
			for i := range t.nodes {
				if t.keepsKeys() {
					break // see removeDeadKeys
				}
				if n := &t.nodes[i]; n.val.isNil() && n.key.isObject() {
					q.empty(t)
					break
				}
			}
		}
		q.follow(h, (*quick).gainObject)
	}
	q.work = q.work[:0]
}

// lose notes that from refers to x no longer. Nobody refers to what loses its last
// reference: it is outside of the graph then, and what it refers to loses one, too.
// What is still referred to, but not by the object through which it was first
// reached, is alive, since that is. Otherwise it may be a circle that nothing else
// holds: see resolve.
func (q *quick) lose(from *header, x value) {
	if !x.isObject() {
		return
	}
	q.loseObject(from, x.header())
	q.release()
}

// release takes the references of what has left the graph from it.
func (q *quick) release() {
	for len(q.work) > 0 && !q.dirty {
		h := q.work[len(q.work)-1]
		q.work = q.work[:len(q.work)-1]
		q.follow(h, (*quick).loseObject)
	}
}

func (q *quick) loseObject(from, h *header) {
	if h.mark&fixed != 0 {
		return
	}
	if h.refs--; h.refs > 0 {
		if h.kind != kindString && (h.via == from || h.via == &unsure) {
			q.suspect(h)
		}
		return
	}
	q.leave(h)
}

// leave puts what the graph does not refer to outside.
func (q *quick) leave(h *header) {
	if h.refs < 0 {
		panic("vm: an object of the graph has lost more references than it had")
	}
	if h.quick&quickYoung == 0 {
		q.young = append(q.young, h)
	}
	h.quick = h.quick&(quickEmptied|quickCircle|quickWeak) | quickYoung
	if q.clearing {
		h.quick |= quickMarked
	}
	if h.kind == kindString {
		return
	}
	h.mark &^= inGraph
	q.userdata = q.userdata || h.kind == kindUserData
	q.work = append(q.work, h)
}

// follow calls fn for each object that h, of the graph, refers to.
func (q *quick) follow(h *header, fn func(q *quick, from, to *header)) {
	to := func(x value) {
		if x.isObject() {
			fn(q, h, x.header())
		}
	}
	table := func(t *Table) {
		if t != nil && t.rom == nil {
			fn(q, h, &t.header)
		}
	}
	switch h.kind {
	case kindTable:
		t := h.table()
		table(t.meta)
		for i := range t.array {
			if x := t.array[i]; t.holdsValue(x) {
				to(x)
			}
		}
		for i := range t.nodes {
			if t.nodes[i].val.isNil() && t.keepsKeys() {
				continue // with a key that it does not hold
			}
			if x := t.nodes[i].key; t.holdsKey(x) {
				to(x)
			}
			if x := t.nodes[i].val; t.holdsValue(x) {
				to(x)
			}
		}
	case kindFunction:
		f := h.function()
		table(f.env)
		for _, x := range f.values {
			to(x)
		}
		if f.proto != nil {
			fn(q, h, &f.proto.header)
		}
		for _, u := range f.upvals {
			if u != nil {
				fn(q, h, &u.header)
			}
		}
	case kindUpvalue:
		if u := h.upvalue(); !u.isOpen() || u.th.frozen {
			to(*u.v)
		}
	case kindProto:
		p := h.proto()
		fn(q, h, &p.source.header)
		for i := range p.k {
			to(p.k[i])
		}
		for _, s := range p.names {
			fn(q, h, &s.header)
		}
		for _, n := range p.protos {
			fn(q, h, &n.header)
		}
	case kindUserData:
		u := h.userdata()
		table(u.meta)
		table(u.env)
	case kindThread:
		L := h.thread()
		table(L.globals)
		if L.frozen {
			for i := range L.stack[:L.top] {
				to(L.stack[i])
			}
		}
	}
}

// root makes a table part of the graph for good.
func (q *quick) root(t *Table) {
	if t != nil && t.rom == nil {
		q.gainObject(nil, &t.header)
	}
}

// resumed notes that co runs from now on: what is on its stack, but for the n values
// on top that it was given for that, is no longer the graph's.
func (q *quick) resumed(co *Thread, n int) {
	frozen := co.frozen
	if co.frozen = false; !frozen || !q.valid || q.dirty {
		return
	}
	// What leaves the graph because of it finds a coroutine that is not frozen, and leaves
	// what closures share with the stack alone.
	if co.mark&inGraph != 0 {
		for _, x := range co.stack[:co.top-n] {
			if x.isObject() {
				q.loseObject(&co.header, x.header())
			}
		}
	}
	for u := co.openUp; u != nil; u = u.open {
		if u.mark&inGraph != 0 && u.v.isObject() {
			q.loseObject(&u.header, u.v.header())
		}
	}
	q.release()
}

// suspended notes that co does not run any longer, and that what it has left for who
// resumed it is gone from its stack.
func (q *quick) suspended(co *Thread) {
	if q.valid && !co.parked {
		co.parked = true
		q.parked = append(q.parked, co)
	}
}

// freeze makes the stacks of coroutines that wait the graph's.
func (q *quick) freeze() {
	for _, co := range q.parked {
		co.parked = false
		if q.m.v.isActive(co) {
			continue
		}
		q.dirty = q.dirty || co.capturedAbove() || q.m.stackShrinks(co)
		co.clearAbove(co.reach())
		if co.mark&inGraph != 0 {
			for _, x := range co.stack[:co.top] {
				if x.isObject() {
					q.gainObject(&co.header, x.header())
				}
			}
		}
		for u := co.openUp; u != nil; u = u.open {
			if u.mark&inGraph != 0 && u.v.isObject() {
				q.gainObject(&u.header, u.v.header())
			}
		}
		co.frozen = true // what becomes part of the graph because of it counts the stack itself
		q.propagate()
	}
	q.parked = q.parked[:0]
}

// suspect notes that h has lost the reference through which it was reached.
func (q *quick) suspect(h *header) {
	if h.quick&quickSuspect == 0 {
		h.quick |= quickSuspect
		q.suspects = append(q.suspects, h)
	}
}

// resolve finds out which suspects are circles that nothing else holds, and puts them
// outside. All that could be part of one was reached through a suspect, or through
// something of which it is not known how it is: if nothing else refers to any of that,
// all of it is garbage, but for what the stacks hold.
func (q *quick) resolve() {
	for len(q.suspects) > 0 && !q.dirty {
		q.circle, q.edges = q.circle[:0], q.edges[:0]
		for _, h := range q.suspects {
			h.quick &^= quickSuspect
			q.encircle(h)
		}
		for _, h := range q.unsure {
			if h.via == &unsure {
				q.encircle(h)
			}
		}
		q.suspects, q.unsure = q.suspects[:0], q.unsure[:0]
		for i := 0; i < len(q.circle); i++ {
			if i >= maxCircle {
				q.dirty = true
				return
			}
			q.follow(q.circle[i], func(q *quick, from, to *header) {
				if to.kind != kindString && to.mark&(inGraph|fixed) == inGraph {
					q.edges = append(q.edges, edge{from, to})
					if to.via == from {
						q.encircle(to)
					}
				}
			})
		}
		q.findHeld()
		if q.circled += len(q.circle); q.circled > manyCircle {
			q.circled = 0
			q.findHolders()
		}
		for _, h := range q.circle {
			if h.quick&quickHeld == 0 {
				q.leave(h)
			}
		}
		q.work = q.work[:0]
		for _, h := range q.circle {
			if h.quick&quickHeld == 0 {
				q.follow(h, func(q *quick, from, to *header) {
					if to.quick&quickCircle == 0 {
						q.loseObject(from, to)
					}
				})
			}
		}
		for _, h := range q.circle {
			h.quick &^= quickCircle | quickHeld
		}
		q.release()
	}
}

// edge is a reference within the circle.
type edge struct{ from, to *header }

func (q *quick) encircle(h *header) {
	if h.mark&(inGraph|fixed) == inGraph && h.quick&quickCircle == 0 {
		h.quick |= quickCircle
		q.circle = append(q.circle, h)
	}
}

// findHeld finds out what of the circle something else refers to: without the
// references among themselves, that has one left. What is not held has none when this
// returns.
func (q *quick) findHeld() {
	for _, e := range q.edges {
		if e.to.quick&quickCircle != 0 {
			e.to.refs--
		}
	}
	for _, h := range q.circle {
		if h.refs > 0 {
			h.quick |= quickHeld
			h.via = &unsure
			q.unsure = append(q.unsure, h)
		}
	}
	for more := len(q.unsure) > 0; more; {
		more = false
		for i := range q.edges {
			e := &q.edges[i]
			if e.from == nil || e.to.quick&quickCircle == 0 || e.from.quick&quickHeld == 0 {
				continue
			}
			if e.to.refs++; e.to.quick&quickHeld == 0 {
				e.to.quick |= quickHeld
				e.to.via = e.from
				more = true
			}
			e.from = nil // counted
		}
	}
}

// findHolders finds out what refers to objects of the circle from outside of it: what
// is reached that way is not looked at each time.
func (q *quick) findHolders() {
	for h := q.m.gc.head.next; h != nil; h = h.next {
		if h.mark&inGraph != 0 && h.quick&quickCircle == 0 {
			q.follow(h, func(q *quick, from, to *header) {
				if to.via == &unsure {
					to.via = from
				}
			})
		}
	}
}
