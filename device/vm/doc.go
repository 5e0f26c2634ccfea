// Package vm is the firmware's Lua: an interpreter of its bytecode, metered. Its
// objects are laid out as the firmware's, so that the order of traversals, the
// growth of tables and stacks, what is garbage and what memory costs follow from
// the structure.
//
// Where to read first: value.go and object.go (what there is), execute.go (the
// loop), do.go (calls and errors), memory.go (allocation), gc.go with mark.go and
// sweep.go (the collector), then quick.go with graph.go and young.go, which find out
// what it would do by looking at little. What lies in the Lua Flash Store is flashed.go's. The compiler is in luac, the libraries in lualib, numbers in luanum.
//
// The package knows nothing of devices, timers, networks or boards. What it
// needs of them (where output goes, where files are, how much memory there is)
// is in Config. No library reaches the host.
//
// What all of it relies on:
//
//   - Whenever something can be allocated, all that lives is below the top of its
//     thread's stack, in an object, or pinned: a collection clears what is above, and
//     what it finds dead may be used again at once.
//   - Nothing in flash refers to an object of the heap: tables there are filled before
//     any program runs (see checkWritable).
//   - Each reference from one object to another is written through a barrier when the
//     object is marked (gc.go) or part of the graph (graph.go). Stacks have none.
package vm
