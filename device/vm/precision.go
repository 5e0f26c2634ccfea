package vm

import "github.com/nodemcu-sim/nodemcu-sim/device/heap"

// An account that walks the graph before every allocation makes a program that
// allocates much ten to a hundred times slower. So it is exact where that decides
// something, or costs nothing:
//
//   - while the heap is nearly full;
//   - for a large request: contiguity decides about it;
//   - while the string table is about to grow;
//   - when a stack grows;
//   - while the collector is held up (a compilation, collectgarbage("stop")) or
//     runs in another mode than ALWAYS: nothing is walked before an allocation
//     then;
//
// and else lazy. Both changes happen right after a collection and before a request
// is granted: then it is known what is alive, and that has its place.
const (
	// exactMargin is the free heap, in bytes, below which the account is exact,
	// and exactMargin + lazyMargin that above which it is lazy again.
	exactMargin = 1 << 10
	lazyMargin  = 512
	// largeShare is which part of the free heap a large request exceeds: 1.4 KB at
	// the prompt.
	largeShare = 32
)

// canSwitch reports whether a collection may run now.
func (m *memory) canSwitch() bool { return m.on && !m.egc.Blocked && !m.inGC }

// unsure reports whether a lazy account must think about a request of n bytes
// that makes a number of strings: see decide.
func (m *memory) unsure(n, strings int) bool {
	return m.heap.Free()-n < exactMargin || n >= bigBlock || m.strt.Live+strings >= m.strt.Slots
}

// decide finds out what is alive when a lazy account must know, and makes it
// exact when it must stay so.
func (m *memory) decide(n, strings int) {
	if m.canSwitch() && (m.heap.Free()-n < exactMargin || m.isLarge(n) && m.heap.Unplaced() > 0 ||
		m.strt.Live+strings >= m.strt.Slots && m.crowded(strings)) {
		m.collect()
		if m.exact = !m.mayBeLazy(n); m.exact {
			m.switchedAt = m.requests + 1
		}
	}
}

// isLarge reports whether it depends on where the other blocks are that n bytes find
// room.
func (m *memory) isLarge(n int) bool { return n >= bigBlock && n > m.heap.Free()/largeShare }

// mayBeLazy reports whether nothing asks for an exact account now that it is
// known what is alive, and n bytes are asked for.
func (m *memory) mayBeLazy(n int) bool {
	return !m.isLarge(n) && m.egc.Mode&heap.EGCAlways != 0 && m.heap.Free()-n >= exactMargin+lazyMargin &&
		(m.strt.Live+2 < m.strt.Slots || m.strt.Stuck)
}

// beExact finds out what is alive and goes on exactly, until relax finds no more
// reason to.
func (m *memory) beExact() {
	if !m.exact && m.canSwitch() {
		m.collect()
		m.exact = true
	}
}

// relax makes an exact account lazy when it may be. It runs between the collection
// before a request of n bytes and the next.
func (m *memory) relax(n int) {
	if !m.always && m.canSwitch() && len(m.unbound) == 0 && m.mayBeLazy(n) {
		m.exact = false
		m.sinceMark = 0
		m.countStrings()
	}
}

// charged notes the block of an object that is about to be made. When the
// account has just become lazy, it keeps the bytes and not the block.
func (m *memory) charged(k objectKind, b *heap.Block) {
	if m.exact {
		m.unbound = append(m.unbound, youngBlock{k, *b})
		return
	}
	n := b.Size()
	m.heap.Release(b)
	m.heap.Take(n)
	m.taken += n
	m.strt.Live += made[k]
}

// idleCalls is how many calls without a request in between an exact account lasts.
const idleCalls = 128

// idle counts a call while the account is exact: a program that only computes needs
// no exact account, and nothing else would end it.
func (m *memory) idle() {
	if m.requests != m.idleAt {
		m.idleAt, m.idled = m.requests, 0
	}
	if m.idled++; m.idled < idleCalls || m.always || !m.canSwitch() || !m.mayBeLazy(0) {
		return
	}
	m.idled = 0
	if len(m.unbound) > 0 {
		m.collect()
	}
	m.relax(0)
}
