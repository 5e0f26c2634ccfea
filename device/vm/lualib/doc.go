// Package lualib is the standard library of the firmware's Lua 5.1: base,
// package, coroutine, string, table, math and debug, as NodeMCU 3.0 has them
// (float build; fw: app/lua/lbaselib.c, loadlib.c, lstrlib.c, ltablib.c,
// lmathlib.c, ldblib.c). There is no io and no os.
//
// Open puts them where the firmware has them: nearly everything is a ROM table
// behind _G, and only a few names are in RAM. Sizes that a script chooses are
// checked before the host allocates, and loops whose length a script chooses
// cost CPU time and yield to the watchdog.
//
// What a program sees otherwise than on the device:
//
//   - Precompiled chunks are the firmware's, byte for byte. One with code that no
//     compiler makes is refused as bad code where a device may run it and crash.
//   - Addresses, as tostring shows them, are given out in the order of asking.
//   - A pattern nested more than 200 deep is an error; the device would run out of
//     stack and reset.
//   - math.random uses the device's hardware numbers until it is seeded.
//
// The package sees the VM through the vm package only. It knows nothing of
// devices; files come from the VM's configuration.
package lualib

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Open opens all standard libraries (luaL_openlibs).
func Open(v *vm.VM) {
	g := v.Globals()
	rom := v.ROMGlobals()
	v.Library = &sets{}

	// _G is its own metatable; what it does not have is looked up in ROM.
	v.SetMetatable(g, g)
	v.SetField(g, "_G", g)
	v.SetField(g, "__index", rom)
	v.SetField(g, "_VERSION", vm.String("Lua 5.1"))
	openBase(v, g)
	openPackage(v, g)

	openString(v)
	v.OpenModule("table", tableFuncs, nil)
	v.OpenModule("debug", debugFuncs, nil)
	v.OpenModule("coroutine", coroutineFuncs, nil)
	v.OpenModule("math", mathFuncs(v), mathConsts)
	v.SetField(rom, "ROM", rom)
}
