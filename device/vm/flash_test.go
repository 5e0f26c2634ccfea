package vm_test

import (
	"sync"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Source in flash that was compiled before is what LoadFlash makes of it, in any number of
// VMs at a time, whatever one of them does with it.
func TestFlashCompiled(t *testing.T) {
	vm.Poison(false)
	const src = `
local up, name = {...}, "a name of its own"
local function nested(x) return function() return x .. name, #up end end
return nested("x")`
	load := func(from func(v *vm.VM) (*vm.Function, error)) (results []vm.Value, free int, label string) {
		v := vm.New(vm.Config{SliceNanos: 1e15})
		openLibs(v)
		v.StartAccounting()
		fn, err := from(v)
		if err != nil {
			t.Error(err)
			return
		}
		free = v.FreeHeap()
		results, lerr, _ := v.Call(fn, 1, vm.Number(1), vm.Number(2))
		if lerr != nil {
			t.Error(lerr)
			return
		}
		inner := results[0].(*vm.Function)
		v.StripDebug(inner, vm.KeepNothing)
		results, _, _ = v.Call(inner, 2)
		return results, free, v.FunctionLabel(inner)
	}
	code, err := vm.CompileFlash([]byte(src), "=lib", vm.KeepLines)
	if err != nil {
		t.Fatal(err)
	}
	want, free, label := load(func(v *vm.VM) (*vm.Function, error) { return v.LoadFlash([]byte(src), "=lib") })
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			got, f, l := load(func(v *vm.VM) (*vm.Function, error) { return v.LoadCompiled(code) })
			if len(got) != 2 || got[0] != want[0] || got[1] != want[1] || f != free || l != label {
				t.Errorf("%v, %d bytes free, %s; LoadFlash: %v, %d, %s", got, f, l, want, free, label)
			}
		})
	}
	wait.Wait()
	if _, err := vm.CompileFlash([]byte("x ="), "=lib", vm.KeepLines); err == nil || err.Error() != "lib:1: unexpected symbol near '<eof>'" {
		t.Error(err)
	}
}
