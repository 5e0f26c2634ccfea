package vm

import (
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
	head      header // of the list of all objects but strings and open upvalues, the newest first, and behind the main thread userdata, the newest first
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
	flashed  // see flashed.go
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

// link makes h a new object in the list: begin, and insert.
func (m *memory) link(h *header, kind uint8) {
	h.kind = kind
	h.mark = m.gc.white
	if m.track != nil {
		m.track.note(h)
	}
	m.quick.born(h)
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
			if g.estimate > gcFinalizeCost {
				g.estimate -= gcFinalizeCost
			}
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
	if m.gc.reuse = m.mayReuse(); m.gc.reuse && len(m.pool.late) > 0 {
		m.pool.keepLate()
	}
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
		m.settle()
	case g.debt < heap.GCStepSize:
		g.threshold = m.total + heap.GCStepSize
	default:
		g.debt -= heap.GCStepSize
		g.threshold = m.total
	}
	m.egc.Blocked = false
}

// mayReuse reports whether what dies now may be used again: see pool.
func (m *memory) mayReuse() bool { return m.v.natives == 0 && m.v.running != nil && !m.pool.off }

// collect runs a full collection (luaC_fullgc), or what comes to the same. again: see
// realloc.
func (m *memory) collect(again bool) {
	if !m.on || m.egc.Blocked {
		return
	}
	if again && m.quick.repeats() {
		m.quicks++
		m.gc.estimate = m.total
		m.settle()
		return
	}
	if m.gc.reuse = m.mayReuse(); m.gc.reuse && len(m.pool.late) > 0 {
		m.pool.keepLate()
	}
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
	if m.onCollected != nil {
		m.onCollected()
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
