package heap

// Stack is the data stack and call-info array of one thread: how many slots are
// allocated. Source: oracle: memory-sizes.json, "thread_stack" and "callinfo".
type Stack struct {
	Slots, CallInfos int
	Data, Calls      Block
}

const (
	initialSlots     = 45 // BASIC_STACK_SIZE 40 + EXTRA_STACK 5
	initialCallInfos = 8
	extraStack       = 5
	// MinCStack is the room a native function is given (LUA_MINSTACK).
	MinCStack = 20
	// MaxCallInfos is where "stack overflow" is raised (LUAI_MAXCALLS).
	MaxCallInfos = 20000
	// MaxCCalls is where "C stack overflow" is raised (LUAI_MAXCCALLS).
	MaxCCalls = 200
)

// InitialStack is the stack of a new thread, without its blocks.
func InitialStack() Stack { return Stack{Slots: initialSlots, CallInfos: initialCallInfos} }

// Bytes is the size of both parts.
func (s *Stack) Bytes() int { return s.Slots*StackSlot + s.CallInfos*CallInfoSize }

// Limit is the number of slots a frame may reach up to.
func (s *Stack) Limit() int { return s.Slots - extraStack - 1 }

// NeedSlots reports the new slot count when n more slots are wanted above top,
// or 0 when there is room.
func (s *Stack) NeedSlots(top, n int) int {
	if s.Limit()-top > n {
		return 0
	}
	if n <= s.Slots {
		return 2*s.Slots + 1 + extraStack
	}
	return s.Slots + n + 1 + extraStack
}

// MayShrink reports whether a collection could make a part smaller, if little of it
// is used.
func (s *Stack) MayShrink() bool { return s.Slots > 2*initialSlots || s.CallInfos > 2*initialCallInfos }

// Shrunk reports the sizes one collection leaves, given the slots up to the
// highest frame end and the call infos in use besides the base one.
func (s *Stack) Shrunk(usedSlots, usedCalls int) (slots, callInfos int) {
	slots, callInfos = s.Slots, s.CallInfos
	if s.CallInfos > MaxCallInfos {
		return // an overflow is being handled
	}
	if 4*usedCalls < callInfos && 2*initialCallInfos < callInfos {
		callInfos /= 2
	}
	if 4*usedSlots < slots && 2*initialSlots < slots {
		slots = slots/2 + 1 + extraStack
	}
	return
}
