package vm

import "testing"

// The function that "return coroutine.yield()" calls is the simulator's: a
// collection neither counts it nor stops at it.
func TestTailYieldCostsNothing(t *testing.T) {
	both(t, func(t *testing.T, exact bool) {
		v := memVM(t, nil, exact)
		v.SetYield(v.ROMGlobals().RawGetString("yield").(*Function))
		if err := runLua(t, v, `
			kept = {}
			for i = 1, 20 do kept[i] = {{}} end
			co = create(function() return yield() end)
			resume(co)`); err != nil {
			t.Fatal(err)
		}
		v.Collect()
		if _, want := v.mem.walk(false).total(); v.mem.total != want {
			t.Errorf("the account has %d bytes, what is alive takes %d", v.mem.total, want)
		}
	})
}
