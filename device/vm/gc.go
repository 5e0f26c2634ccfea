package vm

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// The collector is the firmware's, phase by phase (fw: app/lua/lgc.c): incremental
// mark and sweep with two whites, which a full collection runs through in one go.
// What a step visits before it stops decides what the next one waits for and which
// block is free when, so lists are gone through in its order: what was found last
// is visited first, tables from their last slot to their first, and the newest
// object is swept first.
type collector struct {
	phase     gcPhase
	white     uint8  // of what is made now
	head      header // of the list of all objects but strings; the main thread is in it, userdata follow
	gray      []*header
	grayAgain []*header
	weak      []*Table
	finalize  []*UserData // dead, to be finalized, the next one first
	row       int         // of the string table, to be swept next
	at        *header     // what is swept next comes after it
	threshold int
	estimate  int
	debt      int
	pause     int // percent
	stepmul   int // percent
	reuse     bool
}

type gcPhase uint8

const (
	gcPaused gcPhase = iota
	gcPropagate
	gcSweepStrings
	gcSweep
	gcFinalize
)

// Bits of header.mark.
const (
	white0 = 1 << iota
	white1
	black
	fixed    // never collected
	inGraph  // of quick.go
	whites   = white0 | white1
	barriers = black | inGraph
)

// Bits of Table.weak.
const (
	weakKeys = 1 << iota
	weakValues
)

// Costs of the parts of a step (fw: app/lua/lgc.c).
const (
	gcSweepCost    = 10
	gcFinalizeCost = 100
)

func (g *collector) init(m *memory) {
	g.white = white0
	g.pause, g.stepmul = heap.GCPause, heap.GCStepMul
	g.at = &g.head
}

// begin makes h a new object.
func (m *memory) begin(h *header, kind uint8) {
	h.kind = kind
	h.mark = m.gc.white
	if m.track != nil {
		m.track.note(h)
	}
	m.quick.born(h)
}

// link makes h a new object in the list.
func (m *memory) link(h *header, kind uint8) {
	m.begin(h, kind)
	m.insert(h, &m.gc.head)
}

func (m *memory) insert(h, after *header) {
	h.prev, h.next = after, after.next
	if after.next != nil {
		after.next.prev = h
	}
	after.next = h
}

// unlink takes an object out of the list of all.
func (m *memory) unlink(h *header) {
	if m.gc.at == h {
		m.gc.at = h.prev
	}
	h.prev.next = h.next
	if h.next != nil {
		h.next.prev = h.prev
	}
}

// linkUpvalue puts an upvalue that was just closed into the list (luaC_linkupval).
func (m *memory) linkUpvalue(u *upvalue) {
	h := &u.header
	m.insert(h, &m.gc.head)
	if h.mark&(whites|black) == 0 { // gray
		if m.gc.phase == gcPropagate {
			h.mark |= black
			if v := u.own; v.isObject() && v.header().mark&whites != 0 {
				m.reallyMark(v.header())
			}
		} else {
			m.makeWhite(h)
		}
	}
}

func (m *memory) makeWhite(h *header) { h.mark = h.mark&^(whites|black) | m.gc.white }

// isDead reports whether h was found dead by the cycle at hand and not yet swept.
func (m *memory) isDead(h *header) bool { return h.mark&(m.gc.white^whites) != 0 && h.mark&fixed == 0 }

// revive makes an object alive again that is found while it waits to be swept.
func (m *memory) revive(h *header) {
	if m.isDead(h) {
		h.mark ^= whites
	}
}

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
		n := t.bytes()
		if len(t.nodes) == 0 {
			n += heap.HashNode // the node that empty tables share counts
		}
		return n
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
		return heap.ThreadHeader + L.stk.Bytes()
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
	m.strt.Live--
	m.freeBlock(&s.header)
	m.pool.buryString(s, m.gc.reuse)
}

// freeBlock gives back the block of a dead object.
func (m *memory) freeBlock(h *header) {
	m.total -= h.blk.Size()
	m.heap.Release(&h.blk)
	if m.track != nil {
		m.track.forget(h)
	}
}

// freeObject gives back the memory of an object that no list has any longer.
func (m *memory) freeObject(h *header) {
	switch h.kind {
	case kindString:
		m.freeString(h.str())
	case kindTable:
		t := h.table()
		if t.nod.Placed() {
			m.free(&t.nod)
		}
		if t.arr.Placed() {
			m.free(&t.arr)
		}
		m.freeBlock(h)
		m.pool.buryTable(t, m.gc.reuse)
	case kindFunction:
		m.freeBlock(h)
		m.pool.buryFunction(h.function(), m.gc.reuse)
	case kindUpvalue:
		m.freeBlock(h)
		m.pool.buryUpvalue(h.upvalue(), m.gc.reuse)
	case kindProto:
		p := h.proto()
		for i := len(p.parts) - 1; i > 0; i-- {
			m.free(&p.parts[i])
		}
		m.freeBlock(h)
		*p = proto{name: p.name, chunk: p.chunk, lineDefined: p.lineDefined} // see Thread.start and Code
	case kindThread:
		L := h.thread()
		m.closeUpvalues(L, 0)
		m.free(&L.stk.Calls)
		m.free(&L.stk.Data)
		m.freeBlock(h)
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
		m.freeBlock(h)
		*u = UserData{}
	case kindScratch:
		h.scratch().t.Free(m)
		m.freeBlock(h)
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

// paidFinalizer is what a finalizer does to the estimate.
func (g *collector) paidFinalizer() {
	if g.estimate > gcFinalizeCost {
		g.estimate -= gcFinalizeCost
	}
}

// single takes one step of a cycle and returns its cost.
func (m *memory) single() int {
	g := &m.gc
	switch g.phase {
	case gcPaused:
		m.quick.drop()
		m.markRoots()
		return 0
	case gcPropagate:
		if len(g.gray) > 0 {
			return m.propagate()
		}
		m.atomic()
		return 0
	case gcSweepStrings:
		m.sweepRow()
		return gcSweepCost
	case gcSweep:
		before := m.total
		if m.sweepSome(heap.GCSweepMax) {
			m.checkSizes()
			g.phase = gcFinalize
		}
		g.estimate -= before - m.total
		return heap.GCSweepMax * gcSweepCost
	default:
		if len(g.finalize) > 0 {
			m.callFinalizer()
			g.paidFinalizer()
			return gcFinalizeCost
		}
		g.phase, g.debt = gcPaused, 0
		return 0
	}
}

// checkGC takes a step when it is due (luaC_checkGC).
func (m *memory) checkGC() {
	if m.total >= m.gc.threshold && !m.egc.Blocked && m.on {
		m.step()
	}
}

// step advances the cycle by GCStepSize bytes' worth of work (luaC_step).
func (m *memory) step() {
	g := &m.gc
	if m.egc.Blocked {
		return
	}
	m.egc.Blocked = true
	m.mayReuse()
	budget := heap.GCStepSize / 100 * g.stepmul
	if budget == 0 {
		budget = 1 << 30
	}
	g.debt += m.total - g.threshold
	g.estimate = min(g.estimate, m.total)
	for {
		budget -= m.single()
		if g.phase == gcPaused || budget <= 0 {
			break
		}
	}
	switch {
	case g.phase == gcPaused:
		g.threshold = g.estimate / 100 * g.pause
		m.collected()
	case g.debt < heap.GCStepSize:
		g.threshold = m.total + heap.GCStepSize
	default:
		g.debt -= heap.GCStepSize
		g.threshold = m.total
	}
	m.egc.Blocked = false
}

// mayReuse notes whether what dies now may be used again: see pool.
func (m *memory) mayReuse() {
	m.gc.reuse = m.v.natives == 0 && m.v.running != nil && !m.pool.off
}

// collect runs a full collection (luaC_fullgc), or what comes to the same.
func (m *memory) collect() {
	if !m.on || m.egc.Blocked {
		return
	}
	m.mayReuse()
	if m.quick.valid && m.quick.collect() {
		m.quicks++
	} else {
		m.egc.Blocked = true
		m.fulls++
		m.full()
		m.egc.Blocked = false
	}
	m.settle()
}

// settle is how a full collection ends.
func (m *memory) settle() {
	m.gc.threshold = m.gc.estimate / 100 * m.gc.pause
	m.collected()
}

func (m *memory) collected() {
	if m.v.onCollected != nil {
		m.v.onCollected()
	}
}

// full is the firmware's full collection: it ends the cycle at hand, if any, and
// runs a whole one.
func (m *memory) full() {
	g := &m.gc
	m.quick.drop()
	switch {
	case g.phase == gcPaused:
		m.checkSizes() // a sweep of nothing ends with that
	case g.phase <= gcPropagate:
		g.gray, g.grayAgain, g.weak = g.gray[:0], g.grayAgain[:0], g.weak[:0]
		g.row, g.at, g.phase = 0, &g.head, gcSweepStrings
		fallthrough
	default:
		for g.phase != gcFinalize {
			m.single()
		}
	}
	m.markRoots()
	for g.phase != gcPaused {
		m.single()
	}
	m.quick.remember()
}
