package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// sweep forgets everything the mark did not reach, and shrinks what shrinks at
// the end of a collection.
func (m *memory) sweep() {
	m.heap.TakeBack()
	m.total -= m.taken
	m.taken = 0
	freed := false
	for _, s := range m.dead { // since the last sweep nobody can still be at work on them
		*s = tableState{}
	}
	m.spare = append(m.spare, m.dead[:min(len(m.dead), maxSpare-len(m.spare))]...)
	m.dead = m.dead[:0]
	m.complete()
	tables := m.all.tables[:0]
	for _, s := range m.all.tables {
		if s.epoch == m.epoch {
			tables = append(tables, s)
			continue
		}
		s.t.Free(m)
		delete(m.tables, s.tb)
		delete(m.addresses, objectPointer(s.tb))
		freed = true
		if !m.exact && len(m.dead) < maxSpare && m.track == nil {
			m.dead = append(m.dead, s)
		}
	}
	clear(m.all.tables[len(tables):])
	m.all.tables = tables
	if freed {
		m.cache = [tableCacheSize]*tableState{}
	}
	keep := m.tabs[:0]
	for _, s := range m.tabs {
		if s.building {
			m.live += s.t.Head.Size() + s.t.Arr.Size() + s.t.Node.Size()
			keep = append(keep, s)
		} else {
			s.t.Free(m)
		}
	}
	m.tabs = keep
	if s := m.nascent; s != nil {
		m.live += s.header.Size() + s.Calls.Size() + s.Data.Size()
	}
	if !m.compiling {
		for _, t := range m.orphans[:m.stray] {
			t.Free(m)
		}
		m.orphans = m.orphans[:copy(m.orphans, m.orphans[m.stray:])]
		m.stray = 0
	}
	sweepKind(m, m.funcs, &m.all.funcs, func(fn *lua.LFunction) { delete(m.addresses, objectPointer(fn)) })
	sweepKind(m, m.upvals, &m.all.upvals, nil)
	for p, o := range m.protos {
		if o.epoch != m.epoch {
			m.freeObject(&o.object)
			for i := range o.parts {
				m.free(&o.parts[i])
			}
			delete(m.protos, p)
		}
	}
	sweepKind(m, m.strs, &m.all.strs, nil)
	for L, t := range m.threads {
		if t.stack.epoch != m.epoch {
			m.free(&t.stack.header)
			m.free(&t.stack.Data)
			m.free(&t.stack.Calls)
			delete(m.threads, L)
			delete(m.addresses, objectPointer(L))
		}
	}
	m.sweepUserdata()
	if !m.hold {
		m.held = len(m.unbound)
	}
	for i := range m.unbound[:m.held] {
		m.free(&m.unbound[i].blk)
	}
	m.unbound = append(m.unbound[:0], m.unbound[m.held:]...)
	m.held = 0
	m.settle()
	m.strt.Live = len(m.strs)
	if !m.exact {
		m.countStrings()
	}
	m.checkSizes()
	if !m.exact {
		m.total = m.fixed + m.live + m.registry.Bytes() + m.strt.Slots*heap.StringTableSlot + m.buf.Size
	}
	m.settled, m.sinceMark = m.requests, 0
	if m.track != nil {
		m.track.sweep(m)
	}
	if m.v.OnCollected != nil {
		m.v.OnCollected()
	}
	m.heap.Sample()
}

// give makes a block smaller within a collection. The SDK's realloc needs room
// for the new block beside the old one: where there is none, the firmware raises
// "not enough memory" out of its collector. So does an exact account while Lua
// runs; otherwise the block stays as it is.
func (m *memory) give(b *heap.Block, n int) bool {
	if m.exact && m.v.running != nil {
		m.Realloc(b, n)
		return true
	}
	old := b.Size()
	if !m.heap.Resize(b, n) {
		return false
	}
	if m.exact {
		m.total += n - old
	}
	return true
}

// freeObject gives back an object.
func (m *memory) freeObject(o *object) {
	if o.homeless {
		m.total -= int(o.size)
	}
	m.free(&o.blk)
}

// free gives back a block; in a lazy account the total is found anew.
func (m *memory) free(b *heap.Block) { m.Realloc(b, 0) }

func (m *memory) sweepUserdata() {
	keep := m.udata[:0]
	m.gcable = 0
	for _, u := range m.udata {
		if u.epoch != m.epoch {
			m.freeObject(&u.object)
			delete(m.udataOf, u.ud)
			delete(m.addresses, objectPointer(u.ud))
			if m.v.OnFree != nil {
				m.v.OnFree(u.ud.Value)
			}
			continue
		}
		if !u.finalized && u.mayFinalize() {
			m.gcable++
		}
		keep = append(keep, u)
	}
	clear(m.udata[len(keep):])
	m.udata = keep
}

// settle places, in a lazy account, what has survived its first collection.
func (m *memory) settle() {
	for _, o := range m.unplaced {
		m.house(o)
	}
	if !m.exact {
		m.settleFixed()
	}
	for _, s := range m.unsettled {
		m.heap.Settle(&s.t.Head)
		m.heap.Settle(&s.t.Arr)
		m.heap.Settle(&s.t.Node)
	}
	for _, o := range m.unsettledProtos {
		for i := range o.parts {
			m.heap.Settle(&o.parts[i])
		}
	}
	m.unplaced, m.unsettled, m.unsettledProtos = m.unplaced[:0], m.unsettled[:0], m.unsettledProtos[:0]
}

// settleFixed places what a lazy account has reserved for objects that it knows
// from the beginning.
func (m *memory) settleFixed() {
	for _, s := range m.tabs {
		m.heap.Settle(&s.t.Head)
		m.heap.Settle(&s.t.Arr)
		m.heap.Settle(&s.t.Node)
	}
	for _, u := range m.udata {
		m.heap.Settle(&u.blk)
	}
	for _, t := range m.unsettledThreads {
		m.heap.Settle(&t.stack.header)
		m.heap.Settle(&t.stack.Calls)
		m.heap.Settle(&t.stack.Data)
	}
	m.unsettledThreads = m.unsettledThreads[:0]
	for _, b := range []*heap.Block{&m.registry.Head, &m.registry.Arr, &m.registry.Node, &m.strt.Block, &m.buf.Block} {
		m.heap.Settle(b)
	}
}

// house gives an object that exists already a block. In a heap that is full it
// has none, and counts all the same.
func (m *memory) house(o *object) {
	var ok bool
	if o.blk, ok = m.heap.Allocate(int(o.size)); !ok {
		o.blk, ok = m.heap.Reserve(int(o.size))
	}
	o.homeless = !ok
}

// checkSizes shrinks the string table and the concat buffer, as at the end of a
// sweep.
func (m *memory) checkSizes() {
	m.resizeStrings()
	m.shrinkBuffer()
}

// resizeStrings fits the string table to the live strings: at the end of a
// collection it halves at most once; a lazy account also catches up on growth.
func (m *memory) resizeStrings() {
	if !m.exact {
		for n := m.strt.Slots; m.strt.Live > n; {
			n *= 2
			m.resizeStringTable(n)
		}
	}
	for n := m.strt.Shrunk(); n > 0; n = m.strt.Shrunk() {
		m.resizeStringTable(n)
		if m.exact {
			break
		}
	}
}

func (m *memory) resizeStringTable(n int) {
	if m.give(&m.strt.Block, n*heap.StringTableSlot) {
		m.strt.Slots = n
	}
}

func (m *memory) shrinkBuffer() {
	if !m.exact {
		m.requests++ // this collection counts, too
		m.decayBuffer()
		return
	}
	if n := m.buf.Shrunk(); n > 0 && m.give(&m.buf.Block, n) {
		m.buf.Size = n
	}
}

// finalize calls the finalizers of dead userdata, the newest first.
func (m *memory) finalize(dead []*udataState) {
	for _, u := range dead {
		if u.typ != nil && u.typ.GC != nil {
			u.typ.GC(u.ud.Value)
		}
		if h := m.finalizer(u); h != nil {
			m.v.callFinalizer(h, u.ud)
		}
	}
}

// callFinalizer calls a __gc written in Lua. An error in it goes on to whatever
// allocated, as in the firmware; when Lua is idle it is dropped.
func (v *VM) callFinalizer(h lua.LValue, ud *lua.LUserData) {
	L := v.running
	if L == nil {
		v.protect(v.th, h, 0, nil, []Value{ud})
		v.running = nil
		return
	}
	L.Push(h)
	L.Push(ud)
	v.nCcalls++
	L.Call(1, 0)
	v.nCcalls--
	v.running = L
}

// addUserdata begins the account of a userdata.
func (m *memory) addUserdata(ud *lua.LUserData, t *Type, size int) *udataState {
	u := &udataState{ud: ud, typ: t}
	u.size = int32(heap.UserdataSize(size))
	if m.on {
		if m.inGC { // made by Go code without NewObject
			m.discover(kindString, &u.object)
		} else {
			m.Realloc(&u.blk, int(u.size))
		}
	}
	u.epoch = m.epoch
	m.udata = append(m.udata, u)
	m.udataOf[ud] = u
	if m.track != nil {
		m.track.note(u)
	}
	if t != nil && t.GC != nil {
		m.gcable++
	}
	return u
}

// afterCall runs when Lua has become idle. While something waits for its
// finalizer, and something was allocated since, the device would have collected.
func (m *memory) afterCall() {
	m.pins = m.pins[:0]
	if m.on && !m.exact && m.gcable > 0 && m.sinceMark > 0 && m.egc.Mode&heap.EGCAlways != 0 && !m.egc.Blocked {
		m.collect()
	}
}
