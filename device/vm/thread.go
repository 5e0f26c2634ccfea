package vm

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Thread is a coroutine, or the main thread: a stack of values and one of calls.
// Both grow and shrink as the firmware's do; on the host the stack of values has
// some slots more (slack), so that an instruction can reach any register that it
// could name.
type Thread struct {
	header
	stack    []value
	top      int // the first free slot
	base     int // of a coroutine that has yielded: where its results begin
	ci       []callInfo
	nci      int // index of the innermost call; 0 stands below the first
	stk      heap.Stack
	limit    int // slots up to which a frame may reach
	openUp   *upvalue
	globals  *Table
	status   threadStatus
	fixed    bool    // the stack must not be moved now
	frozen   bool    // waits, and what it has is the graph's: see quick.freeze
	parked   bool    // in the list of those to be frozen
	nCcalls  int     // depth of calls that take C's stack
	baseC    int     // and at which the coroutine was resumed
	handler  int     // slot of the error handler, 0: none
	parent   *Thread // who has resumed it, while it runs
	rethrows bool    // its errors go on to who resumes it
	start    *proto  // for tools: what it was made to run
}

type threadStatus uint8

const (
	threadReady   threadStatus = iota // runs, or has not begun, or has ended
	threadYielded                     // suspended
	threadFailed                      // ended by an error
)

// callInfo is one call.
type callInfo struct {
	fn, base, top int // slots
	pc            int // of the next instruction
	results       int // wanted, all: -1
	tailCalls     int // calls that were lost to tail calls in its place
	site          int32
}

const (
	slack    = 300 // slots of the host beyond what the device has
	allOfIt  = -1
	maxCCall = heap.MaxCCalls

	cStackOverflow = "C stack overflow"
)

func (L *Thread) init() {
	L.stk = heap.InitialStack()
	L.stack = make([]value, L.stk.Slots+slack)
	L.ci = make([]callInfo, L.stk.CallInfos)
	L.limit = L.stk.Limit()
	// The slot below the first call is nobody's function.
	L.top = 1
	L.ci[0] = callInfo{base: 1, top: 1 + heap.MinCStack}
}

// newThread makes a coroutine (luaE_newthread).
func (m *memory) newThread() *Thread {
	var b heap.Block
	m.Realloc(&b, heap.ThreadHeader)
	L := &Thread{}
	L.init()
	L.blk = b
	L.globals = m.v.running.globals
	L.frozen = true
	m.link(&L.header, kindThread)
	m.pins = append(m.pins, threadValue(L))
	L.fixed = true // it has no stack yet
	m.Realloc(&L.stk.Calls, L.stk.CallInfos*heap.CallInfoSize)
	m.Realloc(&L.stk.Data, L.stk.Slots*heap.StackSlot)
	L.fixed = false
	return L
}

// reach is the end of the frame that reaches furthest.
func (L *Thread) reach() int {
	lim := L.top
	for i := range L.ci[:L.nci+1] {
		lim = max(lim, L.ci[i].top)
	}
	return lim
}

// clearAbove clears the slots from the top to lim. Most often there is nothing in
// them.
func (L *Thread) clearAbove(lim int) {
	for i := L.top; i <= lim; i++ {
		if L.stack[i].bits != kindNil {
			clear(L.stack[i : lim+1])
			return
		}
	}
}

// need makes room for n more slots (luaD_checkstack).
func (v *VM) need(L *Thread, n int) {
	if L.limit-L.top <= n {
		v.growStack(L, n)
	}
}

func (v *VM) growStack(L *Thread, n int) {
	if size := L.stk.NeedSlots(L.top, n); size > 0 {
		// The top is above the end when a collection has come between this and the
		// frame that it was for.
		v.mem.resizeStack(L, max(size, L.top+n+L.stk.Slots-L.limit+1))
	}
}

// resizeStack gives the stack another number of slots (luaD_reallocstack). The
// collector is blocked meanwhile.
func (m *memory) resizeStack(L *Thread, slots int) {
	blocked := m.egc.Blocked
	m.egc.Blocked = true
	m.Realloc(&L.stk.Data, slots*heap.StackSlot)
	m.egc.Blocked = blocked
	L.moveStack(slots)
}

// moveStack gives the stack another number of slots on the host.
func (L *Thread) moveStack(slots int) {
	stack := make([]value, slots+slack)
	copy(stack, L.stack)
	L.stack = stack
	L.stk.Slots = slots
	L.limit = L.stk.Limit()
	for u := L.openUp; u != nil; u = u.open {
		u.v = &stack[u.level]
	}
}

// hostSlots makes sure that the host has n slots above the top: functions of the
// firmware push what they like.
func (L *Thread) hostSlots(n int) {
	if L.top+n+slack > len(L.stack) {
		stack := make([]value, 2*len(L.stack)+n)
		copy(stack, L.stack)
		L.stack = stack
		for u := L.openUp; u != nil; u = u.open {
			u.v = &stack[u.level]
		}
	}
}

// pushCall enters a call.
func (v *VM) pushCall(L *Thread) *callInfo {
	if L.nci >= L.stk.CallInfos-1 {
		v.growCalls(L)
	}
	L.nci++
	if L.nci >= len(L.ci) {
		L.ci = append(L.ci, make([]callInfo, len(L.ci))...)
	}
	ci := &L.ci[L.nci]
	ci.site = 0
	return ci
}

func (v *VM) growCalls(L *Thread) {
	if L.stk.CallInfos > heap.MaxCallInfos {
		v.throwHandling(L) // an overflow while an overflow is being handled
	}
	size := 2 * L.stk.CallInfos
	v.mem.Realloc(&L.stk.Calls, size*heap.CallInfoSize)
	L.stk.CallInfos = size
	if size > heap.MaxCallInfos {
		v.runError("stack overflow")
	}
}

// undoOverflow gives back the room that the handling of an overflow had.
func (v *VM) undoOverflow(L *Thread) {
	if L.stk.CallInfos > heap.MaxCallInfos && L.nci+1 < heap.MaxCallInfos {
		v.mem.Realloc(&L.stk.Calls, heap.MaxCallInfos*heap.CallInfoSize)
		L.stk.CallInfos = heap.MaxCallInfos
	}
}

// stackShrinks reports whether a collection would make a stack of L smaller.
func (m *memory) stackShrinks(L *Thread) bool {
	slots, calls := L.stk.Shrunk(L.reach(), L.nci)
	return !L.fixed && (slots < L.stk.Slots || calls < L.stk.CallInfos)
}

// shrinkStack does to the stacks of L what a collection does. lim is the end of
// the frame that reaches furthest.
func (m *memory) shrinkStack(L *Thread, lim int) {
	slots, calls := L.stk.Shrunk(lim, L.nci)
	if calls < L.stk.CallInfos && m.shrink(&L.stk.Calls, calls*heap.CallInfoSize) {
		L.stk.CallInfos = calls
		if 4*calls < len(L.ci) {
			L.ci = append(make([]callInfo, 0, calls), L.ci[:calls]...)
		}
	}
	if slots < L.stk.Slots && m.shrink(&L.stk.Data, slots*heap.StackSlot) {
		L.moveStack(slots)
	}
}

// unlinkOpen takes an upvalue out of the open ones.
func (L *Thread) unlinkOpen(u *upvalue) {
	for at := &L.openUp; *at != nil; at = &(*at).open {
		if *at == u {
			*at = u.open
			return
		}
	}
}

// capturedAbove reports whether a closure has a slot above the top, as only a crafted
// chunk brings about: whether its value lives depends on what is visited first.
func (L *Thread) capturedAbove() bool { return L.openUp != nil && L.openUp.level >= L.top }

// isActive reports whether L runs, or waits for one that it has resumed.
func (v *VM) isActive(L *Thread) bool {
	if L == v.th {
		return true
	}
	for th := v.running; th != nil; th = th.parent {
		if th == L {
			return true
		}
	}
	return false
}
