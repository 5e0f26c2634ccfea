package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// inFlash reports whether an object lies in flash: it costs no heap, the collector
// leaves it alone, and no program can write to it. These are ROM tables, functions
// of the firmware without upvalues, and what the simulator itself adds to the
// program.
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
	}
	return false
}

// IsROM reports whether t is a ROM table.
func (v *VM) IsROM(t *Table) bool { return v.inFlash(t) }
