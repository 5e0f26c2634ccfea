package vm

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Error is a Lua error that left a protected call.
type Error struct {
	Value     Value  // what was thrown
	Traceback string // stack at that moment, as debug.traceback prints it; Call's errors only
}

func (e *Error) Error() string { return e.Message() }

// Message returns the error as the firmware prints it.
func (e *Error) Message() string {
	switch x := e.Value.(type) {
	case String:
		return string(x)
	case Number:
		return FormatNumber(float64(x))
	}
	return "(error object is a " + e.Value.Type().String() + " value)"
}

// Traced returns the error's message with its traceback.
func (e *Error) Traced() string {
	if e.Traceback == "" || e.Memory() {
		return e.Message()
	}
	return e.Message() + "\n" + e.Traceback
}

// TracedValue is what the firmware's message handler makes of the error: a string
// gets the traceback behind it, anything else stays as it is.
func (e *Error) TracedValue() Value {
	switch e.Value.(type) {
	case String, Number:
		return String(e.Traced())
	}
	return e.Value
}

// OutOfMemory is the message of a failed allocation (fw: MEMERRMSG).
const OutOfMemory = "not enough memory"

// Memory reports whether the error is a failed allocation.
func (e *Error) Memory() bool { return e.Value == Value(String(OutOfMemory)) }

// fromMemory reports whether the error comes from a failed allocation: also when
// it was caught on the way and raised anew, with a position before it.
func (e *Error) fromMemory() bool {
	s, ok := e.Value.(lua.LString)
	return ok && strings.HasSuffix(string(s), OutOfMemory)
}

// Kill ends a run from outside: the watchdog, or a reset. It unwinds through
// every pcall of the script.
type Kill struct{ Reason string }

// Kill makes the running Lua code stop at its next instruction. Call then
// returns a *Kill. It may be called only from within a run (from Slice or a
// firmware function) on the world's goroutine.
func (v *VM) Kill(reason string) {
	v.killed = &Kill{reason}
	v.sliceAt = 0 // the hook looks at no more than the time
}

// Call calls fn on the main thread, protected, when Lua is idle: the entry for
// every callback, task and line of input. On an error it returns an *Error, or
// the *Kill that ended it.
func (v *VM) Call(fn Value, nret int, args ...Value) ([]Value, *Error, *Kill) {
	v.killed = nil
	v.StartAccounting()
	L := v.th
	L.SetTop(0)
	v.endCPU()
	ret, err := v.protect(L, fn, nret, nil, args)
	v.endCPU()
	v.running = nil
	v.nCcalls = 0
	v.mem.afterCall()
	if k := v.killed; k != nil {
		v.killed = nil
		return nil, nil, k
	}
	return ret, err, nil
}

// PCall calls fn from within a running call, protected (lua_pcall). handler,
// which may be nil, is given the error value while the stack still stands and
// returns what becomes the error value (xpcall).
func (c *Call) PCall(fn Value, nret int, handler Value, args ...Value) ([]Value, *Error) {
	c.VM.enterC(c.th)
	copied := c.th.GetTop() // the firmware calls the function where it stands
	if handler != nil {
		copied--
	}
	stack := &c.VM.mem.threads[c.th].stack
	stack.shift(-copied)
	ret, err := c.VM.protect(c.th, fn, nret, handler, args)
	stack.shift(copied)
	c.VM.nCcalls--
	c.VM.running = c.th
	if c.VM.killed != nil {
		panic(c.VM.killed)
	}
	if err == nil {
		c.VM.called(ret)
	}
	return ret, err
}

// called is the end of a call that firmware code has made (luaD_call): the
// incremental collector may take a step.
func (v *VM) called(ret []Value) {
	m := v.mem
	if m.exact && m.on && m.total >= m.incr.threshold {
		for _, x := range ret {
			v.pin(x)
		}
		m.checkGC()
	}
}

// enterC counts a nested call from Go into Lua.
func (v *VM) enterC(L *lua.LState) {
	if v.nCcalls+baseCCalls+1 >= maxCCalls {
		v.raise(L, 0, cStackOverflow)
	}
	v.nCcalls++
}

// protection is a protected call that is under way.
type protection struct {
	state   *luaState
	regBase int   // what is above in the registers belongs to the call
	depth   int   // of native calls
	handler Value // nil: none
	caught  *Error
}

// protect is the one protected call. gopher-lua's own closes the upvalues of
// functions that are still running when an error is raised, and leaves those of
// the functions it unwinds open; with an error handler, which runs while the
// stack still stands, neither happens and ours does it right.
func (v *VM) protect(L *lua.LState, fn Value, nret int, handler Value, args []Value) (ret []Value, lerr *Error) {
	base := L.GetTop()
	pins := len(v.mem.pins)
	st := stateOf(L)
	p := &protection{state: st, regBase: st.reg.top, depth: v.nCcalls, handler: handler}
	hadErrorFunc := st.hasErrorFunc
	if problem := v.uncallable(fn); problem != "" {
		raiser := v.th.NewFunction(func(L *lua.LState) int { v.throw(L, String(problem)); return 0 })
		v.hidden[raiser] = true
		defer delete(v.hidden, raiser)
		fn = raiser
	}
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	v.running = L
	v.protections = append(v.protections, p)
	err := L.PCall(len(args), nret, v.onError)
	v.protections = v.protections[:len(v.protections)-1]
	st.hasErrorFunc = hadErrorFunc
	v.nCcalls = p.depth
	if err != nil {
		v.mem.egc.Blocked = false // as luaD_throw does
		v.mem.pins = v.mem.pins[:min(pins, len(v.mem.pins))]
		closeUpvaluesFrom(st, p.regBase)
		L.SetTop(base)
		if p.caught == nil { // the handler itself failed
			p.caught = &Error{Value: String("error in error handling")}
			if ae, ok := err.(*lua.ApiError); ok && handler == nil {
				p.caught.Value = ae.Object
			}
		}
		return nil, p.caught
	}
	for i := base + 1; i <= L.GetTop(); i++ {
		ret = append(ret, L.Get(i))
	}
	L.SetTop(base)
	return ret, nil
}

// errorRaised runs on top of the stack that raised an error: the error function
// of all protected calls.
func (v *VM) errorRaised(L *lua.LState) int {
	p := v.protections[len(v.protections)-1]
	v.running = L
	if v.killed != nil {
		closeUpvaluesFrom(p.state, p.regBase)
		return 0
	}
	// An error in the handler must leave the upvalues alone, too.
	stateOf(L).hasErrorFunc = true
	value := v.translate(L.Get(1), stateOf(L).currentFrame.Parent, L)
	caught := &Error{Value: value}
	if p.depth == 0 {
		if v.OnOutOfMemory != nil && caught.fromMemory() {
			v.OnOutOfMemory()
		}
		caught.Traceback = v.Traceback(L, 0)
	}
	if p.handler != nil && value != Value(String(OutOfMemory)) {
		v.nCcalls++
		L.Push(p.handler)
		L.Push(value)
		L.Call(1, 1)
		caught.Value = L.Get(-1)
		v.nCcalls--
	}
	p.caught = caught
	closeUpvaluesFrom(p.state, p.regBase)
	L.Push(caught.Value)
	return 1
}

// closeUpvaluesFrom closes the open upvalues at register reg and above.
func closeUpvaluesFrom(st *luaState, reg int) {
	var prev *luaUpvalue
	for uv := st.uvcache; uv != nil; uv = uv.next {
		if uv.index >= reg {
			if prev != nil {
				prev.next = nil
			} else {
				st.uvcache = nil
			}
			for ; uv != nil; uv = uv.next {
				if !uv.closed {
					uv.value = lua.LNil
					if uv.index < len(uv.reg.array) && uv.reg.array[uv.index] != nil {
						uv.value = uv.reg.array[uv.index]
					}
					uv.closed = true
				}
			}
			return
		}
		prev = uv
	}
}

// raise raises an error message, with the position of the running Lua function
// when level is 1, of its caller when 2, none when 0.
func (v *VM) raise(L *lua.LState, level int, format string, args ...any) {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	if level > 0 {
		where := v.position(L, level)
		v.mem.chargeError(L, where, msg)
		msg = where + msg
	} else {
		v.mem.intern(msg)
	}
	v.throw(L, String(msg))
}

// throw raises any value as an error, as it is. It is marked so that the
// translation of gopher-lua's own messages leaves it alone.
func (v *VM) throw(L *lua.LState, value Value) {
	stateOf(L).hasErrorFunc = true // keep gopher-lua from closing live upvalues
	L.Push(&thrown{value})
	L.Panic(L)
}

// thrown wraps an error value raised by our own code on its way to the handler.
type thrown struct{ value Value }

func (t *thrown) String() string       { return t.value.String() }
func (t *thrown) Type() lua.LValueType { return t.value.Type() }

// position returns "file:line: " of the Lua function at the given level above
// the running function, as luaL_where does.
func (v *VM) position(L *lua.LState, n int) string {
	f, _ := v.level(v.top(L), n)
	if f == nil || f.line() == 0 {
		return ""
	}
	return f.where()
}
