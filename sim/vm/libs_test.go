package vm_test

import "github.com/nodemcu-sim/nodemcu-sim/sim/vm"

func openLibs(v *vm.VM) {
	g := v.Globals()
	mt := v.L.CreateTable(0, 1)
	mt.RawSetString("__index", v.ROMGlobals())
	g.Metatable = mt
}
