package luatest

import (
	"math/rand/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm/lualib"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/membrane"
)

// The Lua in which tests are: one of their own, beside the device's, with a membrane between
// them; or the device's (Options.Shared).

// ownMemory is how much memory tests have in a Lua of their own, and ownSlice how many
// instructions run there before the time is looked at.
const (
	ownMemory = 64 << 20
	ownSlice  = 10000
)

// openOwn makes a Lua for the tests of a boot.
func (r *run) openOwn() {
	random := rand.New(rand.NewPCG(r.f.out.Seed, 2))
	r.own = vm.New(vm.Config{
		Heap:     heap.New(heap.Config{Layout: heap.Ideal, Size: ownMemory}),
		Random:   random.Uint32,
		Now:      func() int64 { return int64(r.d.Now()) },
		TableLen: true,
		Slice: func() {
			if r.limit.over.Load() {
				if r.now != nil {
					r.stuck = r.waits(r.now)
				}
				r.own.Kill("no time is left")
			}
		},
		SliceNanos: ownSlice,
	})
	r.own.SetPrices(vm.Prices{Instruction: 1, Call: 1})
	lualib.Open(r.own)
	r.membrane = membrane.New(r.own)
	r.membrane.Opaque(r.isFailure)
	r.attach()
}

// attach joins the Lua of tests to that of the device's present boot.
func (r *run) attach() {
	r.membrane.Attach(r.d.VM, func(fn vm.Value) *vm.Error {
		_, err := r.d.CallProtected(r.calling, fn, 0)
		return err
	})
}

// lua is the Lua in which the tests are, nil when it is the device's and that is off.
func (r *run) lua() *vm.VM {
	if r.own != nil {
		return r.own
	}
	return r.d.VM
}

// call calls a function of it, protected, in a task of the device.
func (r *run) call(what string, fn vm.Value, nret int, args ...vm.Value) ([]vm.Value, *vm.Error) {
	if r.own == nil {
		return r.d.CallProtected(what, fn, nret, args...)
	}
	r.calling = what
	results, err, kill := r.own.Call(fn, nret, args...)
	if left := r.membrane.Unwound(); left != nil {
		if _, ended := left.(*vm.Kill); !ended {
			panic(left)
		}
	}
	if kill != nil {
		return nil, nil
	}
	return results, err
}

// collect frees what is garbage, on both sides.
func (r *run) collect() {
	if r.own != nil {
		r.membrane.Collect()
	}
	r.d.VM.Collect()
}

// isFailure reports whether x is a failed assertion.
func (r *run) isFailure(x vm.Value) bool {
	v := r.lua()
	t, ok := x.(*vm.Table)
	return ok && r.failure != 0 && v.RawMetatable(t) == v.Deref(r.failure)
}

// unwrap is what a value of tests is of the device's, and the VM that it is in.
func (r *run) unwrap(x vm.Value) (vm.Value, *vm.VM) {
	if r.own == nil {
		return x, r.d.VM
	}
	y, v, _ := r.membrane.Far(x)
	return y, v
}

// line is the one that runs.
func (r *run) line() string {
	where := r.d.VM.Where()
	if where == "" && r.own != nil {
		where = r.own.Where()
	}
	return where
}

// traceback is that of a coroutine which an error err has ended, with what of it was on the
// device.
func (r *run) traceback(co *vm.Thread, err vm.Value) string {
	here := r.lua().Traceback(co, 0)
	if r.own == nil {
		return here
	}
	there := r.membrane.Traceback(err)
	if there == "" {
		return here
	}
	return membrane.JoinTracebacks(there, here)
}

// withPassed is the traceback of an error that nothing has caught: where the device's leads
// to no line it has come from code of tests, or through it.
func (r *run) withPassed(traceback string) string {
	if _, _, ok := innermost(traceback); ok || r.own == nil {
		return traceback
	}
	return r.membrane.Passed()
}
