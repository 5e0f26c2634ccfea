package luatest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The tests of a file: which run, in which order with their hooks, and what a failure
// leaves of them.

// group is what describe makes.
type group struct {
	parent *group
	name   string
	hooks  [hookKinds][]vm.Ref
	begun  bool // its setup has run
	left   int  // tests of it that have not run
	undo   []vm.Ref
	broken *Test // the test for which its setup has failed
}

// hook is when a function of a group runs.
type hook int

const (
	setup      hook = iota // before the group's first test
	teardown               // behind its last
	beforeEach             // before each test
	afterEach              // behind each, whatever became of it
	hookKinds
)

// entry is a test of the file.
type entry struct {
	group *group
	name  string
	line  int
	fn    vm.Ref // 0: pending
	why   string
	wrong *Failure // it can't be run
}

// activity is a coroutine that runs: a test, or a function around one.
type activity struct {
	co      *vm.Thread
	ref     vm.Ref // to it
	over    bool
	waiting bool         // in a function of sim
	nested  []*vm.Thread // coroutines in which it goes on
}

// drive has the world go on until it is done, or so much time has passed. It reports false
// for the time. Time of this computer that runs out is why the device is dead.
func (r *run) drive(done func() bool, limit clock.Duration) bool {
	c := r.app.World.Clock
	end := c.Now().Add(limit)
	for !done() {
		if c.Next() > end {
			c.RunUntil(end)
			return done()
		}
		c.RunTo(c.Happened()+1, 0)
		if r.limit.over.Load() {
			r.fatal(fmt.Sprintf("not over after %v of this computer's time (--wall-timeout)", r.f.o.WallTimeout), r.stuck)
			return true
		}
	}
	return true
}

// work runs a function as a task of the device.
func (r *run) work(fn func()) {
	d := r.d
	if !d.PostSystem(fn) {
		r.app.World.Clock.After(clock.Millisecond, func() { r.work(fn) })
	}
}

// touch does something to the Lua of tests between two events. Memory that runs out there is
// the end of the device, as it is where no call of Lua can catch it.
func (r *run) touch(fn func(v *vm.VM)) {
	defer func() {
		switch x := recover().(type) {
		case nil:
		case vm.OutOfMemoryPanic:
			r.fatal(vm.OutOfMemory, "")
		default:
			panic(x)
		}
	}()
	fn(r.lua())
}

// perform runs a Lua function as a coroutine and waits until it is over. It reports false
// when it did not end well.
func (r *run) perform(fn vm.Ref, limit clock.Duration) bool {
	failed := 0
	if r.test != nil {
		failed = len(r.test.Failures)
	}
	a := &activity{}
	r.now = a
	r.work(func() {
		if _, err := r.call("test", r.lua().Deref(r.start), 0, r.lua().Deref(fn)); err != nil {
			r.fatal(err.Message(), trim(err.Traceback)) // no room for a coroutine, or what tests are run with is gone
		}
	})
	if !r.drive(func() bool { return a.over || r.dead != "" }, limit) {
		r.fatal(fmt.Sprintf("not over after %v of the device's time (--timeout)", time.Duration(limit)*time.Microsecond), r.waits(a))
	}
	r.now = nil
	if r.dead == "" && a.ref != 0 {
		r.touch(func(v *vm.VM) { v.Unref(&a.ref) })
	}
	return a.over && (r.test == nil || len(r.test.Failures) == failed && r.test.Status != Pending)
}

// waits is where an activity has stopped, as a traceback.
func (r *run) waits(a *activity) string {
	if a.co == nil || r.lua() == nil {
		return ""
	}
	return r.lua().Traceback(a.co, 0)
}

// tests loads the file and runs what of it has not run. again says that the rest needs a
// device that is booted anew.
func (r *run) tests() (again bool, err error) {
	f := r.f
	free := r.d.VM.FreeHeap()
	if err := r.load(); err != nil {
		r.fileLog()
		return false, err
	}
	if f.alone != nil && f.o.Shared && r.d.VM != nil {
		f.alone.own = free - r.d.VM.FreeHeap()
	}
	if f.order == nil {
		f.order = r.selected()
	}
	if f.list {
		for _, i := range f.order {
			e := r.list[i]
			f.out.Tests = append(f.out.Tests, &Test{File: f.out.Path, Group: e.group.names(), Name: e.name, Line: e.line, Status: Skipped, Why: "only listed"})
		}
		return false, nil
	}
	for _, i := range f.order[f.next:] {
		for _, g := range r.list[i].group.path() {
			g.left++
		}
	}
	for ; f.next < len(f.order); f.next++ {
		if r.dead != "" || r.limit.over.Load() {
			return true, nil
		}
		r.runTest(r.list[f.order[f.next]])
		if f.o.FailFast && f.out.Tests[len(f.out.Tests)-1].Status.Bad() {
			for f.next++; f.next < len(f.order); f.next++ {
				e := r.list[f.order[f.next]]
				f.out.Tests = append(f.out.Tests, &Test{File: f.out.Path, Group: e.group.names(), Name: e.name, Line: e.line, Status: Skipped, Why: "--fail-fast"})
			}
			return false, nil
		}
	}
	return false, nil
}

// selected is the order in which the file's tests run.
func (r *run) selected() []int {
	order := []int{}
	if a := r.f.alone; a != nil {
		if a.index < len(r.list) {
			order = append(order, a.index)
		}
		return order
	}
	for i, e := range r.list {
		if t := (Test{Group: e.group.names(), Name: e.name}); r.f.o.Run == nil || r.f.o.Run.MatchString(t.FullName()) {
			order = append(order, i)
		}
	}
	if r.f.o.Shuffle {
		random := rand.New(rand.NewPCG(r.f.out.Seed, 1))
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	return order
}

// names lists a group's names, outermost first.
func (g *group) names() []string {
	if g == nil || g.parent == nil {
		return nil
	}
	return append(g.parent.names(), g.name)
}

// path lists a group and those that it is in, outermost first.
func (g *group) path() []*group {
	if g == nil {
		return nil
	}
	return append(g.parent.path(), g)
}

// runTest runs a test with the functions around it.
func (r *run) runTest(e *entry) {
	f := r.f
	began, at := time.Now(), r.app.World.Clock.Now()
	t := &Test{File: f.out.Path, Group: e.group.names(), Name: e.name, Line: e.line}
	f.out.Tests = append(f.out.Tests, t)
	path := e.group.path()
	defer func() {
		t.Wall, t.Virtual = time.Since(began), int64(r.app.World.Clock.Now().Sub(at))
	}()
	if e.wrong != nil {
		t.Status, t.Failures = Broken, []Failure{*e.wrong}
	} else if e.fn == 0 {
		t.Status, t.Why = Pending, e.why
	}
	r.test = t
	r.begin()
	r.limit.begin(f.o.WallTimeout, r.app.World.Clock.Stop)
	r.touch(func(*vm.VM) { r.collect() }) // what the test before has left: native code of the firmware would find no room beside it
	r.d.VM.Heap().ResetLow()
	r.low = math.MaxInt
	if f.alone != nil {
		t.Faults = f.alone.text
		f.alone.strike(r)
	}
	if t.Status == Passed {
		r.around(e, path)
	}
	r.leave(path)
	r.limit.end()
	r.told(t)
	r.test = nil
}

// around runs a test, and what belongs before and behind it.
func (r *run) around(e *entry, path []*group) {
	for _, g := range path {
		if !g.begun {
			g.begun = true
			r.setting = g
			ok := r.all(g.hooks[setup])
			if r.setting = nil; !ok {
				g.broken = r.test
				return
			}
		}
		if b := g.broken; b != nil {
			r.test.Status, r.test.Why = b.Status, b.Why
			for _, why := range b.Failures {
				why.Message = "setup of " + strconv.Quote(g.name) + ": " + why.Message
				r.test.Failures = append(r.test.Failures, why)
			}
			return
		}
	}
	opened := len(r.sim.open)
	defer r.sim.closeFrom(opened)
	ok := true
	deepest := len(path)
	for i, g := range path {
		if ok = r.all(g.hooks[beforeEach]); !ok {
			deepest = i + 1
			break
		}
	}
	if ok {
		r.perform(e.fn, r.f.o.Timeout)
	}
	r.back(&r.finals)
	for i := deepest - 1; i >= 0; i-- {
		r.all(path[i].hooks[afterEach])
	}
	r.back(&r.undo)
}

// leave runs the teardown of those of a test's groups that have no further test.
func (r *run) leave(path []*group) {
	for i := len(path) - 1; i >= 0; i-- {
		g := path[i]
		if g.left--; g.left == 0 && g.begun {
			r.all(g.hooks[teardown])
			r.back(&g.undo)
		}
	}
}

// all runs functions, one behind the other, as long as they end well.
func (r *run) all(list []vm.Ref) bool {
	for _, fn := range list {
		if r.dead != "" || !r.perform(fn, r.f.o.Timeout) {
			return false
		}
	}
	return true
}

// back runs functions, the last one first, whatever becomes of them, and forgets them.
func (r *run) back(list *[]vm.Ref) {
	for n := len(*list); n > 0 && r.dead == ""; n = len(*list) {
		fn := (*list)[n-1]
		*list = (*list)[:n-1]
		r.perform(fn, r.f.o.Timeout)
		if r.dead == "" {
			r.touch(func(v *vm.VM) { v.Unref(&fn) })
		}
	}
	*list = nil
}
