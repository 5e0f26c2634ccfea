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
	if p := b.v.CheckGraph(); p != "" {
		t.Error(p)
	}
}
