package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// gopherCoroutines takes coroutine.create and resume from gopher-lua's library:
// they reach into a thread in ways its API does not offer.
func gopherCoroutines() (create, resume lua.LGFunction) {
	L := lua.NewState(lua.Options{SkipOpenLibs: true, MinimizeStackMemory: true, CallStackSize: 8, RegistrySize: 128})
	lua.OpenCoroutine(L)
	t := L.GetGlobal("coroutine").(*lua.LTable)
	fn := func(name string) lua.LGFunction { return t.RawGetString(name).(*lua.LFunction).GFunction }
	return fn("create"), fn("resume")
}

// NewThread makes a coroutine, with a hook of its own, that will run the
// function given as argument 1.
func (c *Call) NewThread() *Thread {
	fn := c.Function(1)
	c.VM.mem.checkGC()
	stack := c.VM.mem.newThread()
	st := stateOf(c.th)
	ctx, loop := st.ctx, st.mainLoop
	st.ctx = nil // or gopher-lua would derive a cancellable context from ours
	c.VM.coCreate(c.th)
	st.ctx, st.mainLoop = ctx, loop
	th := c.th.Get(-1).(*lua.LState)
	c.th.Pop(1)
	stack.start = fn
	stack.epoch = c.VM.mem.epoch
	mt := c.VM.attach(th)
	mt.stack = stack
	if t := c.VM.mem.track; t != nil {
		t.note(mt)
	}
	c.VM.pin(th)
	return th
}

// Resume resumes the coroutine given as argument 1 with the arguments after it.
// It returns false and the error value when the coroutine fails.
func (c *Call) Resume() (ok bool, ret []Value) {
	v, L := c.VM, c.th
	if v.nCcalls+baseCCalls >= maxCCalls { // an error of resume's, raised nowhere (fw: lua_resume)
		v.Intern(cStackOverflow)
		return false, []Value{String(cStackOverflow)}
	}
	v.nCcalls++
	top := L.GetTop()
	n := v.coResume(L)
	v.nCcalls--
	v.running = L
	if v.killed != nil {
		panic(v.killed)
	}
	for i := L.GetTop() - n + 1; i <= L.GetTop(); i++ {
		ret = append(ret, L.Get(i))
	}
	L.SetTop(min(top, L.GetTop()))
	ok = len(ret) > 0 && lua.LVAsBool(ret[0])
	if len(ret) > 0 {
		ret = ret[1:]
	}
	if !ok && len(ret) > 0 {
		if t, thrown := ret[0].(*thrown); thrown {
			ret[0] = t.value
		}
	}
	return ok, ret
}

// Yield suspends the running coroutine with its arguments as results; return
// its result from the function.
func (c *Call) Yield() int {
	if !c.canYield() {
		c.Raise("attempt to yield across metamethod/C-call boundary")
	}
	return -1
}

// canYield reports whether no Go call (pcall, metamethod, iterator) stands
// between the running function and the coroutine's start.
func (c *Call) canYield() bool {
	if c.th.Parent == nil {
		return false
	}
	f := stateOf(c.th).currentFrame
	for p := f.Parent; p != nil; f, p = p, p.Parent {
		if p.Fn.IsG || p.Pc < 1 {
			return false
		}
		if op := int(p.Fn.Proto.Code[p.Pc-1] >> 26); op != lua.OP_CALL && op != lua.OP_TAILCALL {
			return false
		}
	}
	return true
}

// Rethrows says that the error of a coroutine will be raised anew in whoever
// resumes it, as coroutine.wrap does: it is no protected call.
func (v *VM) Rethrows(th *Thread) {
	if m := v.mem.threads[th]; m != nil {
		m.rethrows = true
	}
}

// uncaught reports whether nothing in the program will catch an error of
// coroutine L that leaves it.
func (v *VM) uncaught(L *lua.LState) bool {
	if v.protections[len(v.protections)-1].depth > 0 {
		return false
	}
	for ; L.Parent != nil; L = L.Parent {
		if m := v.mem.threads[L]; m == nil || !m.rethrows {
			return false
		}
	}
	return true
}

// coroutinePanic is what a coroutine's thread does with an error outside any
// pcall of its own: it translates it while the stack still stands and unwinds.
func (v *VM) coroutinePanic(L *lua.LState) {
	value := v.translate(L.Get(-1), stateOf(L).currentFrame, L)
	if v.OnOutOfMemory != nil && value == Value(String(OutOfMemory)) && v.uncaught(L) {
		was := v.running
		v.running = L
		v.OnOutOfMemory()
		v.running = was
	}
	v.mem.keepCorpse(L, value)
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: &thrown{value}})
}
