package lualib

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// Buffer is luaL_Buffer for firmware modules: use it where the firmware's module
// builds a string in one. Memory is paid for as it grows, and the limit on
// joined strings holds.
type Buffer struct{ b *buffer }

// NewBuffer starts a buffer within a call. Until it is finished it keeps pieces
// on the call's stack above the arguments.
func NewBuffer(c *vm.Call) Buffer { return Buffer{newBuffer(c)} }

// Byte adds one byte (luaL_addchar).
func (b Buffer) Byte(x byte) { b.b.byte(x) }

// String adds a string byte by byte (luaL_addlstring).
func (b Buffer) String(s string) { b.b.string(s) }

// Value adds a string that is a Lua value already (luaL_addvalue).
func (b Buffer) Value(s string) { b.b.value(s) }

// Top adds the string on top of the stack, and takes it off (luaL_addvalue).
func (b Buffer) Top() { b.b.top() }

// Result ends the buffer and returns what was built, which is on the heap.
func (b Buffer) Result() string { return b.b.result() }

// Finish ends the buffer and makes what was built the result of the call.
func (b Buffer) Finish() int { return b.b.finish() }
