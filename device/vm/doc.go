// Package vm is the firmware's Lua: an interpreter of its bytecode, metered. Its
// objects are laid out as the firmware's, so that the order of traversals, the
// growth of tables and stacks, what is garbage and what memory costs follow from
// the structure.
//
// Where to read first: value.go and object.go (what there is), execute.go (the
// loop), do.go (calls and errors), memory.go, gc.go and quick.go (allocation and the
// collector). The compiler is in luac, the libraries in lualib, numbers in luanum.
//
// The package knows nothing of devices, timers, networks or boards. What it
// needs of them (where output goes, where files are, how much memory there is)
// is in Config. No library reaches the host.
package vm
