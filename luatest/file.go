package luatest

import (
	"embed"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

//go:embed lua
var library embed.FS

// libraries are loaded in this order; each gets what core returned, and that the host's
// functions. They lie in the device's memory, so a file is loaded with those only of which
// it has names.
var libraries = []struct {
	name string
	of   *regexp.Regexp // nil: always
}{
	{"core", nil},
	{"sim", namesSim},
	{"busted", regexp.MustCompile(`\b(describe|context|insulate|expose|it|spec|test|pending|finally)\b|_each\b|setup\b|teardown\b`)},
	{"assert", regexp.MustCompile(`\b(assert|luassert|stub|mock)\b|\bspy\s*\.|\bmatch\s*\.`)},
	{"more", regexp.MustCompile(`near|unique|returned_arguments|snapshot|register|"say"|'say'`)},
	{"spies", regexp.MustCompile(`\b(luassert\.\w+|stub|mock)\b|\bspy\s*\.|\.\s*spy\b`)},
	{"match", regexp.MustCompile(`\bmatch\s*\.|luassert\.match|"matcher"|'matcher'`)},
	{"ntest", regexp.MustCompile(`\bNTest\b`)},
}

// settle is how long a device has after its boot before the tests are loaded: init.lua has
// run, and a station has its address.
const settle = 5 * clock.Second

// file runs one file.
type file struct {
	o      *Options
	out    *File
	source string
	lines  []string // of it
	next   int      // the test that comes next, where the device was booted anew
	order  []int    // of the tests
	snaps  *snapshots
	list   bool // only says which tests there are
}

// runFile runs a file with a seed.
func runFile(o *Options, path string, seed uint64, list bool) *File {
	began := time.Now()
	f := &file{o: o, list: list, out: &File{Path: path, Seed: seed}}
	if err := f.run(); err != nil {
		f.out.Failure = f.failureOf(err)
	}
	f.out.Wall = time.Since(began)
	return f.out
}

// problem is an error with a place in Lua.
type problem struct{ Failure }

func (p *problem) Error() string { return p.Message }

func (f *file) failureOf(err error) *Failure {
	var p *problem
	if errors.As(err, &p) {
		return &p.Failure
	}
	return &Failure{Message: err.Error()}
}

func (f *file) run() error {
	src, err := os.ReadFile(f.out.Path)
	if err != nil {
		return err
	}
	f.source = string(src)
	f.lines = strings.Split(f.source, "\n")
	if f.out.App = f.o.App; f.out.App == "" {
		if f.out.App, err = appOf(f.out.Path); err != nil {
			return err
		}
	}
	if f.snaps, err = snapshotsOf(f.out.Path); err != nil {
		return err
	}
	for {
		r, err := f.boot()
		if err != nil {
			return err
		}
		again, err := r.tests()
		r.end()
		switch {
		case err != nil:
			return err
		case !again && f.o.Update && !f.list:
			return f.snaps.write(f.o.Run == nil && !slices.ContainsFunc(f.out.Tests, func(t *Test) bool { return t.Status != Passed }))
		case !again:
			return nil
		}
	}
}

// run is one boot of a device and what runs on it.
type run struct {
	f   *file
	app *app.App
	d   *device.Device

	groups []*group
	list   []*entry
	seen   map[string]int // tests by full name

	loading bool     // the file says what its tests are
	failure vm.Ref   // the metatable of a failed assertion
	setting *group   // whose setup runs
	finals  []vm.Ref // what comes behind the test that runs, the last of it first,
	undo    []vm.Ref // and behind the functions around it

	step, start, loader vm.Ref   // core's functions
	main                vm.Value // the file, ready to be run
	now                 *activity
	test                *Test // that runs, nil: the file is being loaded
	log                 tail
	dead                string // why nothing more can run on this device: "" as long as it can
	subs                []func(world.Event)
	record              record // of the test
	limit               limit
	hint                event.Hint // the last one
	hintAt              clock.Time
	ranOut              string // where memory ran out last
	asked               string // where the program has asked for a restart
	sim                 sim
	low                 int // the least free heap of the test before it was reset: see sim.heap.least
}

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

var hookNames = [hookKinds]string{"setup", "teardown", "before_each", "after_each"}

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

// boot switches a device on and waits until its program runs.
func (f *file) boot() (*run, error) {
	r := &run{f: f, seen: map[string]int{}}
	o := app.Options{Dir: f.out.App, Net: f.o.Net, Board: f.o.Board, CPU: f.o.CPU, Seed: f.out.Seed, Publish: []string{}, Prepare: r.prepare}
	o.Inspect.TrackAllocations = true // post-mortems name the places
	if o.Net == "" {
		o.Net = "isolated"
	}
	var err error
	if r.app, err = app.New(o); err != nil {
		return nil, err
	}
	r.d = r.app.Device
	r.app.World.Subscribe(r.logger())
	r.app.World.Subscribe(r.happened)
	f.out.Boots++
	r.app.World.Wire.Tap(r.record.packet)
	r.limit.begin(f.o.WallTimeout, r.app.World.Clock.Stop)
	r.app.PowerOn()
	r.drive(func() bool { return r.dead != "" }, settle)
	if r.dead != "" {
		why := f.failureAt(r.dead, "")
		why.Message = "the app does not start: " + why.Message
		err := &problem{why}
		r.fileLog()
		r.end()
		return nil, err
	}
	return r, nil
}

// prepare adds the module sim to a device, and takes init.lua away where it is not wanted.
func (r *run) prepare(cfg *device.Config) {
	if r.f.o.NoInit {
		_ = cfg.Flash.Remove("init.lua")
	}
	if !r.f.o.OnFlash {
		for _, s := range cfg.Flash.List() {
			if isTest(s.Name) {
				_ = cfg.Flash.Remove(s.Name)
			}
		}
	}
	cfg.OnPanic = device.HaltOnError
	cfg.Takes = r.takes
}

func (r *run) end() {
	r.limit.end()
	r.f.out.Virtual += int64(r.app.World.Clock.Now())
	r.app.Close()
}

// happened looks at what ends a test.
func (r *run) happened(e world.Event) {
	for _, fn := range r.subs {
		fn(e)
	}
	if e.Device != r.d.Name() {
		return
	}
	switch d := e.Data.(type) {
	case event.LuaError:
		if d.Uncaught {
			message, traceback, _ := strings.Cut(d.Message, "\nstack traceback:")
			r.fatal(message, traceback)
		}
	case event.Panic:
		r.fatal(d.Message, d.Traceback)
	case event.PostMortem:
		r.ranOut = d.Where
	case event.Restart:
		r.asked = r.d.VM.Where()
	case event.Hint:
		r.hint, r.hintAt = d, e.Time
	case event.Callback:
		if r.test != nil {
			r.freeNow()
		}
	case event.Reset:
		message, where := "the device was reset: "+d.Reason, r.asked
		if d.Fault {
			where = ""
			if r.hintAt == e.Time && r.hint.Text != "" { // the hint says what led to it
				message, where = message+": "+r.hint.Text, r.hint.Where
			}
		}
		r.fatal(at(where, message), "")
	}
}

// at puts a place before a message, unless it is not known or in the library of tests.
func at(where, message string) string {
	if where == "" || ofLibrary(where) {
		return message
	}
	return where + ": " + message
}

// fatal is the end of this device: the test that runs fails with it.
func (r *run) fatal(message, traceback string) {
	if r.dead == "" {
		r.dead = message
		if message == vm.OutOfMemory {
			message = at(r.ranOut, message)
		}
		if r.test != nil {
			r.fail(Broken, r.f.failureAt(message, traceback))
		}
	}
}

// failureAt makes a failure of an error's message, which begins with its place; of one that
// does not, it is where the traceback begins.
func (f *file) failureAt(message, traceback string) Failure {
	out := Failure{Message: message, Traceback: trim(traceback)}
	if name, line, ok := cutPlace(message); ok && isSource(name) {
		_, message, _ = strings.Cut(message, ":")
		_, message, _ = strings.Cut(message, ":")
		out.Message = strings.TrimPrefix(message, " ")
		f.place(&out, name, line)
	} else if name, line, ok := innermost(traceback); ok {
		f.place(&out, name, line)
	}
	return out
}

// cutPlace is the "file:line" that a message begins with.
func cutPlace(message string) (name string, line int, ok bool) {
	name, rest, _ := strings.Cut(message, ":")
	number, _, _ := strings.Cut(rest, ":")
	line, err := strconv.Atoi(number)
	return name, line, err == nil && line > 0 && name != ""
}

// place says where a failure is.
func (f *file) place(out *Failure, name string, line int) {
	out.File, out.Line = name, line
	lines := f.lines
	if name == filepath.Base(f.out.Path) {
		out.File = f.out.Path
	} else {
		out.File = short(filepath.Join(f.out.App, name))
		src, err := os.ReadFile(out.File)
		if err != nil {
			out.File = name
			return
		}
		lines = strings.Split(string(src), "\n")
	}
	if line <= len(lines) {
		out.Source = strings.TrimSpace(lines[line-1])
	}
}

// fail notes a failure of the test that runs.
func (r *run) fail(s Status, why Failure) {
	if r.test == nil {
		return
	}
	if r.test.Status == Passed || r.test.Status == Pending || s == Broken && r.test.Status == Failed {
		r.test.Status = s
	}
	if len(r.test.Failures) < maxFailures {
		r.test.Failures = append(r.test.Failures, why)
	}
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
			r.fatal(fmt.Sprintf("not over after %v of this computer's time", r.f.o.WallTimeout), "")
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

// perform runs a Lua function as a coroutine and waits until it is over. It reports false
// when it did not end well.
func (r *run) perform(fn vm.Ref, limit clock.Duration) bool {
	failed := 0
	if r.test != nil {
		failed = len(r.test.Failures)
	}
	a := &activity{}
	r.now = a
	r.work(func() { r.d.CallProtected("test", r.d.VM.Deref(r.start), 0, r.d.VM.Deref(fn)) })
	if !r.drive(func() bool { return a.over || r.dead != "" }, limit) {
		r.fatal(fmt.Sprintf("not over after %v of the device's time", time.Duration(limit)*time.Microsecond), r.waits(a))
	}
	r.now = nil
	if r.dead == "" && a.ref != 0 {
		r.d.VM.Unref(&a.ref)
	}
	return a.over && (r.test == nil || len(r.test.Failures) == failed && r.test.Status != Pending)
}

// waits is where an activity has stopped, as a traceback.
func (r *run) waits(a *activity) string {
	if a.co == nil || r.d.VM == nil {
		return ""
	}
	return r.d.VM.Traceback(a.co, 0)
}

// tests loads the file and runs what of it has not run. again says that the rest needs a
// device that is booted anew.
func (r *run) tests() (again bool, err error) {
	if err := r.load(); err != nil {
		r.fileLog()
		return false, err
	}
	f := r.f
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
	r.d.VM.Collect() // what the test before has left: native code of the firmware would find no room beside it
	r.d.VM.Heap().ResetLow()
	r.low = math.MaxInt
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
			r.d.VM.Unref(&fn)
		}
	}
	*list = nil
}
