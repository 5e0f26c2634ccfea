package vm

import (
	"unsafe"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Strings are all in one table, by their hash. It doubles when a new string would
// be made while as many are there as it has rows (fw: app/lua/lstring.c).

// bootStringSlots is the number of rows until accounting begins.
const bootStringSlots = 64

// find returns the string of the given content, nil if there is none in memory.
func (m *memory) find(s string, hash uint32) *str {
	for p := m.rows[hash&uint32(len(m.rows)-1)]; p != nil; p = p.nextStr() {
		if p.hash == hash && p.s == s {
			m.revive(&p.header)
			return p
		}
	}
	return nil
}

// known is find for who makes no string: one in the flash store will do as well.
func (m *memory) known(s string, hash uint32) *str {
	p := m.find(s, hash)
	if p == nil && m.flash != nil {
		p = m.flash.find(s, hash)
	}
	return p
}

func (s *str) nextStr() *str { return (*str)(unsafe.Pointer(s.next)) }

// intern returns the string of the given content and makes it if need be
// (luaS_newlstr).
func (m *memory) intern(s string) *str { return m.internAfter(s, false) }

// internAfter is intern. again: see memory.realloc.
func (m *memory) internAfter(s string, again bool) *str {
	hash := heap.StringHash(s)
	if p := m.find(s, hash); p != nil {
		return p
	}
	return m.newString(s, hash, false, again)
}

// internBytes is intern for bytes that will change. again: see memory.realloc.
func (m *memory) internBytes(b []byte, again bool) *str {
	s := unsafe.String(unsafe.SliceData(b), len(b))
	hash := heap.StringHash(s)
	if p := m.find(s, hash); p != nil {
		return p
	}
	t := m.pool.text(len(b))
	copy(t, b)
	return m.newString(unsafe.String(unsafe.SliceData(t), len(t)), hash, true, again)
}

// internText is intern for what pool.text has returned.
func (m *memory) internText(t []byte, again bool) *str {
	s := unsafe.String(unsafe.SliceData(t), len(t))
	hash := heap.StringHash(s)
	if p := m.find(s, hash); p != nil {
		m.pool.giveText(s)
		return p
	}
	return m.newString(s, hash, true, again)
}

// newString makes the string s, which is not in memory, unless the flash store has it or a
// finalizer makes it meanwhile. own: its bytes are of pool.text.
func (m *memory) newString(s string, hash uint32, own, again bool) *str {
	if m.flash != nil {
		if is := m.flash.find(s, hash); is != nil {
			if own {
				m.pool.giveText(s)
			}
			return is
		}
	}
	p := m.pool.str()
	finalized := m.finalized
	if m.on {
		if g := m.strt.Grown(); g > 0 {
			m.resizeStrings(g)
		}
		m.alloc(&p.blk, heap.StringSize(len(s)), again)
	} else if m.strt.Live >= len(m.rows) {
		m.rehashStrings(2 * len(m.rows))
	}
	if m.finalized != finalized {
		if is := m.find(s, hash); is != nil {
			m.free(&p.blk)
			if own {
				m.pool.giveText(s)
			}
			return is
		}
	}
	p.hash, p.s, p.own = hash, s, own
	m.begin(&p.header, kindString)
	row := &m.rows[hash&uint32(len(m.rows)-1)]
	if p.next = nil; *row != nil {
		p.next = &(*row).header
	}
	*row = p
	m.strt.Live++
	return p
}

// resizeStrings changes the number of rows (luaS_resize). While the collector
// sweeps strings it does a step of that instead.
func (m *memory) resizeStrings(n int) {
	if m.gc.phase == gcSweepStrings {
		m.sweepRow()
		if m.gc.phase == gcSweepStrings {
			return
		}
	}
	if n == m.strt.Slots || m.strt.Stuck {
		return
	}
	m.strt.Stuck = true // for ever, if memory runs out now
	if n > m.strt.Slots {
		m.Realloc(&m.strt.Block, n*heap.StringTableSlot)
	} else if !m.shrink(&m.strt.Block, n*heap.StringTableSlot) {
		n = m.strt.Slots
	}
	m.rehashStrings(n)
	m.strt.Slots = n
	m.strt.Stuck = false
}

func (m *memory) rehashStrings(n int) {
	rows := make([]*str, n)
	for _, p := range m.rows {
		for p != nil {
			next := p.nextStr()
			row := &rows[p.hash&uint32(n-1)]
			if p.next = nil; *row != nil {
				p.next = &(*row).header
			}
			*row = p
			p = next
		}
	}
	m.rows = rows
}

// unlinkString takes a string out of its row.
func (m *memory) unlinkString(s *str) {
	row := &m.rows[s.hash&uint32(len(m.rows)-1)]
	if *row == s {
		*row = s.nextStr()
		return
	}
	for p := *row; p != nil; p = p.nextStr() {
		if p.next == &s.header {
			p.next = s.next
			return
		}
	}
	panic("vm: a string is not in its row")
}
