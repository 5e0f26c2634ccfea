package membrane

import (
	"cmp"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// How long one side holds what the other has.

// mostGarbage is how many proxies may be garbage before that is looked for, beside as many
// as there are.
const mostGarbage = 64

// landed says that values have come where they were to go, or will never.
func (m *Membrane) landed(list []val) {
	for _, v := range list {
		if v.h != nil {
			v.h.way--
			m.dropUnused(v.h)
		}
		if v.l != nil {
			v.l.way--
		}
	}
}

// handleOf is the handle of an object of the far side.
func (m *Membrane) handleOf(x vm.Value) *handle {
	h := m.handles[x]
	if h == nil {
		m.last++
		h = &handle{far: m.far, x: x, held: m.far.Hold(x), id: m.last}
		m.handles[x] = h
	}
	return h
}

// dropUnused drops an object that the near side has no longer.
func (m *Membrane) dropUnused(h *handle) {
	if h.n == 0 && h.way == 0 && h.far != nil {
		delete(m.handles, h.x)
		m.far.Drop(&h.held)
		h.far = nil
	}
}

// endProxies forgets those that the near side's collector has freed.
func (m *Membrane) endProxies() {
	m.late = slices.DeleteFunc(m.late, func(p *proxy) bool {
		if !m.near.Gone(p.u) {
			return false
		}
		delete(m.handled, p.fn)
		p.h.n--
		m.dropUnused(p.h)
		return true
	})
}

// collectNear frees what is garbage on the near side, but for what only finalizers still have.
func (m *Membrane) collectNear() {
	m.near.Collect()
	m.near.Collect() // what the first has finalized
	m.endProxies()
	m.enough = len(m.handles) + mostGarbage
}

// Collect frees what is garbage on the near side, and holds nothing on the far one for it.
func (m *Membrane) Collect() {
	if len(m.handles) < 2 && len(m.lent)+len(m.handled)+len(m.late) == 0 { // nothing but the globals
		return
	}
	m.collectNear()
	m.EndLoans()
	if m.endCircles() {
		m.collectNear()
	}
}

// endCircles ends the loans of what the far side could only call if it had itself been
// called by that, and reports whether there were any.
func (m *Membrane) endCircles() bool {
	if len(m.lent) == 0 || len(m.handles) < 2 { // one is that of the globals
		return false
	}
	nears, fars := map[vm.Held]bool{}, map[vm.Held]bool{}
	for _, l := range m.lent {
		if l.way == 0 {
			nears[l.held] = true
		}
	}
	for _, h := range m.handles {
		if h.way == 0 && h != m.globals {
			fars[h.held] = true
		}
	}
	near, far := m.near.Reach(nears), m.far.Reach(fars)
	for found := true; found; {
		found = false
		near.Each(func(x vm.Value) {
			if p, ok := m.near.ToObject(x).(*proxy); ok && p.h.far == m.far && fars[p.h.held] {
				delete(fars, p.h.held)
				far.Add(p.h.x)
				found = true
			}
		})
		far.Each(func(x vm.Value) {
			if l := m.lent[x]; l != nil && nears[l.held] {
				delete(nears, l.held)
				near.Add(l.near)
				found = true
			}
		})
	}
	return m.endAll(func(l *loan) bool { return nears[l.held] })
}

// relieve collects on the near side when the far one's memory has run out: garbage there must
// not be why. It reports whether there was any.
func (m *Membrane) relieve() bool {
	if m.relieves {
		return false
	}
	m.relieves = true
	defer func() { m.relieves = false }()
	before := len(m.handles)
	m.inNear(func(nc *vm.Call) { m.Collect() }) // an error is a finalizer's
	return len(m.handles) < before
}

// EndLoans forgets what one side has no longer of the other's, as far as their collectors
// have found it.
func (m *Membrane) EndLoans() {
	m.endProxies()
	m.endAll(func(l *loan) bool { return l.way == 0 && m.far.Gone(l.far) })
}

// endAll ends loans, and reports whether there were any.
func (m *Membrane) endAll(is func(l *loan) bool) bool {
	var list []*loan
	for _, l := range m.lent {
		if is(l) {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b *loan) int { return cmp.Compare(a.held, b.held) })
	for _, l := range list {
		m.endLoan(l)
	}
	return len(list) > 0
}

func (m *Membrane) endLoan(l *loan) {
	delete(m.lent, l.far)
	if m.loans[l.near] == l {
		delete(m.loans, l.near)
	}
	m.near.Drop(&l.held)
}
