// Package house knows the floors of the project: which package may import which, and
// which may know the host. Its test reads the import graph and fails on an arrow that
// runs up, so that the house cannot sink. CONTRIBUTING.md has the picture.
package house

import (
	"slices"
	"strings"
)

// Module is the path of the project.
const Module = "github.com/nodemcu-sim/nodemcu-sim"

// floors are the parts of the house from the ground up. A package belongs to the
// longest entry that it is or is below; it may import packages of its own entry and
// of lower floors, not its neighbours on the same floor.
var floors = [][]string{
	{"internal/cputime", "internal/lcov", "internal/need", "internal/page", "internal/tomlfile", "internal/watch", "internal/oracle", "internal/sources", "internal/steadytls", "internal/house"},
	{"world/clock"},
	{"world/wire"},
	{"world/lwip", "world/air", "world/part", "luatest/explore"},
	{"world/peer"},
	{"world"},
	{"internal/valuetest", "internal/mosquitto", "internal/readme", "internal/tlspeer"},
	{"world/gateway"},
	{"device/board", "device/flash", "device/heap", "device/input", "device/rtc", "device/uzlib"},
	{"device/event", "device/ets", "device/mbedtls"},
	{"device/vm"},
	{"internal/traces"},
	{"device/inspect", "device/netif", "device/pin", "device/pixbuf", "device/serial"},
	{"device/radio", "device/repl", "device/sockets"},
	{"device/espconn"},
	{"device"},
	{"boards"},
	{"sim"},
	{"sim/firmware"},
	{"internal/terminal", "internal/chiptest", "internal/snippets", "internal/clienttrace"},
	{"internal/docpage", "internal/page/pagetest"},
	{"modules", "observe", "project", "luaccross"},
	{"ui"},
	{"app"},
	{"simtest", "luatest"},
	{"internal/devtest"},
	{"cmd"},
}

// exact are entries whose packages below each need an entry of their own.
var exact = []string{"world", "device", "internal"}

// neighbours are entries of which the packages below may not import each other.
var neighbours = []string{"sim"}

// host are what of the standard library knows the host. Within world, device and sim
// only the packages of knowHost may import it.
var (
	host     = []string{"net", "net/http", "os", "os/exec", "os/signal", "path/filepath", "syscall", "crypto/rand"}
	knowHost = []string{"world/gateway/hostnet", "device/flash/hostdir", "device/flash/hostfile", "world/wire/capture", "world/peer/secure", "device/mbedtls"} // the last three: interfaces of net's
)

// readTime are the packages of world, device and sim that may read the wall clock.
var readTime = []string{"world/clock", "world/gateway/hostnet"}

// inWorld reports whether a package is part of the simulation.
func inWorld(pkg string) bool {
	top, _, _ := strings.Cut(pkg, "/")
	return top == "world" || top == "device" || top == "sim"
}

// Stable are the packages that programs outside of the project may import. Their comments
// say so with StableText, and docs/go.md tells what that means.
var Stable = []string{"device/event", "device/heap/snapshot", "simtest", "world", "world/clock", "world/peer"}

// StableText is the last sentence of their comments.
const StableText = "This package is stable: docs/go.md."

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
	if entry != pkg && slices.Contains(exact, entry) {
		return "", -1
	}
	return entry, floor
}

// Placed says what is wrong with where a package stands, "" when nothing is.
func Placed(pkg string) string {
	if _, floor := place(pkg); floor < 0 {
		return pkg + " has no place in the house: give it a floor in internal/house, or put it where it belongs"
	}
	return ""
}

// Mistake says what is wrong with an import, "" when nothing is. The importer is a path
// in the project, the imported one, too, or one of the standard library.
func Mistake(importer, imported string) string {
	if slices.Contains(host, imported) {
		if inWorld(importer) && !slices.Contains(knowHost, importer) {
			return importer + " imports " + imported + ": the simulation does not know the host; hand in what it needs, or do it in package hostnet"
		}
		return ""
	}
	from, above := place(importer)
	to, below := place(imported)
	switch {
	case above < 0 || below < 0:
		return "" // Placed tells
	case from == to && slices.Contains(neighbours, from) && importer != imported:
		return importer + " imports its neighbour " + imported + ": what two firmware modules share is a facility of device"
	case from != to && below >= above:
		return importer + " imports " + imported + ", which runs up: ask for an interface of its own, or move what both need down"
	}
	return ""
}
