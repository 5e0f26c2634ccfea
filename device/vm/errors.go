package vm

import (
	"fmt"
	"strings"
)

// OutOfMemory is the message of a failed allocation (fw: MEMERRMSG).
const OutOfMemory = "not enough memory"

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

// Memory reports whether the error is a failed allocation.
func (e *Error) Memory() bool { return e.Value == Value(String(OutOfMemory)) }

// hasMemoryError reports whether an error message comes from a failed allocation:
// also when it was caught on the way and raised anew, with a position before it.
func hasMemoryError(s string) bool { return strings.HasSuffix(s, OutOfMemory) }

// pushf makes a message as the firmware does (luaO_pushvfstring): each piece is a
// string for a while, which near the limit decides whether a program gets its error
// or "not enough memory" instead. format knows %s and %d. The message is left on
// the stack.
func (v *VM) pushf(L *Thread, format string, args ...any) value {
	m := v.mem
	push := func(x value) {
		L.hostSlots(1)
		L.stack[L.top] = x
		v.need(L, 1)
		L.top++
	}
	push(stringValue(m.intern("")))
	n := 1
	for _, arg := range args {
		text, rest, _ := strings.Cut(format, "%")
		push(stringValue(m.intern(text)))
		switch arg := arg.(type) {
		case int:
			push(number(float64(arg)))
		case string:
			push(stringValue(m.intern(CString(arg))))
		}
		format = rest[1:]
		n += 2
	}
	push(stringValue(m.intern(format)))
	base := L.ci[L.nci].base
	v.concat(L, base, n+1, L.top-base-1)
	L.top -= n
	return L.stack[L.top-1]
}

// pushRunError makes the message of an error of the VM's: with its position, if the
// running function is Lua's (fw: ldebug.c, addinfo).
func (v *VM) pushRunError(L *Thread, message string) value {
	L.fixed = false
	L.hostSlots(8)
	v.need(L, 1)
	L.stack[L.top] = stringValue(v.mem.intern(message))
	L.top++
	return v.addInfo(L)
}

func (v *VM) addInfo(L *Thread) value {
	ci := &L.ci[L.nci]
	if f := L.function(ci); f != nil && f.proto != nil {
		text := L.stack[L.top-1].str().text()
		v.pushf(L, "%s:%d: %s", ChunkID(f.proto.source.text()), f.proto.line(ci), text)
	}
	return L.stack[L.top-1]
}

// runErrorf is runError for a message that the firmware makes of pieces.
func (v *VM) runErrorf(format string, args ...any) {
	L := v.running
	L.fixed = false
	v.pushf(L, format, args...)
	v.raiseValue(v.addInfo(L))
}

// typeError says that an operation cannot be done on x. slot is where it stands, or
// negative: the value is named as the code that put it there did (luaG_typeerror).
func (v *VM) typeError(x value, slot int, what string) {
	L := v.running
	ci := &L.ci[L.nci]
	if ci.base <= slot && slot < ci.top {
		if kind, name := L.objectName(ci, slot-ci.base); kind != "" {
			if v.OnAbsent != nil && x.isNil() {
				switch {
				case kind == "global" && what == "index":
					v.OnAbsent(name)
				case kind == "field" && (what == "call" || what == "index"):
					v.OnAbsent(L.protoOf(ci).pathTo(ci.pc-1, slot-ci.base))
				}
			}
			v.runErrorf("attempt to %s %s '%s' (a %s value)", what, kind, name, x.typeName())
		}
	}
	v.runErrorf("attempt to %s a %s value", what, x.typeName())
}

// Failing returns the message of the error that unwinds the stack, for what is deferred
// in a function of the firmware: "" if that is no string, or if the code is being killed.
func (v *VM) Failing() string {
	if v.killed != nil || !v.thrown.value.isString() {
		return ""
	}
	return v.thrown.value.str().text()
}

// orderError is luaG_ordererror, which takes two types for one when the third
// letters of their names agree.
func (v *VM) orderError(a, b value) {
	x, y := a.typeName(), b.typeName()
	if x[2] == y[2] {
		v.runErrorf("attempt to compare two %s values", x)
	}
	v.runErrorf("attempt to compare %s with %s", x, y)
}

// raise raises an error message of a firmware function, with the position of the
// Lua function at the given level above it (luaL_error); 0 is none.
func (v *VM) raise(L *Thread, level int, format string, args ...any) {
	msg := format
	if len(args) > 0 {
		for i, arg := range args {
			if s, ok := arg.(string); ok {
				args[i] = CString(s)
			}
		}
		msg = fmt.Sprintf(format, args...)
	}
	L.hostSlots(4)
	push := func(s string) {
		L.stack[L.top] = stringValue(v.mem.intern(s))
		L.top++
	}
	if level == 0 {
		push(msg)
	} else {
		v.pushWhere(L, level)
		push(msg)
		base := L.ci[L.nci].base
		v.concat(L, base, 2, L.top-base-1)
		L.top--
	}
	v.raiseValue(L.stack[L.top-1])
}

// pushWhere pushes "file:line: " of the function at a level, or "" (luaL_where).
func (v *VM) pushWhere(L *Thread, level int) {
	if ci, _ := L.level(level); ci != nil {
		if p := L.protoOf(ci); p != nil {
			if line := p.line(ci); line > 0 {
				v.pushf(L, "%s:%d: ", ChunkID(p.source.text()), line)
				return
			}
		}
	}
	L.stack[L.top] = stringValue(v.mem.intern(""))
	L.top++
}

// argMessage is the text of luaL_argerror for argument n of the running call: it
// names the function as the caller's code does, and does not count the object
// of a method call.
func argMessage(c *Call, n int, message string) string {
	kind, name := c.th.functionName(c.th.nci)
	if kind == "method" {
		if n--; n == 0 {
			return fmt.Sprintf("calling '%s' on bad self (%s)", name, message)
		}
	}
	if name == "" {
		name = "?"
	}
	return fmt.Sprintf("bad argument #%d to '%s' (%s)", n, name, message)
}
