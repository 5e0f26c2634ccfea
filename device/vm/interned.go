package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// The string table doubles when a new string would be made while as many are
// alive as it has slots. An exact account knows that number. A lazy one keeps a
// bound: it counts every string made since the last walk, and when the bound
// comes to the slots it looks where such strings can be, which costs much less
// than a walk: on the stacks, and among what was stored in tables and variables
// since. Only when that leaves a doubt the account becomes exact, for as long as
// there is no room for two more strings: a program that stays just below the
// threshold for ever is as slow as with an exact account, and not slower.

// stringBound is what a lazy account knows of the strings that may be alive.
type stringBound struct {
	walked  int      // alive at the last walk
	cells   int      // upvalues that hold, or will when they close, one made since
	escaped []string // stored in a table or a variable since
	lost    bool     // escaped is full: only a walk can tell
}

// maxEscaped bounds the stored strings that are remembered, maxScanned the
// threads whose stacks are looked through.
const (
	maxEscaped = 256
	maxScanned = 8
)

// made is how many strings an object of each kind is.
var made = [...]int{kindString: 1, kindFunction: 0, kindUpvalue: 0, kindProto: 0}

// crowded reports whether, after n more strings, as many may be alive as the
// string table has slots: the string after them would make it grow. The account
// is lazy.
func (m *memory) crowded(n int) bool {
	if m.strt.Stuck || !m.canSwitch() {
		return false
	}
	if bound := m.boundStrings(); bound >= 0 {
		m.strt.Live = bound
	}
	return m.strt.Live+n >= m.strt.Slots
}

// boundStrings is the largest number of strings that can be alive, -1 when only
// a walk can tell. It first leaves out what it happens to recognize, and only if
// that is not enough what the last walk has seen.
func (m *memory) boundStrings() int {
	b := &m.bound
	if b.lost || len(m.threads) > maxScanned {
		return -1
	}
	known := b.walked + b.cells
	n := known + len(b.escaped) + m.unrecognized(m.pins)
	if len(m.threads) == 1 {
		n += m.unrecognized(m.v.main.registers())
	} else {
		for _, t := range m.threads {
			n += m.unrecognized(t.stack.corpse) + m.unrecognized(t.registers())
		}
	}
	if n+1 < m.strt.Slots {
		return n
	}
	young := map[string]bool{}
	note := func(s string) {
		if m.strs[s] == nil {
			young[s] = true
		}
	}
	noteAll := func(values []lua.LValue) {
		for _, x := range values {
			if s, ok := x.(lua.LString); ok {
				note(string(s))
			}
		}
	}
	for _, s := range b.escaped {
		note(s)
	}
	noteAll(m.pins)
	for _, t := range m.threads {
		noteAll(t.stack.corpse)
		noteAll(t.registers())
	}
	return known + len(young)
}

// unrecognized is the number of strings among values whose objects are not at
// hand.
func (m *memory) unrecognized(values []lua.LValue) int {
	n := 0
	for _, x := range values {
		if s, ok := x.(lua.LString); ok && m.recognize(string(s)) == nil {
			n++
		}
	}
	return n
}

// countStrings begins the bound anew after a walk.
func (m *memory) countStrings() {
	b := &m.bound
	b.walked, b.cells, b.escaped, b.lost = len(m.strs), 0, b.escaped[:0], false
	for _, t := range m.threads {
		for uv := t.state.uvcache; uv != nil; uv = uv.next {
			b.cells++
		}
	}
}

// stores notes that x is about to be stored where the stacks do not show it.
func (m *memory) stores(x lua.LValue) {
	if s, ok := x.(lua.LString); ok {
		m.escapes(string(s))
	}
}

func (m *memory) escapes(s string) {
	b := &m.bound
	if m.exact || b.lost {
		return
	}
	if len(b.escaped) == maxEscaped {
		young := map[string]bool{}
		keep := b.escaped[:0]
		for _, s := range b.escaped {
			if m.strs[s] == nil && !young[s] {
				young[s] = true
				keep = append(keep, s)
			}
		}
		b.escaped = keep
		b.lost = len(keep) > maxEscaped/2
	}
	b.escaped = append(b.escaped, s)
}

// intern accounts for making string s.
func (m *memory) intern(s string) {
	if !m.on {
		return
	}
	n := heap.StringSize(len(s))
	if !m.exact && m.unsure(n, 1) {
		m.decide(n, 1)
	}
	if !m.exact { // it counts each mention of a string as a new one
		m.take(kindString, n)
		if m.track != nil {
			m.track.note(stringKey(s))
		}
		return
	}
	if o, ok := m.strs[s]; ok {
		o.epoch = m.epoch // a dead one that was not swept yet lives on
		return
	}
	if g := m.strt.GrownFor(1); g > 0 {
		if m.incr.phase == gcSweepStrings { // a crowded table is swept first (luaC_sweepstrgc)
			m.sweepStrings()
		}
		if m.incr.phase != gcSweepStrings {
			m.growStringTable(g)
		}
	}
	o := &object{size: int32(n)}
	m.Realloc(&o.blk, n)
	switch {
	case !m.exact:
		m.charged(kindString, &o.blk)
	case m.strs[s] != nil: // made while the account was lazy, and found just now
		m.free(&o.blk)
	default:
		o.epoch = m.epoch
		m.addString(s, o)
		m.strt.Live++
	}
	if m.track != nil {
		m.track.note(stringKey(s))
	}
}

func (m *memory) growStringTable(n int) {
	m.strt.Stuck = true
	m.Realloc(&m.strt.Block, n*heap.StringTableSlot)
	m.strt.Stuck = false
	m.strt.Slots = n
}

// foundString remembers the object of a string by where the string is, which
// spares the mark a look into a table for most: constants, and what was there at
// the last mark.
type foundString struct {
	p *byte
	n int
	o *object
}

const foundStrings = 512

// recognize returns the object of a string if it was looked up before.
func (m *memory) recognize(s string) *object {
	p := unsafe.StringData(s)
	e := &m.strCache[(uintptr(unsafe.Pointer(p))>>3^uintptr(len(s)))%foundStrings]
	if e.p == p && e.n == len(s) && e.o != nil && !e.o.gone {
		return e.o
	}
	return nil
}

// stringObject returns the object of a string, nil if it has none.
func (m *memory) stringObject(s string) *object {
	o := m.recognize(s)
	if o == nil {
		if o = m.strs[s]; o != nil {
			p := unsafe.StringData(s)
			m.strCache[(uintptr(unsafe.Pointer(p))>>3^uintptr(len(s)))%foundStrings] = foundString{p, len(s), o}
		}
	}
	return o
}

// hashEntry remembers the hash of a string by where it is: the constants of a
// program are hashed once.
type hashEntry struct {
	p    *byte
	n    int
	hash uint32
}

func (m *memory) stringKey(s string, k *heap.Key) {
	k.Kind, k.Str = heap.KeyString, s
	p := unsafe.StringData(s)
	e := &m.hashes[(uintptr(unsafe.Pointer(p))>>4^uintptr(len(s)))&63]
	if e.p != p || e.n != len(s) || p == nil {
		*e = hashEntry{p, len(s), heap.StringHash(s)}
	}
	k.Hash = e.hash
}
