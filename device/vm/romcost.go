package vm

import (
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Finding a name in a table in flash takes long: the firmware compares it with one
// entry after the other (fw: app/lua/lrotable.c). A module that is looked up as a
// global stands behind all that come before it, a function behind those of its
// module; a local variable that holds the function costs nothing of that.

// romName remembers the price of a name in a table by where both are: the
// constants of a program are looked for once.
type romName struct {
	table *lua.LTable
	name  *byte
	n     int
	nanos int64
}

const romNames = 128

// chargeROM accounts for looking for name in a table in flash.
func (v *VM) chargeROM(t *lua.LTable, name string) {
	p := unsafe.StringData(name)
	e := &v.romNames[(uintptr(unsafe.Pointer(p))>>3^uintptr(unsafe.Pointer(t))>>6^uintptr(len(name)))%romNames]
	if e.table != t || e.name != p || e.n != len(name) || p == nil {
		*e = romName{t, p, len(name), int64(v.romPlace(t, name)) * v.romNanos}
	}
	v.cpu += e.nanos
}

// romPlace is the number of entries that are compared with name, 0 when it is not
// among them: what a program looks for in vain is most often a variable of its own.
func (v *VM) romPlace(t *lua.LTable, name string) int {
	for i, k := range tableOf(t).keys {
		if s, ok := k.(lua.LString); ok && string(s) == name {
			return i + 1
		}
	}
	return 0
}

// chargeGlobal accounts for reading a global variable.
func (v *VM) chargeGlobal(env *lua.LTable, name string) {
	t := tableOf(env)
	if _, ok := t.strdict[name]; ok || t.Metatable == lua.LNil {
		return
	}
	v.chargeROM(v.romGlobals, name)
}

// chargeField accounts for x.name or x:name.
func (v *VM) chargeField(x lua.LValue, name string) {
	switch x := x.(type) {
	case *lua.LTable:
		if v.mem.on && v.inFlash(x) {
			v.chargeROM(x, name)
		}
	case *lua.LUserData:
		if mt, ok := x.Metatable.(*lua.LTable); ok && v.mem.on && v.inFlash(mt) {
			v.chargeROM(mt, name)
		}
	case lua.LString:
		if v.stringMeta != nil {
			v.chargeROM(v.stringMeta, name)
		}
	}
}
