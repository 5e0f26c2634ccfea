package vm_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// What a call has returned may be an argument of the next, after a string that has to be
// made first.
func TestResultsAsArguments(t *testing.T) {
	b := newBounded(1<<20, 1e6)
	load := func(src string) *vm.Function {
		fn, err := b.v.Load([]byte(src), "=s")
		if err != nil {
			t.Fatal(err)
		}
		return fn
	}
	ref := b.v.Ref(load(`local s, x, f = ... local t = {} print(s, x, f())`), "test")
	ret, lerr, _ := b.v.Call(load(`return setmetatable({}, {__tostring = function() return "as it was" end}), function() return "called" end`), -1)
	if lerr != nil {
		t.Fatal(lerr)
	}
	if end := b.call(b.v.Deref(ref), vm.String("a new string"), ret[0], ret[1]); end != "" || b.out.String() != "a new string\tas it was\tcalled\n" {
		t.Errorf("%q %s", b.out.String(), end)
	}
	if p := b.v.CheckReferences(); p != "" {
		t.Error(p)
	}
}

// So may it be stored under a name, or in a closure, that has to be made first.
func TestResultsStored(t *testing.T) {
	b := newBounded(1<<20, 1e6)
	b.v.SetField(b.v.ROMGlobals(), "store", b.v.NewFunction(vm.Func{Name: "store", Fn: func(c *vm.Call) int {
		made := func() vm.Value { return c.Invoke(c.Arg(1), 1)[0] }
		c.VM.RawSet(c.Table(2), vm.String("a new name"), made())
		c.SetIndex(c.Arg(2), vm.String("another new name"), made())
		get := vm.Func{Name: "get", Fn: func(c *vm.Call) int { return c.Return(c.Upvalue(2)) }}
		c.VM.SetField(c.Table(2), "get", c.VM.NewClosure(get, vm.String("a new string"), made()))
		return 0
	}}))
	if got, want := b.run(`local t = {} store(function() return {1} end, t) print(t["a new" .. " name"][1], t["another new" .. " name"][1], t.get()[1])`), "1\t1\t1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if p := b.v.CheckReferences(); p != "" {
		t.Error(p)
	}
}
