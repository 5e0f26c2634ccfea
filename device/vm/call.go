package vm

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
)

// Call is one call from Lua into a firmware function: its arguments, checked
// with the messages of the firmware's luaL_check* family, and its results. It is
// valid until the function returns. What it pushes stands on Lua's stack above
// the arguments, as on the device.
type Call struct {
	VM   *VM
	th   *Thread
	fn   *Function
	base int // slot of argument 1
	pins int // pinned values of the calls below
}

func (v *VM) enter(L *Thread, f *Function, base int) *Call {
	if v.natives == len(v.calls) {
		v.calls = append(v.calls, &Call{VM: v})
	}
	c := v.calls[v.natives]
	v.natives++
	c.th, c.fn, c.base, c.pins = L, f, base, len(v.mem.pins)
	return c
}

func (v *VM) leave(c *Call) {
	v.natives--
	if len(v.mem.pins) != c.pins {
		v.mem.pins = v.mem.pins[:c.pins]
	}
}

// at is argument or pushed value n (from 1), nil beyond the last.
func (c *Call) at(n int) value {
	if i := c.base + n - 1; i < c.th.top && n > 0 {
		return c.th.stack[i]
	}
	return value{}
}

func (c *Call) push(x value) {
	L := c.th
	if L.top+slack/2 > len(L.stack) {
		L.hostSlots(slack)
	}
	L.stack[L.top] = x
	L.top++
}

// pin keeps a value alive while firmware code holds it in a Go variable: until
// the function that runs returns to Lua.
func (v *VM) pin(x value) { v.mem.pins = append(v.mem.pins, x) }

// holdObject pins x unless it is a string: what exists outlives the making of the
// strings that it goes with.
func (v *VM) holdObject(x Value) {
	switch x.(type) {
	case *Table, *Function, *UserData, *Thread:
		v.pin(v.take(x))
	}
}

// NArgs returns the number of arguments.
func (c *Call) NArgs() int { return c.th.top - c.base }

// Arg returns argument n (from 1), Nil when it was not given.
func (c *Call) Arg(n int) Value { return c.at(n).boundary() }

// IsNone reports whether argument n was not given at all; IsNoneOrNil whether
// it is absent or nil.
func (c *Call) IsNone(n int) bool      { return n > c.NArgs() }
func (c *Call) IsNoneOrNil(n int) bool { return c.at(n).isNil() }

// TypeName returns the type of argument n as messages name it: "no value" when
// absent.
func (c *Call) TypeName(n int) string {
	if c.IsNone(n) {
		return "no value"
	}
	return c.at(n).typeName()
}

// Number returns argument n, which must be a number or a string that is one.
func (c *Call) Number(n int) float64 {
	f, ok := c.VM.toNumber(c.at(n))
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

// String returns argument n, which must be a string or a number. A number becomes
// a string where it stands (lua_tolstring).
func (c *Call) String(n int) string {
	if x := c.at(n); !x.isString() {
		if !x.isNumber() {
			c.TypeError(n, "string")
		}
		c.VM.makeString(c.th, c.base+n-1)
		c.VM.mem.checkGC()
	}
	return c.at(n).str().text()
}

// OptString is String, or def when argument n is absent or nil.
func (c *Call) OptString(n int, def string) string {
	if c.IsNoneOrNil(n) {
		return def
	}
	return c.String(n)
}

// IsString reports whether argument n is a string or a number (lua_isstring).
func (c *Call) IsString(n int) bool { x := c.at(n); return x.isString() || x.isNumber() }

// IsNumber reports whether argument n is a number or a string that is one
// (lua_isnumber).
func (c *Call) IsNumber(n int) bool { _, ok := c.VM.toNumber(c.at(n)); return ok }

// Bool returns the truth value of argument n (lua_toboolean).
func (c *Call) Bool(n int) bool { return !c.at(n).isFalse() }

// Table returns argument n, which must be a table.
func (c *Call) Table(n int) *Table {
	x := c.at(n)
	if !x.isTable() {
		c.TypeError(n, "table")
	}
	return x.table()
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
	x := c.at(n)
	if !x.isFunction() {
		c.TypeError(n, "function")
	}
	return x.function()
}

// OptFunction returns argument n, a function, or nil when absent or nil.
func (c *Call) OptFunction(n int) *Function {
	if c.IsNoneOrNil(n) {
		return nil
	}
	return c.Function(n)
}

// CheckAny is Any where the value itself is not wanted.
func (c *Call) CheckAny(n int) {
	if c.IsNone(n) {
		c.ArgError(n, "value expected")
	}
}

// Any checks that argument n was given, be it nil (luaL_checkany).
func (c *Call) Any(n int) Value {
	c.CheckAny(n)
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
	s = CString(s)
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
	if x := c.at(n); x.bits == kindUserData && x.userdata().meta == c.VM.Metatable(t) {
		return x.userdata().object
	}
	c.TypeError(n, t.Name)
	return nil
}

// TestObject is Object without the error: nil when argument n is something else.
func (c *Call) TestObject(n int, t *Type) any {
	if x := c.at(n); x.bits == kindUserData && x.userdata().meta == c.VM.Metatable(t) {
		return x.userdata().object
	}
	return nil
}

// Push adds a result.
func (c *Call) Push(x Value) { c.push(c.VM.take(x)) }

// Return makes vals the results and returns their number.
func (c *Call) Return(vals ...Value) int {
	for _, x := range vals {
		c.VM.holdObject(x)
	}
	for _, x := range vals {
		c.Push(x)
	}
	return len(vals)
}

// ReturnInt, ReturnBool, ReturnString and ReturnNil return one result.
func (c *Call) ReturnInt(n int) int { c.push(number(float64(n))); return 1 }

// ReturnBool returns one boolean.
func (c *Call) ReturnBool(b bool) int { c.push(boolean(b)); return 1 }

// ReturnString returns one new string.
func (c *Call) ReturnString(s string) int { c.PushString(s); return 1 }

// PushString adds a string (lua_pushlstring).
func (c *Call) PushString(s string) {
	c.VM.mem.checkGC()
	c.push(stringValue(c.VM.mem.intern(s)))
}

// PushBytes adds a string of bytes that may change afterwards.
func (c *Call) PushBytes(b []byte) {
	c.VM.mem.checkGC()
	c.push(stringValue(c.VM.mem.internBytes(b, false)))
}

// PushStrings adds strings, one after the other: nothing can die between two of them.
func (c *Call) PushStrings(list []string) {
	m := c.VM.mem
	before := m.requests
	for _, s := range list {
		m.checkGC()
		c.push(stringValue(m.internAfter(s, m.requests != before)))
	}
}

// ReturnNil returns nil.
func (c *Call) ReturnNil() int { c.push(value{}); return 1 }

// NewTable makes a table with room for narray and nhash entries (lua_createtable).
func (c *Call) NewTable(narray, nhash int) *Table { return c.VM.NewTable(narray, nhash) }

// Error raises a Lua error with position (luaL_error).
func (c *Call) Error(format string, args ...any) { c.VM.raise(c.th, 1, format, args...) }

// Raise raises an error without position, as the VM does from within a native
// function (luaG_runerror).
func (c *Call) Raise(format string, args ...any) { c.VM.raise(c.th, 0, format, args...) }

// Throw raises value as an error, as it is (lua_error).
func (c *Call) Throw(x Value) { c.VM.raiseValue(c.VM.take(x)) }

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
	L, v := c.th, c.VM
	at := L.top
	v.pushArgs(L, fn, args)
	c.callAt(at, nret)
	return L.take(at)
}

// callAt calls the function in slot at with what is above it.
func (c *Call) callAt(at, nret int) {
	v, L := c.VM, c.th
	v.call(L, at, nret)
	v.running = L
	if ci := &L.ci[L.nci]; nret == allOfIt && L.top >= ci.top {
		ci.top = L.top
	}
}

// Delegate has fn, a function in Go, do what the running one was called for, as if it had
// been called itself. It returns the number of results.
func (c *Call) Delegate(fn *Function) int {
	was := c.fn
	c.fn = fn
	n := fn.native(c)
	c.fn = was
	return n
}

// PCall calls fn from within a running call, protected (lua_pcall). handler,
// which may be nil, is given the error value while the stack still stands and
// returns what becomes the error value (xpcall).
func (c *Call) PCall(fn Value, nret int, handler Value, args ...Value) ([]Value, *Error) {
	L, v := c.th, c.VM
	at := 0
	if handler != nil {
		at = L.top
		c.Push(handler)
	}
	ret, err := v.pcall(L, fn, nret, at, args)
	v.running = L
	if handler != nil {
		L.top--
	}
	return ret, err
}

// CheckStack makes room for n more values on the stack of the running function
// (lua_checkstack). It returns false when a script asks for more than the
// firmware allows one function.
func (c *Call) CheckStack(n int) bool {
	L := c.th
	if n > heap.MaxCStackResults || L.top-c.base+n > heap.MaxCStackResults {
		return false
	}
	if n > 0 {
		c.VM.need(L, n)
		L.hostSlots(n)
		if ci := &L.ci[L.nci]; ci.top < L.top+n {
			ci.top = L.top + n
		}
	}
	return true
}

// Upvalue returns value n (from 1) of the closure that is running.
func (c *Call) Upvalue(n int) Value { return c.fn.values[n-1].boundary() }

// SetUpvalue replaces value n of the closure that is running.
func (c *Call) SetUpvalue(n int, x Value) { c.setUpvalue(n, c.VM.take(x)) }

func (c *Call) setUpvalue(n int, x value) {
	f := c.fn
	old := f.values[n-1]
	f.values[n-1] = x
	if f.mark&barriers != 0 {
		c.VM.mem.barrier(&f.header, old, x)
	}
}

// Insert puts a value before the arguments of the call.
func (c *Call) Insert(x Value) {
	L := c.th
	c.Push(x)
	y := L.stack[L.top-1]
	copy(L.stack[c.base+1:L.top], L.stack[c.base:L.top-1])
	L.stack[c.base] = y
}

// SetTop drops what is above n arguments and results, or fills up with nil.
func (c *Call) SetTop(n int) {
	L := c.th
	L.hostSlots(n)
	for L.top < c.base+n {
		L.stack[L.top] = value{}
		L.top++
	}
	L.top = c.base + n
}
