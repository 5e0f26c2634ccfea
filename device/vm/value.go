package vm

import (
	"math"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// The Lua values as modules of the firmware and tools see them, under the names
// that the rest of the simulator uses. Numbers, booleans, nil and strings are
// gopher-lua's values, the objects are this package's.
type (
	Value  = lua.LValue
	Bool   = lua.LBool
	Number = lua.LNumber
	String = lua.LString
)

// Constants of the value types.
var (
	Nil   = lua.LNil
	True  = lua.LTrue
	False = lua.LFalse
)

// value is a Lua value as registers, tables and upvalues hold it: two words. The
// zero value is nil, so whatever has never been written is a Lua value, too.
//
// bits says what it is: below firstNumber a kind, from there on a number, as the
// bits of a float64 moved up by firstNumber. ref points to the object of the kinds
// that have one. In a number and in nil ref means nothing: arithmetic and calls leave
// there what the register held, which spares the host's collector a write barrier.
type value struct {
	ref  unsafe.Pointer
	bits uint64
}

// The kinds. From kindString to kindThread they are objects of the collector's.
const (
	kindNil = iota
	kindFalse
	kindTrue
	kindLight    // light userdata
	kindROMFunc  // function in flash: a firmware function without upvalues
	kindROMTable // table in flash
	kindDead     // key of a node whose value was nil when the collector came by
	_
	kindString
	kindTable
	kindFunction
	kindUserData
	kindThread
	kindUpvalue // never in a value: objects only
	kindProto
	kindScratch // a table of the compiler's, see compile.go
	firstNumber = 16
)

// canonicalNaN is the not-a-number that values hold: none of them may have bits
// that moved up look like a kind.
var canonicalNaN = math.Float64bits(math.NaN())

func number(f float64) value {
	b := math.Float64bits(f)
	if f != f {
		b = canonicalNaN
	}
	return value{bits: b + firstNumber}
}

// setNumber is *v = number(f), for a result of arithmetic on numbers, which is
// never a not-a-number of another form.
func (v *value) setNumber(f float64) { v.bits = math.Float64bits(f) + firstNumber }

func boolean(b bool) value {
	if b {
		return value{bits: kindTrue}
	}
	return value{bits: kindFalse}
}

func stringValue(s *str) value      { return value{unsafe.Pointer(s), kindString} }
func upvalueValue(u *upvalue) value { return value{unsafe.Pointer(u), kindUpvalue} }
func protoValue(p *proto) value     { return value{unsafe.Pointer(p), kindProto} }
func userdataValue(u *UserData) value {
	if u.light {
		return value{unsafe.Pointer(u), kindLight}
	}
	return value{unsafe.Pointer(u), kindUserData}
}
func threadValue(t *Thread) value { return value{unsafe.Pointer(t), kindThread} }

func tableValue(t *Table) value {
	if t.rom != nil {
		return value{unsafe.Pointer(t), kindROMTable}
	}
	return value{unsafe.Pointer(t), kindTable}
}

func functionValue(f *Function) value {
	if f.native != nil && len(f.upvals) == 0 && f.values == nil {
		return value{unsafe.Pointer(f), kindROMFunc}
	}
	return value{unsafe.Pointer(f), kindFunction}
}

func (v value) isNil() bool      { return v.bits == kindNil }
func (v value) isFalse() bool    { return v.bits <= kindFalse }
func (v value) isNumber() bool   { return v.bits >= firstNumber }
func (v value) isString() bool   { return v.bits == kindString }
func (v value) isTable() bool    { return v.bits == kindTable || v.bits == kindROMTable }
func (v value) isFunction() bool { return v.bits == kindFunction || v.bits == kindROMFunc }

// isObject reports whether the collector looks after the value.
func (v value) isObject() bool { return v.bits-kindString <= kindProto-kindString }

func (v value) num() float64        { return math.Float64frombits(v.bits - firstNumber) }
func (v value) str() *str           { return (*str)(v.ref) }
func (v value) table() *Table       { return (*Table)(v.ref) }
func (v value) function() *Function { return (*Function)(v.ref) }
func (v value) userdata() *UserData { return (*UserData)(v.ref) }
func (v value) thread() *Thread     { return (*Thread)(v.ref) }
func (v value) header() *header     { return (*header)(v.ref) }

// same is equality without metamethods (luaO_rawequalObj).
func (v value) same(w value) bool {
	if v.bits >= firstNumber {
		return w.bits >= firstNumber && v.num() == w.num()
	}
	return v.bits == w.bits && (v.ref == w.ref || v.bits < kindLight)
}

// typeNames are the names of the types, by kind.
var typeNames = [firstNumber]lua.LValueType{
	kindNil: lua.LTNil, kindFalse: lua.LTBool, kindTrue: lua.LTBool, kindLight: lua.LTUserData,
	kindROMFunc: lua.LTFunction, kindROMTable: lua.LTTable, kindString: lua.LTString, kindTable: lua.LTTable,
	kindFunction: lua.LTFunction, kindUserData: lua.LTUserData, kindThread: lua.LTThread,
}

// lightTypeName is what the firmware calls a light userdata: its types have a number
// more than Lua's names know (fw: app/lua/ltm.c; oracle: audit-probes.json
// sjson_decode/065).
const lightTypeName = "lightfunction"

// typeName is what type() says of the value.
func (v value) typeName() string {
	switch {
	case v.isNumber():
		return lua.LTNumber.String()
	case v.bits == kindLight:
		return lightTypeName
	}
	return typeNames[v.bits].String()
}

// boundary converts a value for the world outside of the VM.
func (v value) boundary() Value {
	switch v.bits {
	case kindNil, kindDead:
		return Nil
	case kindFalse:
		return False
	case kindTrue:
		return True
	case kindString:
		s := v.str()
		if s.box == nil {
			s.box = String(s.text())
		}
		return s.box
	case kindTable, kindROMTable:
		return v.table()
	case kindFunction, kindROMFunc:
		return v.function()
	case kindUserData, kindLight:
		return v.userdata()
	case kindThread:
		return v.thread()
	}
	return Number(v.num())
}

// take converts a value from outside. A string becomes one of the script's memory
// if it is none yet: what lua_pushstring does.
func (v *VM) take(x Value) value {
	switch x := x.(type) {
	case Number:
		return number(float64(x))
	case String:
		return stringValue(v.mem.intern(string(x)))
	case Bool:
		return boolean(bool(x))
	case *Table:
		return tableValue(x)
	case *Function:
		return functionValue(x)
	case *UserData:
		return userdataValue(x)
	case *Thread:
		return threadValue(x)
	}
	return value{}
}
