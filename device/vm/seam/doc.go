// Package seam keeps gopher-lua behind package vm. The values of Lua are gopher-lua's
// today and will be our own. So that nobody else notices, no package but vm may use
// what belongs to gopher-lua: not its import, not a method or field of a value. The
// names of the types (vm.Table, vm.Value …) and conversions such as string(s) are
// free.
//
// It is a test and nothing else, and a package of its own because the type checker in
// a test binary of vm's would slow its benchmarks down.
package seam
