package vm

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// memory is Lua's share of the device's heap: its allocator's path, which collects
// before each request in the default mode, its strings and its collector. Objects
// hold their own blocks, so there is nothing beside them that could differ.
type memory struct {
	v    *VM
	heap *heap.Heap
	on   bool // accounting has begun (after boot)

	total      int // what collectgarbage("count") shows, in bytes
	peak       int
	allocTotal int // sum of all growing requests
	requests   uint64

	finalized   uint64 // finalizers that were called
	egc         heap.EGC
	fixed       int // bytes of what was made at boot and never changes
	fixedLength int // what that takes of the heap
	strt        heap.StringTable
	rows        []*str // strings by their hash, Slots rows
	buf         heap.ConcatBuffer

	gc        collector
	quick     quick
	pool      pool
	udata     []*UserData // in order of creation
	pins      []value     // what running firmware functions hold
	compiling bool
	track     *tracker // nil: nobody asked
	fulls     int
	quicks    int

	flash       *flashStrings // nil: there is no image in the flash store
	onCollected func()        // for tests
}

func newMemory(v *VM, h *heap.Heap) *memory {
	m := &memory{v: v, heap: h, egc: heap.EGC{Blocked: true}}
	m.rows = make([]*str, bootStringSlots)
	m.gc.init(m)
	m.quick.m = m
	return m
}

// Realloc makes b a block of n bytes, collecting as the firmware's allocator does.
// When memory runs out it raises "not enough memory".
func (m *memory) Realloc(b *heap.Block, n int) { m.realloc(b, n, false) }

// realloc is Realloc. again says that nothing can have died since the request before:
// the collection that precedes this one finds what that one left.
func (m *memory) realloc(b *heap.Block, n int, again bool) {
	if !m.on {
		return
	}
	if n == 0 {
		m.free(b)
		return
	}
	always := m.egc.Mode == heap.EGCAlways
	if !m.egc.Blocked {
		if always {
			m.collect(again)
		} else {
			m.collectBefore()
		}
	}
	m.requests++
	if old := b.Size(); !always && n > old && m.egc.Mode&heap.EGCOnMemLimit != 0 && m.egc.Limit > 0 && !m.underLimit(n-old) {
		m.outOfMemory()
	}
	old := b.Size() // a finalizer may have changed it meanwhile
	if !m.heap.Resize(b, n) {
		old = m.retry(b, n)
	}
	m.total += n - old
	if n > old {
		m.granted(n)
	}
}

// alloc is realloc for the block of a new object.
func (m *memory) alloc(b *heap.Block, n int, again bool) {
	if m.egc.Mode != heap.EGCAlways || m.egc.Blocked || !m.on {
		m.realloc(b, n, again)
		return
	}
	m.collect(again)
	m.requests++
	var ok bool
	if *b, ok = m.heap.Allocate(n); !ok {
		m.retry(b, n)
	}
	m.total += n
	m.granted(n)
}

// granted notes a request for more than there was.
func (m *memory) granted(n int) {
	m.allocTotal += n
	m.peak = max(m.peak, m.total)
	if m.track != nil {
		m.track.allocated(n)
	}
}

// free gives back a block.
func (m *memory) free(b *heap.Block) {
	m.total -= b.Size()
	m.heap.Release(b)
}

// collectBefore runs the collections that precede a request.
func (m *memory) collectBefore() {
	if m.egc.Mode&heap.EGCAlways != 0 {
		m.collect(false)
	}
	if m.egc.Mode&heap.EGCOnMemLimit != 0 && m.egc.Limit < 0 && m.heap.Free() < -m.egc.Limit {
		m.collect(false)
	}
}

// retry is what follows a request that found no room. It returns what b was before.
func (m *memory) retry(b *heap.Block, n int) (old int) {
	if m.relieved() {
		if old = b.Size(); m.heap.Resize(b, n) {
			return old
		}
	}
	m.heap.Fail(n)
	if m.egc.Mode&heap.EGCOnAllocFailure != 0 {
		if !m.egc.Blocked {
			m.collect(false)
		}
		old = b.Size()
		if m.heap.Resize(b, n) { // it tries again in any case, and prints E:M again
			return old
		}
		m.heap.Fail(n)
	}
	m.outOfMemory()
	return 0
}

// underLimit makes room below the limit of mode ON_MEM_LIMIT for n more bytes.
func (m *memory) underLimit(n int) bool {
	if n > m.egc.Limit {
		return false
	}
	if m.total >= m.egc.Limit-n && !m.egc.Blocked {
		for cycles := 0; m.total >= m.egc.Limit-n; {
			if m.gc.phase == gcPaused {
				if cycles++; cycles > 1 {
					break // a whole cycle did not help
				}
			}
			m.step()
		}
	}
	return m.total < m.egc.Limit-n
}

// OutOfMemoryPanic is what an allocation panics with when memory runs out and no
// Lua call is there to catch it: the firmware's PANIC.
type OutOfMemoryPanic struct{}

func (OutOfMemoryPanic) Error() string { return OutOfMemory }

// outOfMemory raises "not enough memory".
func (m *memory) outOfMemory() {
	if m.v.protected == 0 {
		m.egc.Blocked = false
		panic(OutOfMemoryPanic{})
	}
	m.v.throwMemory()
}

// bytes is the size of a table with both parts (fw: sizeof Table and so on).
func (t *Table) bytes() int {
	return heap.TableHeader + heap.ArraySlot*len(t.array) + heap.HashNode*len(t.nodes)
}

// visited is what the visit of a table costs the collector, and that of a thread.
func (t *Table) visited() int {
	n := t.bytes()
	if len(t.nodes) == 0 {
		n += heap.HashNode // the node that empty tables share counts
	}
	return n
}

func (L *Thread) visited() int { return heap.ThreadHeader + L.stk.Bytes() }

func (f *Function) bytes() int {
	if f.native != nil {
		return heap.CClosureSize(len(f.values))
	}
	return heap.ClosureSize(len(f.upvals))
}

func (p *proto) bytes() int {
	n := heap.ProtoSize(len(p.code), len(p.k), len(p.protos), len(p.lineInfo))
	if p.named {
		n += len(p.locals)*heap.LocalVarSize + len(p.upvalueNames)*heap.UpvalueNameSize
	}
	return n
}

func (u *UserData) bytes() int { return heap.UserdataSize(u.size) }

// Making objects. Each gets its memory first, as from its maker in the firmware,
// and is linked when it has it. Where there is none it is forgotten.

func (m *memory) newTable(narray, nhash int) *Table {
	t := m.pool.table()
	m.alloc(&t.blk, heap.TableHeader, false)
	t.absent = knownIndex - 1
	m.link(&t.header, kindTable)
	if narray > 0 || nhash > 0 {
		// Held, since its parts may need a collection: on the device it stands on top
		// of the stack.
		m.pins = append(m.pins, tableValue(t))
		if narray > 0 {
			t.setArray(m, narray, true)
		}
		if nhash > 0 {
			t.setNodes(m, 1<<heap.CeilLog2(nhash), true)
		}
		m.pins = m.pins[:len(m.pins)-1]
	}
	return t
}

// newClosure makes a Lua closure, whose upvalues are still to be set.
func (m *memory) newClosure(p *proto, env *Table) *Function {
	f := m.pool.closure(p.nups)
	m.alloc(&f.blk, heap.ClosureSize(p.nups), false)
	f.proto, f.env = p, env
	m.link(&f.header, kindFunction)
	return f
}

// newUpvalue makes a closed upvalue that is nil.
func (m *memory) newUpvalue() *upvalue {
	u := m.pool.upvalue()
	m.alloc(&u.blk, heap.UpvalueCell, false)
	u.v = &u.own
	m.link(&u.header, kindUpvalue)
	return u
}

// openUpvalue returns the open upvalue of a slot of L's stack, nil if it has none.
func (m *memory) openUpvalue(L *Thread, level int) *upvalue {
	u := L.openUp
	for u != nil && u.level > level {
		u = u.open
	}
	if u == nil || u.level != level {
		return nil
	}
	m.revive(&u.header)
	return u
}

// newOpenUpvalue makes the upvalue of a slot of L's stack that has none; both are
// luaF_findupval. again: see realloc.
func (m *memory) newOpenUpvalue(L *Thread, level int, again bool) *upvalue {
	u := m.pool.upvalue()
	m.alloc(&u.blk, heap.UpvalueCell, again)
	at := &L.openUp
	for *at != nil && (*at).level > level {
		at = &(*at).open
	}
	u.th, u.level, u.v = L, level, &L.stack[level]
	u.open = *at
	*at = u
	m.begin(&u.header, kindUpvalue)
	if m.gc.phase == gcPropagate {
		m.reallyMark(&u.header) // new ones are gray then
	}
	return u
}

// closeUpvalues closes the open upvalues of L at level and above (luaF_close).
func (m *memory) closeUpvalues(L *Thread, level int) {
	for L.openUp != nil && L.openUp.level >= level {
		u := L.openUp
		L.openUp = u.open
		u.open = nil
		if m.isDead(&u.header) {
			m.freeObject(&u.header)
			continue
		}
		m.quick.closing(u)
		u.own = *u.v
		u.v, u.th = &u.own, nil
		m.linkUpvalue(u)
	}
}

func (m *memory) newUserData(size int) *UserData {
	var b heap.Block
	m.Realloc(&b, heap.UserdataSize(size))
	u := &UserData{size: size}
	u.blk = b
	m.begin(&u.header, kindUserData)
	m.insert(&u.header, &m.v.th.header) // userdata come after the main thread
	u.index = len(m.udata)
	m.udata = append(m.udata, u)
	return u
}

// useBuffer makes the concat buffer hold n bytes. again: see realloc.
func (m *memory) useBuffer(n int, again bool) {
	m.buf.InUse = true
	if g := m.buf.Grown(n); g > 0 && m.on {
		m.realloc(&m.buf.Block, g, again)
		m.buf.Size = g
	}
}
