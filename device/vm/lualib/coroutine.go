package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

var coroutineFuncs = []vm.Func{
	{Name: "create", Fn: func(c *vm.Call) int { c.PushThread(newThread(c)); return 1 }},
	{Name: "resume", Fn: coResume},
	{Name: "running", Fn: coRunning},
	{Name: "status", Fn: func(c *vm.Call) int { return c.ReturnString(c.Status(thread(c))) }},
	{Name: "wrap", Fn: coWrap},
	{Name: "yield", Fn: func(c *vm.Call) int { return c.Yield() }},
}

// newThread makes a coroutine of argument 1.
func newThread(c *vm.Call) *vm.Thread {
	if fn, ok := c.Arg(1).(*vm.Function); !ok || vm.IsNative(fn) {
		c.ArgError(1, "Lua function expected")
	}
	return c.NewThread()
}

func thread(c *vm.Call) *vm.Thread {
	if !c.IsThreadAt(1) {
		c.ArgError(1, "coroutine expected")
	}
	return c.ThreadAt(1)
}

// resume resumes a coroutine with the arguments from number first on, and pushes
// its results or what went wrong (fw: lbaselib.c, auxresume).
func resume(c *vm.Call, th *vm.Thread, first int) (ok bool, n int) {
	if s := c.Status(th); s != "suspended" {
		c.PushString("cannot resume " + s + " coroutine")
		return false, 1
	}
	return c.Resume(th, first)
}

func coResume(c *vm.Call) int {
	ok, n := resume(c, thread(c), 2)
	c.PushBool(ok)
	c.InsertBelow(n)
	return n + 1
}

func coWrap(c *vm.Call) int {
	th := newThread(c)
	c.VM.Rethrows(th)
	c.Push(c.VM.NewClosure(vm.Func{Name: "coroutine", Fn: wrapped}, th))
	return 1
}

// wrapped is the function that coroutine.wrap returns.
func wrapped(c *vm.Call) int {
	ok, n := resume(c, c.UpvalueThread(1), 1)
	if !ok {
		if c.IsString(c.Top()) {
			c.PushWhere(1)
			c.InsertBelow(1)
			c.ConcatTop(2)
		}
		c.ThrowTop()
	}
	return n
}

func coRunning(c *vm.Call) int {
	th, main := c.Running()
	if main {
		return c.ReturnNil()
	}
	c.PushThread(th)
	return 1
}
