// Package modules holds the Lua modules that come with the simulator: require
// finds them after those in the device's flash. Each is a directory with the Lua
// source, a README that is its manual, and tests that run it on a simulated
// device. They are ordinary NodeMCU modules: copied to the flash of a real device
// they work there. A module may have further files, named NAME_PART.lua, that it
// requires itself.
//
// The package owns the sources and their names; it must not know the simulator.
// Only its tests do.
package modules

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed */*.lua
var files embed.FS

// Source returns the Lua source of a module or of a part of one, and whether there
// is one of that name.
func Source(name string) ([]byte, bool) {
	dir, _, _ := strings.Cut(name, "_")
	src, err := files.ReadFile(dir + "/" + name + ".lua")
	return src, err == nil
}

// Names lists the modules, sorted by name.
func Names() []string {
	dirs, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err) // the root of an embedded tree
	}
	var names []string
	for _, d := range dirs {
		names = append(names, d.Name())
	}
	return names
}
