package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luanum"
)

// FormatNumber prints a number as the firmware does.
func FormatNumber(f float64) string { return luanum.FormatNumber(f) }

// ParseNumber reads a number as the firmware's luaO_str2d does.
func ParseNumber(s string) (float64, bool) { return luanum.ParseNumber(s) }

// Integer makes a lua_Integer of a number as the firmware does (fw:
// app/lua/luaconf.h, lua_number2integer): truncated towards zero, then the low 32
// bits, signed. 3.7 is 3, -3.7 is -3, 2^31 is -2^31, 2^32+1 is 1. Infinity and
// not-a-number are -1, minus infinity 0: the ends of 64 bits, cut.
func Integer(f float64) int { return int(luanum.Int32(f)) }

// ToInteger converts a number, or a string that is one, as Integer does
// (lua_tointeger): 0 for anything else.
func (v *VM) ToInteger(x Value) int {
	f, _ := v.ToNumber(x)
	return Integer(f)
}

// ToNumber converts a number, or a string that is one.
func (v *VM) ToNumber(x Value) (float64, bool) {
	switch x := x.(type) {
	case lua.LNumber:
		return float64(x), true
	case lua.LString:
		return ParseNumber(string(x))
	}
	return 0, false
}

// ToString converts a string or a number (lua_tostring).
func (v *VM) ToString(x Value) (string, bool) {
	switch x := x.(type) {
	case lua.LString:
		return string(x), true
	case lua.LNumber:
		return FormatNumber(float64(x)), true
	}
	return "", false
}

// TypeName returns the name of a value's type as type() gives it.
func (v *VM) TypeName(x Value) string { return x.Type().String() }
