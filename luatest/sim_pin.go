package luatest

import (
	"math"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// pins is how many pins the firmware numbers (fw: app/platform/pin_map.h).
const pins = 13

func pinArg(c *vm.Call, n int) int { return whole(c, n, 0, pins-1, "a pin, by the firmware's number,") }

// levelArg is argument n: 0, 1, true or false.
func levelArg(c *vm.Call, n int) int {
	if b, ok := c.Arg(n).(vm.Bool); ok {
		if b {
			return 1
		}
		return 0
	}
	return whole(c, n, 0, 1, "a level")
}

// watch is what has become of a pin.
type watch struct {
	pin     int
	list    []event.Pin
	times   []float64 // ms
	told    int       // how many of them :expect is done with
	changed changes
}

// watchLimit is how many changes a watch keeps.
const watchLimit = 10000

// watchPins has watches note what becomes of pins.
func (r *run) watchPins() {
	name := r.d.Name()
	r.subs = append(r.subs, func(e world.Event) {
		p, ok := e.Data.(event.Pin)
		if !ok || e.Device != name {
			return
		}
		for _, w := range slices.Clone(r.sim.watches) {
			if p.Pin == w.pin && len(w.list) < watchLimit {
				w.list, w.times = append(w.list, p), append(w.times, float64(e.Time)/1000)
				w.changed.tell()
			}
		}
	})
}

func (r *run) unwatch(w *watch) {
	r.sim.watches = slices.DeleteFunc(r.sim.watches, func(x *watch) bool { return x == w })
}

// simPin has sim.pin.
func (r *run) simPin() []vm.Func {
	return []vm.Func{
		{Name: "set", Fn: func(c *vm.Call) int {
			pin, level := pinArg(c, 1), levelArg(c, 2)
			if err := r.d.Pins.Apply(pin, level); err != nil {
				c.Error("sim.pin.set: %v", err)
			}
			return 0
		}},
		{Name: "release", Fn: func(c *vm.Call) int {
			if err := r.d.Pins.Release(pinArg(c, 1)); err != nil {
				c.Error("sim.pin.release: %v", err)
			}
			return 0
		}},
		{Name: "get", Fn: func(c *vm.Call) int { return c.ReturnInt(r.d.Pins.Level(pinArg(c, 1))) }},
		{Name: "watch", Fn: func(c *vm.Call) int {
			r.room(c)
			w := &watch{pin: pinArg(c, 1)}
			r.sim.watches = append(r.sim.watches, w)
			r.sim.opened(func() { r.unwatch(w) })
			return returns(c, object{r.sim.types.watch, w})
		}},
	}
}

// watchType is sim.watch.
func (r *run) watchType() *vm.Type {
	t := &vm.Type{Name: "sim.watch"}
	method := func(name string, fn func(c *vm.Call, w *watch) int) {
		t.Methods = append(t.Methods, vm.Func{Name: name, Fn: func(c *vm.Call) int { return fn(c, c.Object(1, t).(*watch)) }})
	}
	method("changes", func(c *vm.Call, w *watch) int {
		list := []any{}
		for i := range w.list {
			list = append(list, w.change(i))
		}
		return returns(c, list)
	})
	method("count", func(c *vm.Call, w *watch) int { return c.ReturnInt(len(w.list)) })
	method("expect", func(c *vm.Call, w *watch) int {
		level := levelArg(c, 2)
		return r.await(c, timeout(c, 3), func(x *waiter) {
			x.late = func() {
				x.fail("pin %d did not change to %d within %s: it is %d, and has changed %d times before", w.pin, level, x.passed(), r.d.Pins.Level(w.pin), w.told)
			}
			w.changed.add(x, func() {
				for i := w.told; i < len(w.list); i++ {
					if w.list[i].Level == level {
						w.told = i + 1
						x.values(w.change(i))
						return
					}
				}
			})
		})
	})
	method("clear", func(c *vm.Call, w *watch) int {
		w.list, w.times, w.told = nil, nil, 0
		return 0
	})
	method("stop", func(c *vm.Call, w *watch) int {
		r.unwatch(w)
		return 0
	})
	return t
}

func (w *watch) change(i int) row {
	return row{{"time", w.times[i]}, {"level", w.list[i].Level}, {"by", w.list[i].By}}
}

// maxVolts is more than any board takes at its analogue input.
const maxVolts = 100

// simADC has sim.adc.
func (r *run) simADC() []vm.Func {
	return []vm.Func{{Name: "set", Fn: func(c *vm.Call) int {
		volts := c.Number(1)
		if !(math.Abs(volts) <= maxVolts) {
			c.ArgError(1, "a voltage at the board's analogue input, in volts")
		}
		r.d.Pins.ADC.Apply(volts)
		return 0
	}}}
}
