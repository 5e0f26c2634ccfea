package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Call is one call from Lua into a firmware function: its arguments, checked
// with the messages of the firmware's luaL_check* family, and its results. It is
// valid until the function returns.
type Call struct {
	VM   *VM
	th   *lua.LState
	name string
	pins int // pinned values of the calls below

	above []Value // exact accounts: see dropped
}

func (v *VM) enter(L *lua.LState, name string) *Call {
	v.running = L
	if n := len(v.calls); n > 0 {
		c := v.calls[n-1]
		v.calls = v.calls[:n-1]
		c.th, c.name, c.pins, c.above = L, name, len(v.mem.pins), c.above[:0]
		return c
	}
	return &Call{VM: v, th: L, name: name, pins: len(v.mem.pins)}
}

func (v *VM) leave(c *Call) {
	v.mem.pins = v.mem.pins[:min(c.pins, len(v.mem.pins))]
	v.calls = append(v.calls, c)
}

// NArgs returns the number of arguments.
func (c *Call) NArgs() int { return c.th.GetTop() }

// Arg returns argument n (from 1), Nil when it was not given.
func (c *Call) Arg(n int) Value { return c.th.Get(n) }

// IsNone reports whether argument n was not given at all; IsNoneOrNil whether
// it is absent or nil.
func (c *Call) IsNone(n int) bool      { return n > c.th.GetTop() }
func (c *Call) IsNoneOrNil(n int) bool { return c.th.Get(n) == Nil }

// TypeName returns the type of argument n as messages name it: "no value" when
// absent.
func (c *Call) TypeName(n int) string {
	if c.IsNone(n) {
		return "no value"
	}
	return c.VM.TypeName(c.Arg(n))
}

// Number returns argument n, which must be a number or a string that is one.
func (c *Call) Number(n int) float64 {
	f, ok := c.VM.ToNumber(c.Arg(n))
	if !ok {
		c.TypeError(n, "number")
	}
	return f
}

// Int returns argument n as luaL_checkinteger does: 32 bits, see Integer.
func (c *Call) Int(n int) int { return Integer(c.Number(n)) }

// Uint32 is Int where the firmware's variable is unsigned.
func (c *Call) Uint32(n int) uint32 { return uint32(c.Int(n)) }

// OptInt is Int, or def when argument n is absent or nil.
func (c *Call) OptInt(n, def int) int {
	if c.IsNoneOrNil(n) {
		return def
	}
	return c.Int(n)
}

// OptNumber is Number, or def when argument n is absent or nil.
func (c *Call) OptNumber(n int, def float64) float64 {
	if c.IsNoneOrNil(n) {
		return def
	}
	return c.Number(n)
}

// String returns argument n, which must be a string or a number.
func (c *Call) String(n int) string {
	s, ok := c.VM.ToString(c.Arg(n))
	if !ok {
		c.TypeError(n, "string")
	}
	return s
}

// OptString is String, or def when argument n is absent or nil.
func (c *Call) OptString(n int, def string) string {
	if c.IsNoneOrNil(n) {
		return def
	}
	return c.String(n)
}

// IsString reports whether argument n is a string or a number (lua_isstring).
func (c *Call) IsString(n int) bool { _, ok := c.VM.ToString(c.Arg(n)); return ok }

// IsNumber reports whether argument n is a number or a string that is one
// (lua_isnumber).
func (c *Call) IsNumber(n int) bool { _, ok := c.VM.ToNumber(c.Arg(n)); return ok }

// Bool returns the truth value of argument n (lua_toboolean).
func (c *Call) Bool(n int) bool { return lua.LVAsBool(c.Arg(n)) }

// Table returns argument n, which must be a table.
func (c *Call) Table(n int) *Table {
	t, ok := c.Arg(n).(*Table)
	if !ok {
		c.TypeError(n, "table")
	}
	return t
}

// OptTable returns argument n, a table or absent (nil).
func (c *Call) OptTable(n int) *Table {
	if c.IsNoneOrNil(n) {
		return nil
	}
	return c.Table(n)
}

// Function returns argument n, which must be a function.
func (c *Call) Function(n int) *Function {
	f, ok := c.Arg(n).(*Function)
	if !ok {
		c.TypeError(n, "function")
	}
	return f
}

// OptFunction returns argument n, a function, or nil when absent or nil.
func (c *Call) OptFunction(n int) *Function {
	if c.IsNoneOrNil(n) {
		return nil
	}
	return c.Function(n)
}

// Any checks that argument n was given, be it nil (luaL_checkany).
func (c *Call) Any(n int) Value {
	if c.IsNone(n) {
		c.ArgError(n, "value expected")
	}
	return c.Arg(n)
}

// Option returns which of the options argument n names (luaL_checkoption). def
// is used when the argument is absent, unless def is "".
func (c *Call) Option(n int, def string, options ...string) int {
	var s string
	if def != "" {
		s = c.OptString(n, def)
	} else {
		s = c.String(n)
	}
	for i, o := range options {
		if o == s {
			return i
		}
	}
	c.ArgError(n, fmt.Sprintf("invalid option '%s'", s))
	return 0
}

// Object returns the Go value of argument n, which must be a userdata of type t
// (luaL_checkudata).
func (c *Call) Object(n int, t *Type) any {
	if ud, ok := c.Arg(n).(*UserData); ok && ud.Metatable == Value(c.VM.Metatable(t)) {
		return ud.Value
	}
	c.TypeError(n, t.Name)
	return nil
}

// TestObject is Object without the error: nil when argument n is something else.
func (c *Call) TestObject(n int, t *Type) any {
	if ud, ok := c.Arg(n).(*UserData); ok && ud.Metatable == Value(c.VM.Metatable(t)) {
		return ud.Value
	}
	return nil
}

// Push adds a result.
func (c *Call) Push(v Value) { c.th.Push(v) }

// Return makes vals the results and returns their number.
func (c *Call) Return(vals ...Value) int {
	n := 0
	for _, v := range vals {
		if _, ok := v.(String); !ok {
			c.VM.pin(v)
			n++
		}
	}
	for _, v := range vals {
		if s, ok := v.(String); ok {
			c.VM.Intern(string(s))
		}
		c.th.Push(v)
	}
	c.VM.unpin(n)
	return len(vals)
}

// ReturnInt, ReturnBool, ReturnString and ReturnNil return one result.
func (c *Call) ReturnInt(n int) int { c.th.Push(Number(n)); return 1 }

// ReturnBool returns one boolean.
func (c *Call) ReturnBool(b bool) int { c.th.Push(Bool(b)); return 1 }

// ReturnString returns one new string.
func (c *Call) ReturnString(s string) int {
	c.VM.Intern(s)
	c.th.Push(String(s))
	return 1
}

// ReturnNil returns nil.
func (c *Call) ReturnNil() int { c.th.Push(Nil); return 1 }

// NewTable makes a table with room for narray and nhash entries (lua_createtable).
func (c *Call) NewTable(narray, nhash int) *Table { return c.VM.NewTable(narray, nhash) }

// Error raises a Lua error with position (luaL_error).
func (c *Call) Error(format string, args ...any) {
	c.VM.raise(c.th, 1, format, args...)
}

// Throw raises value as an error, as it is (lua_error).
func (c *Call) Throw(value Value) { c.VM.throw(c.th, value) }

// ArgError raises "bad argument #n to 'function' (message)".
func (c *Call) ArgError(n int, message string) {
	c.VM.raise(c.th, 1, "%s", argMessage(c, n, message))
}

// TypeError raises "bad argument #n to 'function' (expected expected, got type)".
func (c *Call) TypeError(n int, expected string) {
	c.ArgError(n, fmt.Sprintf("%s expected, got %s", expected, c.TypeName(n)))
}

// Invoke calls a Lua function from within this call, unprotected: an error goes
// on to whoever called us (lua_call).
func (c *Call) Invoke(fn Value, nret int, args ...Value) []Value {
	L := c.th
	if problem := c.VM.uncallable(fn); problem != "" {
		c.VM.raise(L, 0, "%s", problem)
	}
	c.VM.enterC(L)
	base := L.GetTop()
	L.Push(fn)
	for _, a := range args {
		L.Push(a)
	}
	L.Call(len(args), nret)
	out := make([]Value, 0, max(nret, 0))
	for i := base + 1; i <= L.GetTop(); i++ {
		out = append(out, L.Get(i))
	}
	L.SetTop(base)
	c.VM.nCcalls--
	c.VM.running = L
	c.VM.called(out)
	return out
}
