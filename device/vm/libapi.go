package vm

import (
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"
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

// ChargeSteps accounts for n steps of a long loop in a library function, each as dear
// as a VM instruction, and lets the watchdog end it.
func (v *VM) ChargeSteps(n int) {
	v.cpu += int64(n) * v.instrNanos
	if v.cpu >= v.sliceAt {
		v.slice()
	}
}

// Registry returns the registry as a table (LUA_REGISTRYINDEX). References are
// not in it: see Ref.
func (v *VM) Registry() *Table { return v.th.G.Registry }

// RawEqual reports whether two values are the same without asking __eq.
func (v *VM) RawEqual(a, b Value) bool { return v.th.RawEqual(a, b) }

// LessThan is a < b with metamethods (lua_lessthan).
func (c *Call) LessThan(a, b Value) bool {
	switch x := a.(type) {
	case Number:
		if y, ok := b.(Number); ok {
			return x < y
		}
	case String:
		if y, ok := b.(String); ok {
			return x < y
		}
	}
	if a.Type() == b.Type() {
		if h := c.VM.Metafield(a, "__lt"); h != Nil && h == c.VM.Metafield(b, "__lt") {
			return lua.LVAsBool(c.Invoke(h, 1, a, b)[0])
		}
	}
	c.VM.raise(c.th, 0, "%s", compareMessage(c.VM.TypeName(a), c.VM.TypeName(b)))
	return false
}

// Index is t[key] with metamethods (lua_gettable).
func (c *Call) Index(t, key Value) Value { return c.th.GetTable(t, key) }

// SetIndex is t[key] = value with metamethods (lua_settable).
func (c *Call) SetIndex(t, key, value Value) {
	v := c.VM
	if v.mem.on {
		v.pin(t)
		v.pin(key)
		v.pin(value)
		at, handler := v.mem.set(t, key, value != Nil)
		v.mem.stores(key)
		v.mem.stores(value)
		v.unpin(3)
		if handler != nil {
			c.Invoke(handler, 0, at, key, value)
			return
		}
	}
	c.th.SetTable(t, key, value)
}

// Global returns a global variable as a function sees it (lua_getglobal).
func (c *Call) Global(name string) Value { return c.th.GetField(c.VM.th.G.Global, name) }

// SetThreadEnv makes env the global table of the running thread (setfenv(0)).
func (c *Call) SetThreadEnv(env *Table) {
	c.th.Env = env
	if c.th == c.VM.th {
		c.th.G.Global = env
	}
}

// ThreadEnv returns the global table of the running thread.
func (c *Call) ThreadEnv() *Table { return c.th.Env }

// Running returns the running coroutine; main is true for the main thread.
func (c *Call) Running() (th *Thread, main bool) { return c.th, c.th == c.VM.th }

// Status returns what coroutine.status says of a thread.
func (c *Call) Status(th *Thread) string {
	if th == c.th {
		return "running"
	}
	if th.Dead {
		return "dead"
	}
	for p := c.th.Parent; p != nil; p = p.Parent {
		if p == th {
			return "normal"
		}
	}
	return "suspended"
}

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
	values := make([]lua.LValue, len(pieces))
	total := 0
	for i, p := range pieces {
		values[i] = String(p)
		total += len(p)
	}
	if m := c.VM.mem; m.on {
		m.concat(c.th, values)
	}
	return joinValues(values, total)
}

// Insert puts a value before the arguments of the call.
func (c *Call) Insert(x Value) { c.th.Insert(x, 1) }

// SetTop drops what is above n arguments and results, or fills up with nil.
func (c *Call) SetTop(n int) { c.th.SetTop(n) }

// Drop takes the last n values that were pushed away again.
func (c *Call) Drop(n int) {
	if c.VM.mem.exact {
		c.dropped(n)
	}
	c.th.Pop(n)
}

// Raise raises an error without position, as the VM does from within a native
// function (luaG_runerror).
func (c *Call) Raise(format string, args ...any) { c.VM.raise(c.th, 0, format, args...) }

// Strings returns the strings that are in the script's memory, sorted.
func (v *VM) Strings() []string {
	v.mem.collect()
	return slices.Sorted(maps.Keys(v.mem.strs))
}
