package luatest

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// simHeap has sim.heap, which lua/sim.lua makes callable and gives growth and least: these
// call functions of the test, which may wait.
func (r *run) simHeap() []vm.Func {
	return []vm.Func{
		{Name: "now", Fn: func(c *vm.Call) int {
			h := r.d.VM.Heap()
			return returns(c, row{{"free", h.Free()}, {"least", min(h.Low(), r.low)}, {"largest", h.Largest()}})
		}},
		// below(bytes): has less been free at any time of this test?
		{Name: "below", Fn: func(c *vm.Call) int {
			bytes := c.Number(1)
			if !(bytes >= 0) {
				c.ArgError(1, "a number of bytes")
			}
			return c.ReturnBool(float64(min(r.d.VM.Heap().Low(), r.low)) < bytes)
		}},
		{Name: "leaks", Fn: func(c *vm.Call) int {
			list := []any{}
			for _, l := range r.d.Inspect.LeaksNow() {
				x := row{{"what", l.What}, {"site", l.Site}, {"of", l.Of}, {"bytes", l.Bytes}}
				if l.Holder != "" {
					x = append(x, field{"holder", l.Holder})
				}
				list = append(list, x)
			}
			return returns(c, list)
		}},
		{Name: "collected", Fn: func(c *vm.Call) int { // twice: finalizers leave what the second takes
			r.collect()
			r.collect()
			return c.ReturnInt(r.d.VM.Heap().Used())
		}},
		{Name: "tidy", Fn: func(c *vm.Call) int {
			if r.own != nil {
				r.membrane.Collect()
			}
			return 0
		}},
		{Name: "reset_low", Fn: func(c *vm.Call) int {
			r.low = min(r.low, r.d.VM.Heap().Low())
			r.d.VM.Heap().ResetLow()
			return 0
		}},
		{Name: "low", Fn: func(c *vm.Call) int { return c.ReturnInt(r.d.VM.Heap().Low()) }},
	}
}
