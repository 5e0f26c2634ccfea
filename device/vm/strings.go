package vm

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// Strings in arithmetic. gopher-lua takes "010" for an octal number and "0b1"
// for a binary one. But before it reads a string as a number it asks the
// strings' metatable for an __add. So strings get a metatable of ours, with
// functions that read numbers as the firmware does; scripts see the firmware's
// (getmetatable("") is the string library). The functions are hidden: errors and
// tracebacks are those of the function that contains the operation.

var arithmetic = []struct {
	event string
	op    func(a, b float64) float64
}{
	{"__add", func(a, b float64) float64 { return a + b }},
	{"__sub", func(a, b float64) float64 { return a - b }},
	{"__mul", func(a, b float64) float64 { return a * b }},
	{"__div", func(a, b float64) float64 { return a / b }},
	{"__mod", modulo},
	{"__pow", math.Pow},
	{"__unm", func(a, _ float64) float64 { return -a }},
}

// modulo is Lua 5.1's a % b (fw: app/lua/luaconf.h, luai_nummod).
func modulo(a, b float64) float64 { return a - math.Floor(a/b)*b }

// SetStringMetatable makes lib the metatable of strings: a method of a string is
// found in it.
func (v *VM) SetStringMetatable(lib *Table) {
	v.stringMeta = lib
	mt := v.th.CreateTable(0, len(arithmetic)+1)
	mt.RawSetString("__index", lib)
	for _, a := range arithmetic {
		fn := v.th.NewFunction(func(L *lua.LState) int { return v.stringArithmetic(L, a.event, a.op) })
		v.hidden[fn] = true
		mt.RawSetString(a.event, fn)
	}
	v.rom[mt] = "string arithmetic"
	v.th.SetMetatable(String(""), mt)
}

func (v *VM) stringArithmetic(L *lua.LState, event string, op func(a, b float64) float64) int {
	a, b := L.Get(1), L.Get(2)
	if event == "__unm" {
		b = a
	}
	x, ok1 := v.ToNumber(a)
	y, ok2 := v.ToNumber(b)
	if ok1 && ok2 {
		L.Push(Number(op(x, y)))
		return 1
	}
	for _, operand := range []Value{a, b} { // what else has the event?
		if _, isString := operand.(String); isString {
			continue
		}
		if mt, ok := v.RawMetatable(operand).(*Table); ok {
			if fn, ok := mt.RawGetString(event).(*Function); ok {
				L.Push(fn)
				L.Push(a)
				L.Push(b)
				L.Call(2, 1)
				return 1
			}
		}
	}
	r := raising{v, L, v.top(L)}
	if r.f == nil || r.f.Fn.IsG {
		culprit := a
		if ok1 {
			culprit = b
		}
		v.raise(L, 0, "attempt to perform arithmetic on a %s value", v.TypeName(culprit))
	}
	v.throw(L, String(r.f.where()+r.arithmetic("")))
	return 0
}

// RawMetatable returns the metatable of x or Nil, __metatable or not
// (lua_getmetatable).
func (v *VM) RawMetatable(x Value) Value {
	var mt Value
	switch x := x.(type) {
	case *Table:
		mt = x.Metatable
	case *UserData:
		mt = x.Metatable
	case String:
		if v.stringMeta != nil {
			return v.stringMeta
		}
	}
	if mt == nil {
		return Nil
	}
	return mt
}

// Metafield returns a field of x's metatable, Nil without one
// (luaL_getmetafield).
func (v *VM) Metafield(x Value, event string) Value {
	if mt, ok := v.RawMetatable(x).(*Table); ok {
		return mt.RawGetString(event)
	}
	return Nil
}
