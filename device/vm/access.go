package vm

// What other packages read of Lua's values. How a value is laid out is this
// package's own: the test in seam sees to it that nobody else looks inside.

// RawGet returns t[key] without metamethods, Nil when there is none (lua_rawget).
func (v *VM) RawGet(t *Table, key Value) Value { return t.RawGet(key) }

// RawGetInt is RawGet for an integer key (lua_rawgeti).
func (v *VM) RawGetInt(t *Table, i int) Value { return rawInt(t, i) }

// RawGetString is RawGet for a string key.
func (v *VM) RawGetString(t *Table, name string) Value { return t.RawGetString(name) }

// ToObject returns what NewObject made the userdata x around, nil when x is
// anything else (lua_touserdata).
func (v *VM) ToObject(x Value) any {
	if ud, ok := x.(*UserData); ok {
		return ud.Value
	}
	return nil
}

// IsNative reports whether fn is a function of the firmware (lua_iscfunction).
func IsNative(fn *Function) bool { return fn.IsG }

// LineDefined returns the line at which a function of the program begins: 0 for a
// whole chunk, -1 for a function of the firmware (lua_Debug's linedefined).
func LineDefined(fn *Function) int {
	if fn.IsG {
		return -1
	}
	return fn.Proto.LineDefined
}

// FunctionEnv returns the table in which fn finds its global variables
// (lua_getfenv).
func (v *VM) FunctionEnv(fn *Function) *Table { return fn.Env }

// SetFunctionEnv sets it (lua_setfenv).
func (v *VM) SetFunctionEnv(fn *Function, env *Table) { fn.Env = env }

// Captures reports whether a Lua function has a userdata of the given object,
// as NewObject was given it, among its upvalues.
func (v *VM) Captures(fn *Function, object any) bool {
	for _, up := range fn.Upvalues {
		if up == nil {
			continue
		}
		if ud, ok := up.Value().(*UserData); ok && ud.Value == object {
			return true
		}
	}
	return false
}
