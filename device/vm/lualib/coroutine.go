package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

var coroutineFuncs = []vm.Func{
	{Name: "create", Fn: func(c *vm.Call) int { c.Push(newThread(c)); return 1 }},
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
	th, ok := c.Arg(1).(*vm.Thread)
	if !ok {
		c.ArgError(1, "coroutine expected")
	}
	return th
}

// resume resumes the coroutine that is argument 1.
func resume(c *vm.Call) (ok bool, ret []vm.Value) {
	th := thread(c)
	if s := c.Status(th); s != "suspended" {
		return false, []vm.Value{vm.String("cannot resume " + s + " coroutine")}
	}
	return c.Resume()
}

func coResume(c *vm.Call) int {
	ok, ret := resume(c)
	c.SetTop(1) // the arguments went over to the coroutine
	c.Push(vm.Bool(ok))
	for _, x := range ret {
		c.Push(x)
	}
	return 1 + len(ret)
}

func coWrap(c *vm.Call) int {
	th := newThread(c)
	c.VM.Rethrows(th)
	c.Push(c.VM.NewClosure(vm.Func{Name: "coroutine", Fn: wrapped}, th))
	return 1
}

// wrapped is the function that coroutine.wrap returns.
func wrapped(c *vm.Call) int {
	c.Insert(c.Upvalue(1))
	ok, ret := resume(c)
	if !ok {
		value := vm.Value(vm.Nil)
		if len(ret) > 0 {
			value = ret[0]
		}
		if s, isString := c.VM.ToString(value); isString {
			value = vm.String(c.Where(1) + s)
		}
		c.Throw(value)
	}
	for _, x := range ret {
		c.Push(x)
	}
	return len(ret)
}

func coRunning(c *vm.Call) int {
	th, main := c.Running()
	if main {
		return c.ReturnNil()
	}
	c.Push(th)
	return 1
}
