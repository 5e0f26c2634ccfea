package vm

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/nodemcu-sim/nodemcu-sim/sim/vm/luanum"
)

// FormatNumber prints a number as the firmware does.
func FormatNumber(f float64) string { return luanum.FormatNumber(f) }

// ParseNumber reads a number as the firmware's luaO_str2d does.
func ParseNumber(s string) (float64, bool) { return luanum.ParseNumber(s) }

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
