package luatest

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// millis is argument n, a time in milliseconds, which may have fractions.
func millis(c *vm.Call, n int) clock.Duration {
	ms := c.Number(n)
	if !(ms >= 0) || ms > 1e12 {
		c.ArgError(n, "a time in milliseconds, from 0")
	}
	return clock.Duration(ms * 1000)
}

// simTime has the functions about time: sim.now, sim.advance, sim.date, sim.seed.
func (r *run) simTime() []vm.Func {
	return []vm.Func{
		{Name: "now", Fn: func(c *vm.Call) int {
			c.Push(vm.Number(float64(r.d.Now()) / 1000))
			return 1
		}},
		{Name: "advance", Fn: func(c *vm.Call) int {
			d := millis(c, 1)
			return r.wait(c, func(done func(...vm.Value)) { r.after(d, func() { done() }) })
		}},
		{Name: "seed", Fn: func(c *vm.Call) int {
			c.Push(vm.Number(r.f.out.Seed))
			return 1
		}},
		// The date, in seconds since 1970.
		{Name: "date", Fn: func(c *vm.Call) int {
			w := r.app.World
			if !c.IsNoneOrNil(1) {
				sec := whole(c, 1, int(project.FirstDate.Unix()), int(project.LastDate.Unix()), "a date in seconds since 1970, before February 2036 where NTP's end,")
				w.SetDate(time.Unix(int64(sec), 0).Add(-time.Duration(w.Clock.Now()) * time.Microsecond))
				r.dated()
			}
			c.Push(vm.Number(w.Date().Unix()))
			return 1
		}},
	}
}
