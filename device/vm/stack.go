package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// threadStack is the account of one thread: its header and its two stacks, as
// the firmware would have grown them for the frames gopher-lua has.
type threadStack struct {
	heap.Stack
	header heap.Block
	epoch  uint32
	base   int // slots and frames the firmware has below gopher-lua's first
	calls  int
	// room and callRoom are the register and the frame index from which
	// stackFor must be asked: one comparison each per call.
	room, callRoom int
	corpse         []lua.LValue // what a coroutine killed by an error still holds
	died           *deadStack   // and where it was
	start          *lua.LFunction
}

// coroutineBase is the slot of the base call info; a coroutine's function
// stands above it.
const coroutineBase = 1

func (s *threadStack) limits() {
	s.room = s.Limit() - s.base
	s.callRoom = s.CallInfos - 1 - s.calls
}

// mainBase and mainCalls are the slots and frames below the first Lua function
// when the firmware runs one from its main loop.
const (
	mainBase  = 1
	mainCalls = 0
)

// shift notes that gopher-lua has n slots fewer (or, n being negative, more) on
// its stack than the firmware below what is called next.
func (s *threadStack) shift(n int) {
	s.base += n
	s.limits()
}

// stackFor makes room for a frame: n slots above register top, frame number
// frame of gopher-lua (0 when no frame is entered).
func (m *meter) stackFor(top, n, frame int) {
	mem, s := m.vm.mem, &m.stack
	m.vm.running = m.th
	if size := s.NeedSlots(top+s.base, n); size > 0 {
		mem.beExact()
		blocked := mem.egc.Blocked
		mem.egc.Blocked = true
		mem.Realloc(&s.Data, size*heap.StackSlot)
		mem.egc.Blocked = blocked
		s.Slots = size
	}
	if size := s.NeedCallInfos(frame + s.calls + 1); size > 0 {
		mem.beExact()
		mem.Realloc(&s.Calls, size*heap.CallInfoSize)
		s.CallInfos = size
		if size > heap.MaxCallInfos {
			m.vm.runError(m.th, m.state.currentFrame, "stack overflow")
		}
	}
	s.limits()
	if mem.exact {
		mem.relax(0)
	}
}

// newThread accounts for a coroutine that is about to be made.
func (m *memory) newThread() threadStack {
	s := threadStack{Stack: heap.InitialStack(), base: coroutineBase}
	if m.on {
		made := false
		m.nascent = &s
		defer func() {
			m.nascent = nil
			if !made { // memory ran out on the way
				m.free(&s.header)
				m.free(&s.Calls)
			}
		}()
		m.holdUnbound()
		m.Realloc(&s.header, heap.ThreadHeader)
		m.Realloc(&s.Calls, s.CallInfos*heap.CallInfoSize)
		m.Realloc(&s.Data, s.Slots*heap.StackSlot)
		m.hold, made = false, true
	}
	s.limits()
	return s
}

// keepCorpse notes what a coroutine still refers to when an error ends it: the
// firmware leaves its stack as it was.
func (m *memory) keepCorpse(L *lua.LState, value lua.LValue) {
	t := m.threads[L]
	if t == nil {
		return
	}
	m.egc.Blocked = false
	st := t.state
	for _, x := range st.reg.array[:min(st.reg.top, len(st.reg.array))] {
		if x != nil && x != lua.LNil {
			t.stack.corpse = append(t.stack.corpse, x)
		}
	}
	for f := st.currentFrame; f != nil; f = f.Parent {
		if f.Fn != nil {
			t.stack.corpse = append(t.stack.corpse, f.Fn)
		}
	}
	t.stack.corpse = append(t.stack.corpse, value)
	t.stack.died = t.vm.keepStack(L)
}

// top is the end of the innermost function's frame: registers above hold nothing.
func (m *meter) top() int {
	st := m.state
	if st.Dead {
		return 0
	}
	top := st.reg.top
	if f := st.currentFrame; f != nil && f.Fn != nil && !f.Fn.IsG {
		top = max(top, f.LocalBase+int(f.Fn.Proto.NumUsedRegisters))
	}
	return min(top, len(st.reg.array))
}

// registers is what is on the stack, up to top.
func (m *meter) registers() []lua.LValue { return m.state.reg.array[:m.top()] }

// values lists what is on a thread's stack: the registers up to the end of the
// innermost function's frame and the functions that are running.
func (m *meter) values() []lua.LValue {
	st := m.state
	if st.Dead {
		return nil
	}
	top := m.top()
	if m.vm.mem.exact { // what functions left behind above that, the mark clears
		slots, _ := m.reach()
		if end := min(slots-m.stack.base, len(st.reg.array)); end > top {
			clear(st.reg.array[top:end])
		}
	}
	m.onStack = m.onStack[:0]
	for _, x := range st.reg.array[:top] {
		if x != nil {
			m.onStack = append(m.onStack, x)
		}
	}
	for f := st.currentFrame; f != nil; f = f.Parent {
		if f.Fn != nil {
			m.onStack = append(m.onStack, f.Fn)
		}
	}
	return m.onStack
}

// reach reports how far the frames of a thread reach: slots, and frames. A native
// function may fill heap.MinCStack slots.
func (m *meter) reach() (slots, frames int) {
	st := m.state
	top := st.reg.top
	for f := st.currentFrame; f != nil; f = f.Parent {
		frames = max(frames, f.Idx+1)
		if f.Fn == nil {
			continue
		}
		if f.Fn.IsG {
			top = max(top, f.LocalBase+f.NArgs+heap.MinCStack)
		} else {
			top = max(top, f.LocalBase+int(f.Fn.Proto.NumUsedRegisters))
		}
	}
	return top + m.stack.base, frames + m.stack.calls
}

// shrink does to a thread's stacks what a collection does. What a native function
// may still fill does not count as used: a stack that is halved has room for it.
func (m *meter) shrink() {
	mem, s := m.vm.mem, &m.stack
	need, frames := m.reach()
	slots := need // lazy: the collections that have been left out were at other depths
	if mem.exact || mem.asked {
		slots = m.top() + s.base
	}
	for {
		ns, nc := s.Shrunk(slots, frames)
		if ns < s.Slots && !s.Holds(ns, need) {
			ns = s.Slots
		}
		if nc < s.CallInfos && !mem.give(&s.Calls, nc*heap.CallInfoSize) {
			nc = s.CallInfos
		}
		if ns < s.Slots && !mem.give(&s.Data, ns*heap.StackSlot) {
			ns = s.Slots
		}
		done := ns == s.Slots && nc == s.CallInfos
		s.Slots, s.CallInfos = ns, nc
		if done || mem.exact {
			break // lazy: many collections have been left out
		}
	}
	s.limits()
}
