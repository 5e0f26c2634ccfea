// Package seam keeps the values of Lua behind package vm. Numbers, strings, booleans
// and nil are gopher-lua's there, objects are the VM's own, and nobody else shall
// notice: no package but vm may use what belongs to gopher-lua (not its import, not a
// method or field of a value) or make an object that no collector knows of. The names
// of the types (vm.Table, vm.Value …) and conversions such as string(s) are free.
//
// It is a test and nothing else, and a package of its own because the type checker in
// a test binary of vm's would slow its benchmarks down.
package seam
