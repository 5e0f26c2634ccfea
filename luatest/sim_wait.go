package luatest

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// How tests wait in functions of sim, and sim.run_until.

// waiter is a test that waits in a function of sim, until give or fail is called.
type waiter struct {
	r     *run
	a     *activity
	limit clock.Duration
	timer *clock.Event
	over  bool
	// late is called when the time is over, and fails.
	late func()
}

// await has the test wait, for limit at most. begin is called at once, gets things going
// and sets late.
func (r *run) await(c *vm.Call, limit clock.Duration, begin func(w *waiter)) int {
	return r.wait(c, func(func(...vm.Value)) {
		w := &waiter{r: r, a: r.now, limit: limit}
		w.timer = r.after(limit, func() {
			if !w.over {
				w.late()
			}
		})
		begin(w)
	})
}

// end ends the wait; it reports false when that has happened, or the test is gone.
func (w *waiter) end() bool {
	if w.over {
		return false
	}
	w.over = true
	w.timer.Stop()
	return w.r.now == w.a && w.a.waiting && w.r.dead == ""
}

// give goes on with the test as a task of the device. push makes what the function
// returns, and says how many values those are.
func (w *waiter) give(push func(c *vm.Call) int) {
	if !w.end() {
		return
	}
	r := w.r
	r.work(func() {
		if r.now != w.a || !w.a.waiting || r.lua() == nil {
			return
		}
		w.a.waiting = false
		r.sim.next = func(c *vm.Call, co *vm.Thread) {
			c.Push(c.VM.Deref(r.step))
			c.Push(co)
			c.CallTop(1+push(c), 0)
		}
		if _, err := r.call("test", r.sim.resume, 0, w.a.co); err != nil {
			r.giveUp(w.a, Broken, Failure{Message: err.Message(), Traceback: trim(err.Traceback)})
		}
	})
}

// values goes on with the test with these: see pushValue.
func (w *waiter) values(list ...any) {
	w.give(func(c *vm.Call) int {
		for _, x := range list {
			pushValue(c, x)
		}
		return len(list)
	})
}

// fail ends the test: what it waits for does not come.
func (w *waiter) fail(format string, args ...any) {
	if w.end() {
		w.r.giveUp(w.a, Failed, Failure{Message: fmt.Sprintf(format, args...)})
	}
}

// failCompared is fail with what was expected and what came.
func (w *waiter) failCompared(expected, actual, format string, args ...any) {
	if w.end() {
		w.r.giveUp(w.a, Failed, Failure{Message: fmt.Sprintf(format, args...), Compared: true, Expected: expected, Actual: actual})
	}
}

// broken ends the test with an error.
func (w *waiter) broken(message string) {
	if w.end() {
		w.r.giveUp(w.a, Broken, Failure{Message: message})
	}
}

// passed is how long that took, for messages.
func (w *waiter) passed() string { return fmt.Sprintf("%v ms", float64(w.limit)/1000) }

// placeInTraceback finds a line of a traceback that is of a program.
var placeInTraceback = regexp.MustCompile(`(?m)^\s*([^\s:()\[\]]+:\d+): in `)

// giveUp ends a test that waits, where it stands: its coroutine is not gone on with.
func (r *run) giveUp(a *activity, s Status, why Failure) {
	if r.now != a || r.dead != "" {
		return
	}
	if r.lua() != nil {
		traceback := trim(r.lua().Traceback(a.innermost(), 0))
		if m := placeInTraceback.FindStringSubmatch(traceback); m != nil {
			at := r.f.failureAt(m[1]+": "+why.Message, "")
			why.File, why.Line, why.Source = at.File, at.Line, at.Source
		}
		if why.Traceback == "" {
			why.Traceback = traceback
		}
	}
	r.fail(s, why)
	r.abandon(a)
}

// innermost is the coroutine that stands where the test does.
func (a *activity) innermost() *vm.Thread {
	if n := len(a.nested); n > 0 {
		return a.nested[n-1]
	}
	return a.co
}

// abandon ends a coroutine where it stands.
func (r *run) abandon(a *activity) {
	a.waiting, a.over = false, true
}

// changes tells those who wait for something that it may have come.
type changes struct{ list []change }

type change struct {
	w    *waiter
	look func()
}

// add has look called now and whenever something has changed, as long as w waits.
func (s *changes) add(w *waiter, look func()) {
	s.list = append(slices.DeleteFunc(s.list, func(x change) bool { return x.w.over }), change{w, look})
	look()
}

// tell says that something has changed.
func (s *changes) tell() {
	for _, x := range slices.Clone(s.list) {
		if !x.w.over {
			x.look()
		}
	}
	s.list = slices.DeleteFunc(s.list, func(x change) bool { return x.w.over })
}

// quoted shows what came, for messages: the last of it where it is long.
func quoted(data []byte) string {
	const most = 1000
	if len(data) == 0 {
		return "nothing"
	}
	if len(data) > most {
		return fmt.Sprintf("… %q", data[len(data)-most:])
	}
	return fmt.Sprintf("%q", data)
}

// simUntil has sim.run_until.
func (r *run) simUntil() []vm.Func {
	return []vm.Func{{Name: "run_until", Fn: func(c *vm.Call) int {
		fn := c.Function(1)
		limit := timeout(c, 2)
		place := c.VM.FunctionLabel(fn)
		ref := r.lua().Ref(fn, "sim.run_until")
		return r.await(c, limit, func(w *waiter) { r.until(w, ref, place) })
	}}}
}

// untilName is the entry under which the function of sim.run_until is called.
const untilName = "sim.run_until"

// until looks at fn after each thing that happens on the device, and each millisecond.
func (r *run) until(w *waiter, ref vm.Ref, place string) {
	v := r.lua()
	posted := false
	var look func()
	post := func() {
		if posted || w.over {
			return
		}
		posted = true
		r.work(look)
	}
	look = func() {
		posted = false
		if w.over || r.lua() != v || r.now != w.a {
			return
		}
		results, err := r.call(untilName, v.Deref(ref), 1)
		switch {
		case err != nil:
			v.Unref(&ref)
			w.failure(Broken, r.f.failureAt(err.Message(), trim(err.Traceback)))
		case len(results) > 0 && results[0] != vm.Nil && results[0] != vm.Value(vm.False):
			v.Unref(&ref)
			w.values(true)
		}
	}
	w.late = func() {
		r.release(ref)
		w.failCompared("true of "+place, "false", "sim.run_until: not true within %s", w.passed())
	}
	var tick func()
	tick = func() {
		post()
		if !w.over {
			r.app.World.Clock.After(clock.Millisecond, tick)
		}
	}
	r.sim.events.changed.add(w, post)
	tick()
}

// failure ends the test with a failure that has its own place.
func (w *waiter) failure(s Status, f Failure) {
	if w.end() {
		if f.File == "" {
			w.r.giveUp(w.a, s, f)
			return
		}
		w.r.fail(s, f)
		w.r.abandon(w.a)
	}
}
