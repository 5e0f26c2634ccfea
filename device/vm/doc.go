// Package vm is the firmware's Lua: gopher-lua, metered. It owns everything that
// depends on gopher-lua's insides: the hook that runs before every instruction,
// the walk over its object graph, coroutines, protected calls, and the ways in
// which the firmware's Lua 5.1 differs from gopher-lua.
//
// How it works. gopher-lua asks its context Done() before every instruction. A
// context of ours answers nil (never cancelled) and counts: that is the hook.
// From it come the CPU time a callback took, the watchdog, and the memory
// model's view of every allocation before it happens. Each coroutine has a
// context of its own, so that the hook knows whose instruction it is.
//
// The package knows nothing of devices, timers, networks or boards. What it
// needs of them (where output goes, where files are, how much memory there is)
// is in Config. No library reaches the host.
package vm
