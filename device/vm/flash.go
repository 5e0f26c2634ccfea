package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// inFlash reports whether an object lies in flash: it costs no heap, the collector
// leaves it alone, and no program can write to it. These are ROM tables, functions
// of the firmware without upvalues, light userdata, and what the simulator itself
// adds to the program.
func (v *VM) inFlash(x any) bool {
	switch x := x.(type) {
	case *lua.LTable:
		if v.mem.known(x) != nil {
			return false // it has an account
		}
		_, rom := v.rom[x]
		return rom
	case *lua.LFunction:
		return x.IsG && len(x.Upvalues) == 0 || x == v.yieldCall
	case *lua.LUserData:
		_, light := x.Value.(lightUserdata)
		return light
	}
	return false
}

// lightUserdata is the content of userdata that are light ones.
type lightUserdata struct{}

// NewLightUserData makes a value that is a userdata to scripts, equal to nothing but
// itself, and takes no memory (lua_pushlightuserdata).
func (v *VM) NewLightUserData() *UserData {
	return &lua.LUserData{Value: lightUserdata{}, Metatable: Nil}
}

// IsROM reports whether t is a ROM table.
func (v *VM) IsROM(t *Table) bool { return v.inFlash(t) }
