package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// memory is the account of a VM's Lua memory: what the firmware's VM would have
// asked of the allocator. gopher-lua's own objects are the graph; the account
// holds what they lack: sizes, table parts, blocks.
//
// On the device the collector runs before every allocation (EGC_ALWAYS), so only
// what is reachable counts. There are two ways of keeping the account, and it
// goes from one to the other (see precision.go):
//
//   - exact: the graph is walked before every allocation, in the firmware's
//     order of allocations. Peaks and addresses then are the device's.
//   - lazy: an allocation adds to an upper bound; the graph is walked when the
//     bound comes near a limit, when someone asks how much is free, and at call
//     boundaries while objects with finalizers exist.
type memory struct {
	v      *VM
	heap   *heap.Heap
	exact  bool // at the moment
	always bool // exact: Config.ExactHeap
	on     bool // accounting has begun (after boot)

	total      int // what collectgarbage("count") shows, in bytes; lazy: a bound
	peak       int
	allocTotal int // sum of all growing requests
	growth     int // lazy: bytes by which the last one has grown total
	requests   uint64
	settled    uint64 // requests at the last collection
	sinceMark  int    // lazy: bytes requested since the last mark
	live       int    // bytes found by the mark at hand
	visited    int    // bytes of the objects it walked through

	switchedAt     uint64 // requests after the one that made the account exact
	idleAt         uint64 // requests at the last call while exact
	idled          int    // calls since then
	egc            heap.EGC
	inGC           bool
	incr           incremental
	pause, stepmul int

	fixed       int              // bytes of what was made at boot and never changes
	fixedLength int              // what that takes of the heap
	strt        heap.StringTable // Live is a bound while the account is lazy
	bound       stringBound
	buf         heap.ConcatBuffer
	registry    heap.Table // what luaL_ref writes to

	epoch   uint32
	tables  map[*lua.LTable]*tableState
	cache   [tableCacheSize]*tableState
	funcs   map[*lua.LFunction]*object
	upvals  map[*lua.Upvalue]*object
	protos  map[*lua.FunctionProto]*protoObject
	strs    map[string]*object
	threads map[*lua.LState]*meter
	all     rosters
	udata   []*udataState // in order of creation
	udataOf map[*lua.LUserData]*udataState
	gcable  int // userdata that have, or may get, a finalizer

	unbound   []youngBlock  // exact: blocks whose object the next mark will find
	hold      bool          // exact: those of the instruction at hand stay,
	held      int           // which begin here
	orphans   []*heap.Table // tables of the compiler, dead when a mark begins
	stray     int           // how many there were at the last mark
	compiling bool
	still     *lua.LState   // thread whose stack must not move now (fw: fixedstack)
	asked     bool          // someone wants to know what is free
	nascent   *threadStack  // of a thread being made
	tabs      []*tableState // tables whose object is not known yet
	dead      []*tableState // states of tables that the last sweep freed
	spare     []*tableState // of earlier ones, to be used again
	pins      []lua.LValue  // what running firmware functions hold
	work      []lua.LValue
	track     *tracker // nil: nobody asked
	weak      []*lua.LTable
	hashes    [64]hashEntry
	strCache  [foundStrings]foundString
	lookups   [lookups]lookup

	unplaced         []*object     // lazy: seen by this mark for the first time
	unsettled        []*tableState // lazy: tables with parts that have no place yet
	unsettledProtos  []*protoObject
	unsettledThreads []*meter
	taken            int // lazy: bytes counted together since the last mark
	addresses        map[unsafe.Pointer]uint32
	lastAddress      uint32
}

// object is an object of a fixed size.
type object struct {
	epoch    uint32
	pinned   bool // made at boot, part of memory.fixed
	gone     bool // freed
	homeless bool // counted, and without a block
	size     int32
	blk      heap.Block
}

// youngBlock is memory charged for an object that Go code or the next
// instruction is about to make.
type youngBlock struct {
	kind objectKind
	blk  heap.Block
}

type objectKind uint8

const (
	kindString objectKind = iota
	kindFunction
	kindUpvalue
	kindProto
)

// bigBlock is the size from which a lazy account gives a block its place at
// once: contiguity decides whether it fits.
const bigBlock = 512

// maxSpare bounds the states of dead tables that are kept.
const maxSpare = 1024

// finalizerInterval is how many bytes a lazy account lets pass between marks
// within one call while something may wait for its finalizer.
const finalizerInterval = 16 << 10

func newMemory(v *VM, h *heap.Heap, exact bool) *memory {
	if h == nil {
		h = heap.New(heap.Config{})
	}
	m := &memory{
		v: v, heap: h, exact: exact, always: exact,
		tables:  map[*lua.LTable]*tableState{},
		funcs:   map[*lua.LFunction]*object{},
		upvals:  map[*lua.Upvalue]*object{},
		protos:  map[*lua.FunctionProto]*protoObject{},
		strs:    map[string]*object{},
		threads: map[*lua.LState]*meter{},
		udataOf: map[*lua.LUserData]*udataState{},

		addresses: map[unsafe.Pointer]uint32{},
		pause:     heap.GCPause, stepmul: heap.GCStepMul,
	}
	h.Reclaim = func() {
		if m.on && !m.exact && !m.inGC {
			m.collect()
		}
	}
	return m
}

// Realloc makes b a block of n bytes, collecting as the firmware's allocator
// does. When memory runs out it raises "not enough memory".
func (m *memory) Realloc(b *heap.Block, n int) {
	if !m.on {
		return
	}
	if n == 0 {
		m.total -= b.Size()
		m.heap.Release(b)
		return
	}
	m.prepare(n, 0)
	m.resize(b, n)
}

// prepare does what precedes a request of n bytes that makes a number of strings:
// collections, and the choice of how to account for it.
func (m *memory) prepare(n, strings int) {
	if m.exact && m.requests == m.switchedAt {
		m.relax(n) // nothing but one block has come since the last collection
	}
	if m.exact {
		m.collectBefore()
		m.relax(n)
	} else if m.unsure(n, strings) {
		m.decide(n, strings)
	}
}

func (m *memory) resize(b *heap.Block, n int) {
	m.requests++
	old := b.Size()
	if m.exact {
		m.reallocExact(b, old, n)
	} else {
		m.reallocLazy(b, n)
	}
	m.total += n - old
	if n > old {
		m.growth = n - old
		m.allocTotal += n
		if m.track != nil {
			m.track.allocated(n)
		}
	}
	m.peak = max(m.peak, m.total)
}

func (m *memory) reallocExact(b *heap.Block, old, n int) {
	if n > old && m.egc.Mode&heap.EGCOnMemLimit != 0 && m.egc.Limit > 0 && !m.underLimit(n-old) {
		m.outOfMemory()
	}
	if m.heap.Resize(b, n) {
		return
	}
	m.heap.Fail(n)
	if m.egc.Mode&heap.EGCOnAllocFailure != 0 {
		if !m.egc.Blocked {
			m.collect()
		}
		if m.heap.Resize(b, n) { // it tries again in any case, and prints E:M again
			return
		}
		m.heap.Fail(n)
	}
	m.outOfMemory()
}

// underLimit makes room below the limit of mode ON_MEM_LIMIT for n more bytes.
func (m *memory) underLimit(n int) bool {
	if n > m.egc.Limit {
		return false
	}
	if m.total >= m.egc.Limit-n && !m.egc.Blocked && !m.inGC {
		for cycles := 0; m.total >= m.egc.Limit-n; {
			if m.incr.phase == gcPaused {
				if cycles++; cycles > 1 {
					break // a whole cycle did not help
				}
			}
			m.step()
		}
	}
	return m.total < m.egc.Limit-n
}

// collectBefore runs the collections that precede a request.
func (m *memory) collectBefore() {
	if m.egc.Blocked || m.inGC {
		return
	}
	if m.egc.Mode&heap.EGCAlways != 0 {
		m.collect()
	}
	if m.egc.Mode&heap.EGCOnMemLimit != 0 && m.egc.Limit < 0 && m.heap.Free() < -m.egc.Limit {
		m.collect()
	}
}

func (m *memory) reallocLazy(b *heap.Block, n int) {
	m.sinceMark += n
	if m.tryLazy(b, n) {
		return
	}
	if !m.egc.Blocked && !m.inGC {
		m.collect()
		if m.tryLazy(b, n) {
			return
		}
	}
	m.heap.Fail(n)
	m.outOfMemory()
}

func (m *memory) tryLazy(b *heap.Block, n int) bool {
	if n >= bigBlock || m.heap.Layout() == heap.Ideal && b.Placed() {
		return m.heap.Resize(b, n)
	}
	nb, ok := m.heap.Reserve(n)
	if !ok {
		return false
	}
	m.heap.Release(b)
	*b = nb
	return true
}

// charge accounts for a new object of n bytes that a mark will find. It is the
// path of strings and closures, so it is short.
func (m *memory) charge(kind objectKind, n int) {
	if !m.on {
		return
	}
	if !m.exact && m.unsure(n, made[kind]) {
		m.decide(n, made[kind])
	}
	if m.exact {
		var b heap.Block
		m.Realloc(&b, n)
		m.charged(kind, &b)
		return
	}
	m.take(kind, n)
}

// take is charge for a lazy account, which counts the bytes of such objects
// together.
func (m *memory) take(kind objectKind, n int) {
	m.strt.Live += made[kind]
	m.requests++
	m.sinceMark += n
	if m.gcable > 0 && m.sinceMark > finalizerInterval && m.egc.Mode&heap.EGCAlways != 0 && !m.egc.Blocked && !m.inGC {
		m.collect()
	}
	if !m.heap.Take(n) {
		if !m.egc.Blocked && !m.inGC {
			m.collect()
		}
		if !m.heap.Take(n) {
			m.heap.Fail(n)
			m.outOfMemory()
		}
	}
	m.taken += n
	m.total += n
	m.growth = n
	m.allocTotal += n
	m.peak = max(m.peak, m.total)
	if m.track != nil {
		m.track.allocated(n)
	}
}

// holdUnbound keeps what is charged from here on until hold is false again: its
// objects will be made together.
func (m *memory) holdUnbound() { m.hold, m.held = true, len(m.unbound) }

// OutOfMemoryPanic is what an allocation panics with when memory runs out and no
// Lua call is there to catch it: the firmware's PANIC.
type OutOfMemoryPanic struct{}

func (OutOfMemoryPanic) Error() string { return OutOfMemory }

// outOfMemory raises "not enough memory".
func (m *memory) outOfMemory() {
	m.hold, m.still = false, nil
	for _, t := range m.tabs {
		t.building = false
	}
	m.egc.Blocked = false // as luaD_throw does
	m.inGC = false
	if m.compiling {
		panic(compileOutOfMemory{})
	}
	L := m.v.running
	if L == nil {
		panic(OutOfMemoryPanic{})
	}
	m.v.throw(L, String(OutOfMemory))
}

// useBuffer makes the concat buffer hold n bytes.
func (m *memory) useBuffer(n int) {
	if !m.on {
		return
	}
	m.buf.InUse = true
	g := m.buf.Grown(n)
	if g == 0 {
		return
	}
	if m.exact || g > m.buf.Block.Size() {
		m.prepare(g, 0)
		if m.exact {
			m.resize(&m.buf.Block, g)
		} else {
			m.resize(&m.buf.Block, (g+63)&^63) // the next mark gives the rest back
		}
	}
	m.buf.Size = g
}

// decayBuffer halves the buffer as often as the device would have by now: once
// for each allocation, as it collects before each.
func (m *memory) decayBuffer() {
	for ; m.settled < m.requests; m.settled++ {
		n := m.buf.Shrunk()
		if n == 0 {
			break
		}
		m.buf.Size = n
	}
	m.settled = m.requests
	if m.buf.Size < m.buf.Block.Size() {
		m.heap.Release(&m.buf.Block)
		m.buf.Block, _ = m.heap.Reserve(m.buf.Size)
	}
}
