package vm

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// What the standard libraries need of the VM beyond what firmware modules do.

// Print writes text to the device's output.
func (v *VM) Print(s string) {
	if v.cfg.Output != nil {
		v.cfg.Output(s)
	}
}

// ReadFile returns a file of the device's flash, Embedded a Lua module shipped
// with the simulator.
func (v *VM) ReadFile(name string) ([]byte, bool) {
	if v.cfg.ReadFile == nil {
		return nil, false
	}
	return v.cfg.ReadFile(name)
}

// Embedded returns a Lua module shipped with the simulator.
func (v *VM) Embedded(name string) ([]byte, bool) {
	if v.cfg.Embedded == nil {
		return nil, false
	}
	return v.cfg.Embedded(name)
}

// Random returns a number of the device's random generator.
func (v *VM) Random() uint32 {
	if v.cfg.Random == nil {
		return 0
	}
	return v.cfg.Random()
}

// Index is t[key] with metamethods (lua_gettable).
func (c *Call) Index(t, key Value) Value {
	L := c.th
	at := L.top
	c.Push(t)
	c.Push(key)
	c.VM.index(L, at, L.stack[at], L.stack[at+1])
	L.top = at
	return L.stack[at].boundary()
}

// SetIndex is t[key] = value with metamethods (lua_settable).
func (c *Call) SetIndex(t, key, x Value) {
	L := c.th
	at := L.top
	m := c.VM.mem
	pins := len(m.pins)
	c.VM.holdObject(x)
	c.Push(t)
	c.Push(key)
	c.Push(x)
	m.pins = m.pins[:pins]
	c.VM.setIndex(L, L.stack[at], L.stack[at+1], L.stack[at+2])
	L.top = at
}

// Global returns a global variable as a function sees it (lua_getglobal).
func (c *Call) Global(name string) Value { return c.Index(c.VM.th.globals, String(name)) }

// SetThreadEnv makes env the global table of the running thread (setfenv(0)).
func (c *Call) SetThreadEnv(env *Table) {
	L := c.th
	old := L.globals
	L.globals = env
	if L.mark&barriers != 0 {
		c.VM.mem.barrier(&L.header, tableValue(old), tableValue(env))
	}
	c.VM.mem.quick.dirty = true // a thread's stack is marked with it
}

// ThreadEnv returns the global table of the running thread.
func (c *Call) ThreadEnv() *Table { return c.th.globals }

// Running returns the running coroutine; main is true for the main thread.
func (c *Call) Running() (th *Thread, main bool) { return c.th, c.th == c.VM.th }

// Status returns what coroutine.status says of a thread (fw: lbaselib.c, costatus).
func (c *Call) Status(th *Thread) string {
	if th == c.th {
		return "running"
	}
	switch th.status {
	case threadYielded:
		return "suspended"
	case threadFailed:
		return "dead"
	}
	switch {
	case th.nci > 0:
		return "normal"
	case th.top == th.ci[0].base:
		return "dead"
	}
	return "suspended"
}

// NewThread makes a coroutine that will run the function given as argument 1.
func (c *Call) NewThread() *Thread {
	fn := c.Function(1)
	v := c.VM
	v.mem.checkGC()
	th := v.mem.newThread()
	th.stack[th.top] = functionValue(fn)
	th.top++
	th.start = fn.proto
	if th.mark&barriers != 0 {
		v.mem.barrier(&th.header, value{}, functionValue(fn))
	}
	return th
}

// Resume resumes coroutine th with the arguments from number first on. It takes
// them away and pushes the results, or the error value, and returns their number.
func (c *Call) Resume(th *Thread, first int) (ok bool, n int) {
	v, L := c.VM, c.th
	args := L.stack[c.base+first-1 : L.top]
	th.hostSlots(len(args))
	if th.limit-th.top <= len(args) {
		v.growStack(th, len(args)) // lua_checkstack
		args = L.stack[c.base+first-1 : L.top]
	}
	copy(th.stack[th.top:], args)
	th.top += len(args)
	L.top -= len(args)
	th.nCcalls = L.nCcalls
	ok = v.resume(L, th, len(args))
	from := th.top - 1
	if ok {
		if from = th.base; th.status != threadYielded {
			from = th.ci[th.nci].base
		}
	}
	results := th.stack[from:th.top]
	if !c.CheckStack(len(results)) {
		v.mem.quick.switched()
		c.Error("too many results to resume")
	}
	copy(L.stack[L.top:], results)
	L.top += len(results)
	th.top = from
	v.mem.quick.suspended(th)
	return ok, len(results)
}

// Rethrows says that the error of a coroutine will be raised anew in whoever
// resumes it, as coroutine.wrap does: it is no protected call.
func (v *VM) Rethrows(th *Thread) { th.rethrows = true }

// ThreadTraceback returns the stack of a thread from level n on (0 is its
// innermost function), as debug.traceback prints it.
func (c *Call) ThreadTraceback(th *Thread, n int) string {
	return c.VM.Traceback(th, n)
}

// Join glues pieces to one string as luaV_concat does: right to left, through
// the shared buffer, within the limit on joined strings.
func (c *Call) Join(pieces []string) string {
	switch len(pieces) {
	case 0:
		return ""
	case 1:
		return pieces[0]
	}
	for _, p := range pieces {
		c.push(stringValue(c.VM.mem.intern(p)))
	}
	c.ConcatTop(len(pieces))
	c.th.top--
	return c.th.stack[c.th.top].str().text()
}

// ConcatTop glues the n topmost values, all strings or numbers, to one (lua_concat).
func (c *Call) ConcatTop(n int) {
	L := c.th
	if n >= 2 {
		c.VM.mem.checkGC()
		c.VM.concat(L, c.base, n, L.top-c.base-1)
		L.top -= n - 1
	}
}

// HasString reports whether a string is in the script's memory, or in the flash store.
func (v *VM) HasString(s string) bool {
	hash := heap.StringHash(s)
	for p := v.mem.rows[hash&uint32(len(v.mem.rows)-1)]; p != nil; p = p.nextStr() {
		if p.hash == hash && p.s == s {
			return !v.mem.isDead(&p.header)
		}
	}
	return v.mem.flash != nil && v.mem.flash.find(s, hash) != nil
}

// Strings returns the strings that are in the script's memory, sorted.
func (v *VM) Strings() []string {
	var out []string
	for _, s := range v.mem.rows {
		for ; s != nil; s = s.nextStr() {
			if !v.mem.isDead(&s.header) {
				out = append(out, s.text())
			}
		}
	}
	slices.Sort(out)
	return out
}
