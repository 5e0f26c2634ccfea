package vm

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// gopher-lua raises its own errors in its own words: "cannot perform add
// operation between nil and number", where the firmware says "attempt to perform
// arithmetic on global 'x' (a nil value)". They are reworded at the moment of
// raising, while the frame, its instruction and its registers are still there.
// An error that our own code raises comes wrapped (see throw) and is left alone.

// translate turns an error value into what the firmware's Lua would have raised.
// f is the frame that raised it.
func (v *VM) translate(value Value, f *luaFrame, L *lua.LState) Value {
	if t, ok := value.(*thrown); ok {
		return t.value
	}
	s, ok := value.(String)
	if !ok {
		return value
	}
	for f != nil && v.hidden[f.Fn] {
		f = f.Parent
	}
	if f == nil {
		return String("internal error: " + string(s))
	}
	r := raising{v, L, f}
	for _, m := range messages {
		if i := strings.Index(string(s), m.gopher); i >= 0 {
			message := m.reword(r, string(s)[i+len(m.gopher):])
			v.mem.chargeRunError(L, f.where(), message)
			return String(f.where() + message)
		}
	}
	return String(f.where() + "internal error: " + string(s))
}

// raising is the point where an error is raised.
type raising struct {
	v *VM
	L *lua.LState
	f *luaFrame
}

// messages are gopher-lua's, by what is recognizable in each, with the
// firmware's wording. rest is what follows the recognizable part.
var messages = []struct {
	gopher string
	reword func(r raising, rest string) string
}{
	{"attempt to index a non-table object(", raising.index},
	{"attempt to call a non-function object", raising.call},
	{"cannot perform concat operation", raising.concat},
	{"cannot perform ", raising.arithmetic},
	{"__unm undefined", raising.arithmetic},
	{"__len undefined", func(r raising, _ string) string { return r.typeError("get length of", argB(r.f.inst()), "") }},
	{"attempt to compare ", raising.compare},
	{"too many recursions in gettable", func(raising, string) string { return "loop in gettable" }},
	{"too many recursions in settable", func(raising, string) string { return "loop in settable" }},
	{"table index is nil", func(raising, string) string { return "table index is nil" }},
	{"table index is NaN", func(raising, string) string { return "table index is NaN" }},
	{"stack overflow", func(raising, string) string { return "stack overflow" }},
	{"registry overflow", func(raising, string) string { return "stack overflow" }},
	{"callstack overflow", func(raising, string) string { return "stack overflow" }},
}

// value returns what an instruction's operand rk holds.
func (r raising) value(rk int) Value {
	if r.f.Fn.IsG {
		return Nil
	}
	if rk&bitRK != 0 {
		return r.f.Fn.Proto.Constants[rk&^bitRK]
	}
	if i := r.f.LocalBase + rk; i < len(stateOf(r.L).reg.array) {
		if x := stateOf(r.L).reg.array[i]; x != nil {
			return x
		}
	}
	return Nil
}

// typeError says that an operation cannot be done on the operand rk. It names
// the operand when its value is of type typ, or typ is "".
func (r raising) typeError(what string, rk int, typ string) string {
	have := r.v.TypeName(r.value(rk))
	if typ == "" {
		typ = have
	}
	if rk&bitRK == 0 && typ == have {
		if kind, name := objectName(r.f, rk); kind != "" {
			return fmt.Sprintf("attempt to %s %s '%s' (a %s value)", what, kind, name, typ)
		}
	}
	return fmt.Sprintf("attempt to %s a %s value", what, typ)
}

func (r raising) index(rest string) string {
	typ, _, _ := strings.Cut(rest, ")")
	inst := r.f.inst()
	switch opOf(inst) {
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SELF:
		return r.typeError("index", argB(inst), typ)
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		return r.typeError("index", argA(inst), typ)
	}
	return fmt.Sprintf("attempt to index a %s value", typ)
}

func (r raising) call(string) string {
	inst := r.f.inst()
	switch opOf(inst) {
	case lua.OP_CALL, lua.OP_TAILCALL:
		return r.typeError("call", argA(inst), "")
	case lua.OP_TFORLOOP:
		return "attempt to call a " + r.v.TypeName(r.value(argA(inst))) + " value"
	}
	return "attempt to call a non-function value"
}

func (r raising) arithmetic(string) string {
	inst := r.f.inst()
	culprit := argB(inst)
	if _, ok := r.v.ToNumber(r.value(culprit)); ok && opOf(inst) != lua.OP_UNM {
		culprit = argC(inst)
	}
	return r.typeError("perform arithmetic on", culprit, "")
}

// concat names the operand that is neither string nor number. Operands are
// joined in pairs from the right, and in a pair the left one is blamed first.
func (r raising) concat(string) string {
	inst := r.f.inst()
	first, last := argB(inst), argC(inst)
	joins := func(reg int) bool { _, ok := r.v.ToString(r.value(reg)); return ok }
	for reg := last - 1; reg >= first; reg-- {
		if !joins(reg) {
			return r.typeError("concatenate", reg, "")
		}
		if reg == last-1 && !joins(last) {
			return r.typeError("concatenate", last, "")
		}
	}
	return "attempt to concatenate a nil value"
}

func (r raising) compare(rest string) string {
	a, b, _ := strings.Cut(rest, " with ")
	return compareMessage(a, b)
}

// compareMessage is luaG_ordererror, which takes two types for one when the
// third letters of their names agree.
func compareMessage(a, b string) string {
	if len(a) > 2 && len(b) > 2 && a[2] == b[2] {
		return fmt.Sprintf("attempt to compare two %s values", a)
	}
	return fmt.Sprintf("attempt to compare %s with %s", a, b)
}

// argMessage is the text of luaL_argerror for argument n of the running call: it
// names the function as the caller's code does, and does not count the object
// of a method call.
func argMessage(c *Call, n int, message string) string {
	kind, name := functionName(c.VM.top(c.th))
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

// uncallable returns the message of calling fn when it can not be called, "" when
// it can.
func (v *VM) uncallable(fn Value) string {
	if _, ok := fn.(*Function); ok {
		return ""
	}
	if _, ok := v.Metafield(fn, "__call").(*Function); ok {
		return ""
	}
	return "attempt to call a " + v.TypeName(fn) + " value"
}

// romWrite raises the error of an assignment to a field of a ROM table.
func (v *VM) romWrite() {
	v.runError(v.running, v.top(v.running), "invalid write to ROM variable")
}
