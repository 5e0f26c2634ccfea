package luatest

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// simBoot has sim.reboot and sim.power_cut: the device begins anew with what is on its
// flash, and the test goes on when it has come up. What the test has of the device's is of no
// use from then on.
func (r *run) simBoot() []vm.Func {
	anew := func(name string, begin func(d *device.Device)) vm.Func {
		return vm.Func{Name: name, Fn: func(c *vm.Call) int {
			if r.own == nil {
				c.Error("sim.%s goes with --test-heap apart: a test that lies in the device's memory ends with it", name)
			}
			return r.await(c, 2*settle+clock.Second, func(w *waiter) {
				w.late = func() { w.broken(fmt.Sprintf("the device does not come up again within %s", w.passed())) }
				r.app.World.Clock.After(0, func() { r.bootAnew(w, begin) })
			})
		}}
	}
	return []vm.Func{anew("reboot", (*device.Device).PressReset), anew("power_cut", (*device.Device).PowerCycle)}
}

// bootAnew resets the device and goes on with the test that waits when it has come up.
func (r *run) bootAnew(w *waiter, begin func(d *device.Device)) {
	if w.over || r.dead != "" {
		return
	}
	if v := r.d.VM; v != nil {
		r.low = min(r.low, v.Heap().Low())
	}
	r.membrane.Detach()
	r.wanted = true
	begin(r.d)
	r.after(settle, func() {
		if w.over || r.dead != "" {
			return
		}
		if r.d.VM == nil {
			return // late
		}
		r.attach()
		w.values()
	})
}
