package vm

import (
	"fmt"
	"weak"

	lua "github.com/yuin/gopher-lua"
)

// Addresses, as tostring prints them. Objects get theirs when it is first asked
// for, in the order of asking, so that two runs print the same. The table holds
// its objects weakly.

type addresses struct {
	tables    map[weak.Pointer[lua.LTable]]uint32
	functions map[weak.Pointer[lua.LFunction]]uint32
	userdata  map[weak.Pointer[lua.LUserData]]uint32
	threads   map[weak.Pointer[lua.LState]]uint32
	ram, rom  uint32 // the next addresses
	sweepAt   int    // number of entries at which the dead are dropped
}

// Where the chip has its heap and the firmware's constant data (fw:
// ld/nodemcu.ld: dram0_0_seg, irom0_0_seg).
const (
	ramBase = 0x3fff0000
	romBase = 0x40240000
)

func newAddresses() addresses {
	return addresses{
		tables:    map[weak.Pointer[lua.LTable]]uint32{},
		functions: map[weak.Pointer[lua.LFunction]]uint32{},
		userdata:  map[weak.Pointer[lua.LUserData]]uint32{},
		threads:   map[weak.Pointer[lua.LState]]uint32{},
		ram:       ramBase,
		rom:       romBase,
		sweepAt:   1024,
	}
}

// Address returns the address of an object as C's %p prints it.
func (v *VM) Address(x Value) string {
	var a uint32
	t := &v.addr
	switch x := x.(type) {
	case *Table:
		a = address(t, t.tables, x, v.inFlash(x))
	case *Function:
		a = address(t, t.functions, x, v.inFlash(x))
	case *UserData:
		a = address(t, t.userdata, x, v.inFlash(x))
	case *Thread:
		a = address(t, t.threads, x, v.inFlash(x))
	}
	return fmt.Sprintf("%#x", a)
}

func address[T any](t *addresses, m map[weak.Pointer[T]]uint32, x *T, rom bool) uint32 {
	p := weak.Make(x)
	if a, ok := m[p]; ok {
		return a
	}
	next := &t.ram
	if rom {
		next = &t.rom
	}
	a := *next
	*next += 16
	m[p] = a
	if len(t.tables)+len(t.functions)+len(t.userdata)+len(t.threads) >= t.sweepAt {
		n := sweep(t.tables) + sweep(t.functions) + sweep(t.userdata) + sweep(t.threads)
		t.sweepAt = 2*n + 1024
	}
	return a
}

// sweep drops what the host has collected and returns how many are left.
func sweep[T any](m map[weak.Pointer[T]]uint32) int {
	for p := range m {
		if p.Value() == nil {
			delete(m, p)
		}
	}
	return len(m)
}
