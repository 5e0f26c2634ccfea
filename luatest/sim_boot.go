package luatest

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/explore"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// simBoot has sim.reboot and sim.power_cut: the device begins anew with what is on its
// flash, and the test goes on when it has come up. What the test has of the device's is of no
// use from then on.
func (r *run) simBoot() []vm.Func {
	anew := func(name string, begin func(d *device.Device)) func(c *vm.Call) int {
		return func(c *vm.Call) int {
			r.needApart(c, name)
			return r.await(c, 2*settle+clock.Second, func(w *waiter) {
				w.late = func() { w.broken(fmt.Sprintf("the device does not come up again within %s", w.passed())) }
				r.app.World.Clock.After(0, func() { r.bootAnew(w, begin) })
			})
		}
	}
	cut := anew("power_cut", (*device.Device).PowerCycle)
	return []vm.Func{
		{Name: "reboot", Fn: anew("reboot", (*device.Device).PressReset)},
		{Name: "power_cut", Fn: func(c *vm.Call) int {
			if c.Arg(1) == vm.Nil {
				return cut(c)
			}
			r.needApart(c, "power_cut")
			return r.cutInWrite(c)
		}},
	}
}

// needApart raises an error where a test ends with the device.
func (r *run) needApart(c *vm.Call, name string) {
	if r.own == nil {
		c.Error("sim.%s goes with --test-heap apart: a test that lies in the device's memory ends with it", name)
	}
}

// bootAnew resets the device and goes on with the test that waits when it has come up.
func (r *run) bootAnew(w *waiter, begin func(d *device.Device)) {
	if w.over || r.dead != "" {
		return
	}
	r.awaitBoot(w)
	begin(r.d)
}

// awaitBoot is called before the device is reset for a test that waits for that, which then goes
// on.
func (r *run) awaitBoot(w *waiter) {
	r.wanted = func() {
		if v := r.d.VM; v != nil {
			r.low = min(r.low, v.Heap().Low())
		}
		r.membrane.Detach()
	}
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

// cutInWrite is sim.power_cut{write = N, bytes = B, timeout = MS}: power goes in the Nth write to
// the flash from now, when B bytes of it are done.
func (r *run) cutInWrite(c *vm.Call) int {
	o := optionsOf(c, 1, "sim.power_cut", "write", "bytes", "timeout")
	n, bytes := o.whole("write", 1, 1_000_000, 1), o.whole("bytes", 0, explore.MaxCutBytes, 0)
	limit := o.timeout()
	return r.await(c, limit+2*settle, func(w *waiter) {
		struck := false
		w.late = func() { w.broken(fmt.Sprintf("the device does not come up again within %s", w.passed())) }
		r.after(limit, func() {
			if !struck && !w.over {
				r.d.Flash.CutAt(0, 0, nil)
				w.fail("sim.power_cut: the device has not written to its flash that often (write = %d) within %d ms: what writes must run by itself meanwhile, as with node.task.post", n, limit/clock.Millisecond)
			}
		})
		r.d.Flash.CutAt(n, bytes, func() {
			struck = true
			r.awaitBoot(w)
			r.d.PowerCycle()
		})
	})
}
