package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Calls and errors (fw: app/lua/ldo.c).

// thrown is what an error unwinds the host's stack with.
type thrown struct{ value value }

// callKind is what became of a call.
type callKind uint8

const (
	callLua    callKind = iota // its frame is there and waits to be executed
	callNative                 // is done
	callYield                  // suspends the coroutine
)

// precall begins the call of the function in slot fn with what is above it as its
// arguments (luaD_precall).
func (v *VM) precall(L *Thread, fn, results int) callKind {
	v.pushes++
	x := L.stack[fn]
	if !x.isFunction() {
		v.callMeta(L, fn)
		x = L.stack[fn]
	}
	f := x.function()
	p := f.proto
	if p == nil {
		return v.callNative(L, f, fn, results)
	}
	if L.limit-L.top <= p.maxStack {
		v.growStack(L, p.maxStack)
	}
	base := fn + 1
	if p.vararg == 0 {
		if L.top > base+p.params {
			L.top = base + p.params
		}
	} else {
		base = v.adjustVarargs(L, p, L.top-base)
	}
	ci := v.pushCall(L)
	ci.fn, ci.base, ci.top = fn, base, base+p.maxStack
	ci.pc, ci.tailCalls, ci.results = 0, 0, results
	for i := L.top; i < ci.top; i++ {
		L.stack[i].bits = kindNil // what ref was means nothing: see value
	}
	L.top = ci.top
	return callLua
}

// adjustVarargs moves the fixed parameters of a function with "..." above all its
// arguments, and returns where they begin.
func (v *VM) adjustVarargs(L *Thread, p *proto, actual int) int {
	for ; actual < p.params; actual++ {
		L.stack[L.top] = value{}
		L.top++
	}
	var arg *Table
	if p.vararg&varargNeedsArg != 0 { // of old: the extra arguments in a table
		m := v.mem
		n := actual - p.params
		m.checkGC()
		arg = m.newTable(n, 1)
		v.need(L, 1)
		L.stack[L.top] = tableValue(arg)
		L.top++
		L.fixed = true
		for i := range n {
			arg.set(m, number(float64(i+1)), L.stack[L.top-1-n+i])
		}
		L.fixed = false
		arg.set(m, stringValue(m.intern("n")), number(float64(n)))
		L.top--
	}
	fixed, base := L.top-actual, L.top
	L.hostSlots(p.params + 1)
	for i := range p.params {
		L.stack[base+i] = L.stack[fixed+i]
		L.stack[fixed+i] = value{}
	}
	L.top += p.params
	if arg != nil {
		L.stack[L.top] = tableValue(arg)
		L.top++
	}
	return base
}

// callMeta puts the __call of what stands in slot fn before it.
func (v *VM) callMeta(L *Thread, fn int) {
	x := L.stack[fn]
	h := v.metamethod(x, eventCall)
	if !h.isFunction() {
		v.typeError(x, fn, "call")
	}
	v.need(L, 1)
	copy(L.stack[fn+1:L.top+1], L.stack[fn:L.top])
	L.top++
	L.stack[fn] = h
}

// callNative calls a function of the firmware.
func (v *VM) callNative(L *Thread, f *Function, fn, results int) callKind {
	if L.limit-L.top <= heap.MinCStack {
		v.growStack(L, heap.MinCStack)
	}
	ci := v.pushCall(L)
	ci.fn, ci.base, ci.top = fn, fn+1, L.top+heap.MinCStack
	ci.pc, ci.tailCalls, ci.results = 0, 0, results
	if v.cpu += v.callNanos; v.cpu >= v.sliceAt { // natives may call each other for ever
		v.slice()
	}
	c := v.enter(L, f, fn+1)
	n := f.native(c)
	v.leave(c)
	if n < 0 {
		return callYield
	}
	v.postcall(L, L.top-n)
	return callNative
}

// postcall ends a call: its results, from slot first on, go where its function
// stood (luaD_poscall). It reports whether a number of them was wanted.
func (v *VM) postcall(L *Thread, first int) bool {
	ci := &L.ci[L.nci]
	L.nci--
	res, wanted := ci.fn, ci.results
	i := wanted
	for ; i != 0 && first < L.top; i-- {
		L.stack[res] = L.stack[first]
		res++
		first++
	}
	for ; i > 0; i-- {
		L.stack[res] = value{}
		res++
	}
	L.top = res
	return wanted >= 0
}

// call calls the function in slot fn and has it executed (luaD_call).
func (v *VM) call(L *Thread, fn, results int) {
	if L.nCcalls++; L.nCcalls >= maxCCall {
		if L.nCcalls == maxCCall {
			v.runError(cStackOverflow)
		} else if L.nCcalls >= maxCCall+maxCCall>>3 {
			v.throwHandling(L)
		}
	}
	if v.precall(L, fn, results) == callLua {
		v.execute(L, L.nci)
	}
	L.nCcalls--
	if m := v.mem; m.total >= m.gc.threshold {
		m.checkGC()
	}
}

// try calls the function in slot fn and returns what it raises, nil if nothing.
func (v *VM) try(L *Thread, fn, results int) (err *thrown) {
	defer func() {
		if r := recover(); r != nil {
			t, ok := r.(*thrown)
			if !ok {
				panic(r)
			}
			err = t
		}
	}()
	v.call(L, fn, results)
	return nil
}

// protect is the one protected call (luaD_pcall). After an error the error value
// stands in slot fn.
func (v *VM) protect(L *Thread, fn, results, handler int) (ok bool) {
	nCcalls, nci, was := L.nCcalls, L.nci, L.handler
	natives, pins := v.natives, len(v.mem.pins)
	L.handler = handler
	v.protected++
	err := v.try(L, fn, results)
	v.protected--
	L.handler = was
	if err == nil {
		return true
	}
	x := err.value
	v.natives = natives
	v.mem.pins = v.mem.pins[:min(pins, len(v.mem.pins))]
	v.running = L
	v.mem.closeUpvalues(L, fn)
	L.stack[fn] = x
	L.top = fn + 1
	L.nCcalls, L.nci = nCcalls, nci
	v.undoOverflow(L)
	return false
}

// throw raises x as an error, as it is. It does not call a handler.
func (v *VM) throw(x value) {
	m := v.mem
	if L := v.running; L != nil {
		L.fixed = false
	}
	m.egc.Blocked = !m.on
	v.thrown = thrown{x}
	panic(&v.thrown)
}

// throwMemory raises "not enough memory". No handler of the program's sees it.
func (v *VM) throwMemory() {
	x := stringValue(v.memoryError)
	v.mem.egc.Blocked = false
	v.lastWords(x)
	v.throw(x)
}

// throwHandling raises the error of an error that happens while one is handled.
func (v *VM) throwHandling(L *Thread) {
	L.fixed = false
	v.mem.egc.Blocked = false
	v.throw(stringValue(v.mem.intern("error in error handling")))
}

// raiseValue raises x after the handler, if there is one, has made of it what is
// thrown (luaG_errormsg).
func (v *VM) raiseValue(x value) {
	L := v.running
	if L == nil {
		panic("vm: an error outside of a call: " + v.text(x))
	}
	v.lastWords(x)
	if L.handler != 0 {
		h := L.stack[L.handler]
		if !h.isFunction() {
			v.throwHandling(L)
		}
		v.need(L, 2)
		L.hostSlots(2)
		L.stack[L.top] = h
		L.stack[L.top+1] = x
		L.top += 2
		v.call(L, L.top-2, 1)
		L.top--
		x = L.stack[L.top]
	}
	v.throw(x)
}

// lastWords notes, for an error that nothing in the program catches, what is to be
// known of it while the stack still stands.
func (v *VM) lastWords(x value) {
	L := v.running
	if L == nil {
		return
	}
	memory := x.isString() && hasMemoryError(x.str().s)
	if v.OnOutOfMemory != nil && memory && v.uncaught(L) {
		v.OnOutOfMemory()
	}
	if v.protected-v.through == 1 {
		v.traceback = v.TracebackUnder(L, 0, 2) // of the message handler, which calls debug.traceback
	}
}

// uncaught reports whether nothing in the program will catch an error of L's.
func (v *VM) uncaught(L *Thread) bool {
	n := 1 // protected calls that are not the program's: the outermost
	for ; L.parent != nil; L = L.parent {
		if !L.rethrows {
			return false
		}
		n++
	}
	return v.protected-v.through <= n
}

// runError raises an error of the VM's, with the position of the running function
// if that is Lua's (luaG_runerror).
func (v *VM) runError(message string) {
	L := v.running
	if L == nil {
		panic("vm: an error outside of a call: " + message)
	}
	v.raiseValue(v.pushRunError(L, message))
}

// callInto is a metamethod call with two arguments and a result, which goes to
// slot res (callTMres).
func (v *VM) callInto(L *Thread, res int, h, a, b value) {
	v.setArgs(L, h, a, b, value{})
	v.need(L, 3)
	L.top += 3
	v.call(L, L.top-3, 1)
	L.top--
	L.stack[res] = L.stack[L.top]
}

// callBool is callInto for a truth value.
func (v *VM) callBool(L *Thread, h, a, b value) bool {
	top := L.top
	v.callInto(L, top, h, a, b)
	return !L.stack[L.top].isFalse()
}

// callThree is a metamethod call with three arguments and no result (callTM).
func (v *VM) callThree(L *Thread, h, a, b, c value) {
	v.setArgs(L, h, a, b, c)
	v.need(L, 4)
	L.top += 4
	v.call(L, L.top-4, 0)
}

func (v *VM) setArgs(L *Thread, h, a, b, c value) {
	L.hostSlots(4)
	s := L.stack[L.top : L.top+4]
	s[0], s[1], s[2], s[3] = h, a, b, c
}

// callFinalizer calls a __gc written in Lua. An error in it goes on to whatever
// allocated, as in the firmware; when Lua is idle it is dropped.
func (v *VM) callFinalizer(h value, u *UserData) {
	L := v.running
	idle := L == nil
	if idle {
		L = v.th
		v.running = L
	}
	L.hostSlots(2)
	fn := L.top
	L.stack[fn], L.stack[fn+1] = h, userdataValue(u)
	L.top += 2
	if !idle {
		v.call(L, fn, 0)
		v.running = L
		return
	}
	natives, protected, pins := v.natives, v.protected, v.mem.pins // of a chunk that is being loaded
	v.protected++                                                  // not the outermost call of a program
	v.killable(func() { v.protect(L, fn, 0, 0) })
	v.reset()
	v.natives, v.protected, v.mem.pins = natives, protected, pins
	if v.killed != nil {
		v.killed = nil
		v.setLook()
	}
}

// resume runs coroutine co with the n topmost values of its stack until it yields,
// ends or fails (lua_resume).
func (v *VM) resume(L, co *Thread, n int) (ok bool) {
	fail := func(message string) bool {
		v.mem.quick.switched()
		co.top = co.ci[co.nci].base
		co.stack[co.top] = stringValue(v.mem.intern(message))
		co.top++
		return false
	}
	if co.status != threadYielded && (co.status != threadReady || co.nci != 0) {
		return fail("cannot resume non-suspended coroutine")
	}
	if co.nCcalls >= maxCCall {
		return fail(cStackOverflow)
	}
	co.nCcalls++
	co.baseC = co.nCcalls
	natives, pins := v.natives, len(v.mem.pins)
	co.parent = L
	v.running = co
	v.mem.quick.resumed(co, n)
	v.protected++
	err := v.tryResume(co, co.top-n)
	v.protected--
	v.running = L
	co.parent = nil
	v.natives = natives
	v.mem.pins = v.mem.pins[:min(pins, len(v.mem.pins))]
	if err != nil {
		v.mem.quick.switched()
		co.status = threadFailed
		co.hostSlots(1)
		co.stack[co.top] = err.value // on top of what it leaves
		co.top++
		co.ci[co.nci].top = co.top
	}
	co.nCcalls--
	return err == nil
}

func (v *VM) tryResume(co *Thread, first int) (err *thrown) {
	defer func() {
		if r := recover(); r != nil {
			t, ok := r.(*thrown)
			if !ok {
				panic(r)
			}
			err = t
		}
	}()
	if co.status == threadReady {
		if v.precall(co, first-1, allOfIt) != callLua {
			return nil
		}
	} else { // the call of yield returns
		co.status = threadReady
		if v.postcall(co, first) {
			co.top = co.ci[co.nci].top
		}
	}
	v.execute(co, 1)
	return nil
}

// switched notes that a coroutine has run, or stopped, in another way than resumed and
// suspended tell.
func (q *quick) switched() { q.dirty = true }

// CanYield reports whether the running coroutine can be suspended here: not within what a
// function of the firmware has called, as pcall or table.sort.
func (c *Call) CanYield() bool { return c.th.nCcalls <= c.th.baseC }

// Yield suspends the running coroutine with its arguments as results; return
// its result from the function.
func (c *Call) Yield() int {
	L := c.th
	if !c.CanYield() {
		c.Raise("attempt to yield across metamethod/C-call boundary")
	}
	L.base = L.top - c.NArgs()
	L.status = threadYielded
	return -1
}

// text is a value as messages of the simulator's own show it.
func (v *VM) text(x value) string {
	switch {
	case x.isString():
		return x.str().text()
	case x.isNumber():
		return FormatNumber(x.num())
	}
	return fmt.Sprintf("a %s value", x.typeName())
}
