package vm

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// incremental is the state of the incremental collector, which runs in all modes
// of the emergency collector and alone in NOT_ACTIVE: a cycle begins when the
// bytes in use pass a threshold and advances by a step at a time. What a step
// visits before it stops decides what the next one waits for, so the objects are
// visited in the firmware's order (see gray.go). What a step has found stays
// until the next cycle, even if it died meanwhile; what else is alive is marked
// in one go where the firmware marks the last time.
// Only exact accounts have it; lazy ones collect when they must.
type incremental struct {
	phase     gcPhase
	gray      gray
	work      int // slots or objects still to sweep
	threshold int
	debt      int
	estimate  int
	dead      []*udataState
	garbage   []youngBlock // charged, and not found by the last mark
	rows      [][]string   // dead strings, by the row of the string table they are in
}

type gcPhase uint8

const (
	gcPaused gcPhase = iota
	gcPropagate
	gcSweepStrings
	gcSweep
	gcFinalize
)

// Costs of the parts of a step (fw: app/lua/lgc.c).
const (
	gcSweepCost    = 10
	gcFinalizeCost = 100
)

// setThreshold starts the wait for the next cycle.
func (m *memory) setThreshold() {
	m.incr = incremental{estimate: m.total, threshold: m.total / 100 * m.pause}
}

// checkGC takes a step when it is due (luaC_checkGC).
func (m *memory) checkGC() {
	if m.exact && m.on && m.total >= m.incr.threshold && !m.inGC && !m.egc.Blocked {
		m.step()
	}
}

// step advances the cycle by GCStepSize bytes' worth of work (luaC_step). It
// reports whether the cycle ended.
func (m *memory) step() bool {
	g := &m.incr
	budget := heap.GCStepSize / 100 * m.stepmul
	if budget == 0 {
		budget = 1 << 30
	}
	g.debt += m.total - g.threshold
	g.estimate = min(g.estimate, m.total)
	blocked := m.egc.Blocked
	m.inGC, m.egc.Blocked = true, true
	for {
		budget -= m.singleStep()
		if g.phase == gcPaused || budget <= 0 {
			break
		}
	}
	m.inGC, m.egc.Blocked = false, blocked
	if g.phase == gcPaused {
		g.threshold = g.estimate / 100 * m.pause
		return true
	}
	if g.debt < heap.GCStepSize {
		g.threshold = m.total + heap.GCStepSize
	} else {
		g.debt -= heap.GCStepSize
		g.threshold = m.total
	}
	return false
}

func (m *memory) singleStep() int {
	g := &m.incr
	switch g.phase {
	case gcPaused:
		g.phase = gcPropagate
		m.grayRoots()
		return 0
	case gcPropagate:
		if g.gray.pending() {
			return m.visit()
		}
		g.dead = m.markAll()
		g.gray = gray{}
		g.garbage = append(g.garbage, m.unbound...)
		m.unbound = m.unbound[:0]
		g.estimate = m.total
		for _, u := range g.dead {
			g.estimate -= int(u.size)
		}
		g.phase, g.work = gcSweepStrings, m.strt.Slots
		m.listDeadStrings()
		return 0
	case gcSweepStrings:
		m.sweepStrings()
		return gcSweepCost
	case gcSweep:
		if g.work == 0 {
			g.work = m.objects()
			m.sweepIncremental() // what is dead is young, and the young are swept first
		}
		if g.work -= heap.GCSweepMax; g.work <= 0 {
			g.phase, g.work = gcFinalize, 0
		}
		return heap.GCSweepMax * gcSweepCost
	default:
		if len(g.dead) > 0 {
			u := g.dead[0]
			g.dead = g.dead[1:]
			if g.estimate > gcFinalizeCost {
				g.estimate -= gcFinalizeCost
			}
			m.finalize([]*udataState{u})
			return gcFinalizeCost
		}
		g.phase, g.debt = gcPaused, 0
		return 0
	}
}

// listDeadStrings finds the strings that this cycle's mark did not reach.
func (m *memory) listDeadStrings() {
	g := &m.incr
	g.rows = make([][]string, m.strt.Slots)
	for s, o := range m.strs {
		if o.epoch != m.epoch && !o.pinned {
			row := heap.StringHash(s) & uint32(m.strt.Slots-1)
			g.rows[row] = append(g.rows[row], s)
		}
	}
}

// sweepStrings frees the dead strings of one row, but for those that were made once
// more meanwhile: they are alive again.
func (m *memory) sweepStrings() {
	g := &m.incr
	before := m.total
	for _, s := range g.rows[len(g.rows)-g.work] {
		if o := m.strs[s]; o != nil && o.epoch != m.epoch {
			m.freeObject(o)
			o.gone = true
			delete(m.strs, s)
			m.strt.Live--
		}
	}
	g.estimate -= before - m.total
	if g.work--; g.work == 0 {
		g.phase, g.rows = gcSweep, nil
	}
}

// objects is the number of objects a sweep looks at: all but strings and the
// upvalues that a running function still has on its stack.
func (m *memory) objects() int {
	n := bootHiddenObjects + len(m.tables) + len(m.funcs) + len(m.protos) + len(m.threads) + len(m.udata)
	for uv := range m.upvals {
		if upvalueOf(uv).closed {
			n++
		}
	}
	for i := range m.incr.garbage {
		if m.incr.garbage[i].kind != kindString {
			n++
		}
	}
	return n
}

// sweepIncremental frees what the mark of this cycle did not reach.
func (m *memory) sweepIncremental() {
	g := &m.incr
	before, hold := m.total, m.hold
	m.hold, m.held = true, 0 // what was charged since the mark is alive
	m.sweep()
	m.hold = hold
	for i := range g.garbage {
		m.free(&g.garbage[i].blk)
	}
	g.garbage = g.garbage[:0]
	g.estimate -= before - m.total
}
