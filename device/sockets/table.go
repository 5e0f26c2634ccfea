// Package sockets is what the firmware's modules that use the network have in common:
// Lua objects that own connections, with number, age, anchor and callbacks; how a
// callback of the stack enters Lua; and what snapshots, post-mortems and leak hints
// show of all that. net stands on it, and so will every client module.
//
// It knows the stack and Lua, and no protocol above TCP and UDP.
package sockets

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Host is the device whose sockets they are.
type Host interface {
	Now() clock.Time
	Emit(world.Happening)
	// RunUnprotected calls fn as the firmware's net module does: an error is a panic
	// of the whole device, and this does not return.
	RunUnprotected(what string, fn vm.Value, args ...vm.Value)
	// Run calls fn protected: an error goes to the onerror function. RunWithin does,
	// too, within a call from Lua.
	Run(what string, fn vm.Value, args ...vm.Value)
	RunWithin(c *vm.Call, what string, fn vm.Value, args ...vm.Value)
}

// Table is the sockets of one boot of a device, of all its modules.
type Table struct {
	Stack *lwip.Stack
	Hints *inspect.Hints

	host Host
	v    *vm.VM

	// call is the call from Lua that is running, if any. Callbacks of the stack
	// that happen within it belong to it: their errors go to its caller.
	call   *vm.Call
	nextID int
}

// New returns the sockets of a boot. What they hold is shown by x.
func New(h Host, v *vm.VM, stack *lwip.Stack, x *inspect.Inspector) *Table {
	t := &Table{Stack: stack, Hints: &x.Hints, host: h, v: v}
	stack.OnLoss = t.lost
	x.OnHeapSnapshot(t.heapParts)
	x.OnEnded(t.ended)
	return t
}

// lost is a hint from the stack.
func (t *Table) lost(owner any, kind lwip.Loss, what string) {
	name := "a connection"
	if h, ok := owner.(Holder); ok {
		name = h.String()
	}
	t.Hints.Once(fmt.Sprintf("loss %d", kind), "%s: %s", name, what)
}

// Enter notes the running call around a function of a module.
func (t *Table) Enter(fn func(*vm.Call) int) func(*vm.Call) int {
	return func(c *vm.Call) int {
		return Within(t, c, fn, func(fn func(*vm.Call) int, c *vm.Call) int { return fn(c) })
	}
}

// Within is Enter for one call of a method.
func Within[T any](t *Table, c *vm.Call, self T, method func(T, *vm.Call) int) int {
	outer := t.call
	t.call = c
	defer func() { t.call = outer }()
	return method(self, c)
}

// Callback calls a Lua function from the stack: unprotected, so that an error is
// a panic of the device and this does not return; but within a call from Lua an
// error goes to whoever made that call.
func (t *Table) Callback(what string, fn vm.Value, args ...vm.Value) {
	if t.call == nil {
		t.host.RunUnprotected(what, fn, args...)
		return
	}
	t.call.Invoke(fn, 0, args...)
}

// Protected calls a Lua function from the stack as the client modules do: an error goes to
// the onerror function.
func (t *Table) Protected(what string, fn vm.Value, args ...vm.Value) {
	if t.call == nil {
		t.host.Run(what, fn, args...)
		return
	}
	t.host.RunWithin(t.call, what, fn, args...)
}

// NewString makes a string for a callback, which takes memory unless an equal one
// exists.
func (t *Table) NewString(s string) vm.String {
	t.v.Intern(s)
	return vm.String(s)
}
