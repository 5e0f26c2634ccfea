// Package house knows the floors of the project: which package may import which. Its
// test reads the import graph and fails on an arrow that runs up, so that the house
// cannot sink. CONTRIBUTING.md has the picture.
package house

import "strings"

// Module is the path of the project.
const Module = "github.com/nodemcu-sim/nodemcu-sim"

// floors are the parts of the house from the ground up. A package belongs to the
// longest entry that it is or is below; it may import packages of its own entry and
// of lower floors, not its neighbours on the same floor.
var floors = [][]string{
	{"internal/need", "internal/tomlfile", "internal/watch", "internal/oracle", "internal/house"},
	{"world/clock"},
	{"world/wire"},
	{"world/lwip", "world/air", "world/part"},
	{"world/peer"},
	{"world"},
	{"internal/valuetest"},
	{"world/gateway"},
	{"device/board", "device/flash", "device/heap", "device/input"},
	{"device/event", "device/ets"},
	{"device/vm"},
	{"device/inspect", "device/netif", "device/pin", "device/serial"},
	{"device/radio", "device/repl", "device/sockets"},
	{"device"},
	{"boards"},
	{"sim"},
	{"sim/firmware"},
	{"internal/terminal", "internal/chiptest"},
	{"modules", "observe", "project"},
	{"ui"},
	{"app"},
	{"luatest", "simtest", "debug"},
	{"cmd"},
}

// neighbours are entries of which the packages below may not import each other.
var neighbours = []string{"sim"}

// place returns the entry that a package belongs to and its floor, -1 for none.
func place(pkg string) (entry string, floor int) {
	floor = -1
	for n, entries := range floors {
		for _, e := range entries {
			if (pkg == e || strings.HasPrefix(pkg, e+"/")) && len(e) > len(entry) {
				entry, floor = e, n
			}
		}
	}
	return entry, floor
}

// Mistake says what is wrong with an import, "" when nothing is. Both are paths in
// the project.
func Mistake(importer, imported string) string {
	from, above := place(importer)
	to, below := place(imported)
	switch {
	case above < 0:
		return importer + " has no place in the house: give it a floor in internal/house, or put it where it belongs"
	case below < 0:
		return "" // its own mistake
	case from == to:
		for _, n := range neighbours {
			if from == n {
				return importer + " imports its neighbour " + imported + ": what two firmware modules share is a facility of device"
			}
		}
		return ""
	case below >= above:
		return importer + " imports " + imported + ", which runs up: ask for an interface of its own, or move what both need down"
	}
	return ""
}
