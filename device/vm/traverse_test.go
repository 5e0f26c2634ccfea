package vm_test

import "testing"

// A table may be emptied while it is traversed, whatever is collected meanwhile.
func TestEmptyingWhileTraversing(t *testing.T) {
	b := newBench(t, nil)
	fn, err := b.v.Load([]byte(`
		local t, n = {}, 0
		for i = 1, 150 do t["key" .. i] = i t[i + 0.5] = i end
		for k in pairs(t) do
			t[k] = nil
			n = n + 1
			if n % 20 == 0 then collectgarbage() end
		end
		print(n, next(t))`), "=s")
	if err != nil {
		t.Fatal(err)
	}
	if _, lerr, _ := b.v.Call(fn, 0); lerr != nil {
		t.Fatalf("%s", lerr.Message())
	}
	if b.out.String() != "300\tnil\n" {
		t.Errorf("%q", b.out.String())
	}
}
