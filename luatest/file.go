package luatest

import (
	"embed"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/membrane"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

//go:embed lua
var libraryFiles embed.FS

// libraries are loaded in this order; each gets what core returned, and that the host's
// functions. They lie in the device's memory, so a file is loaded with those only of which
// it has names.
var libraries = []struct {
	name string
	of   *names // nil: always
}{
	{"core", nil},
	{"sim", namesSim},
	{"busted", newNames(`\b(describe|context|insulate|expose|it|spec|test|pending|finally)\b|_each\b|setup\b|teardown\b`)},
	{"assert", newNames(`\b(assert|luassert|stub|mock)\b|\bspy\s*\.|\bmatch\s*\.`, "assert", "stub", "mock", "spy", "match")},
	{"more", newNames(`near|unique|returned_arguments|snapshot|register|"say"|'say'`, "near", "unique", "returned_arguments", "snapshot", "register", "say")},
	{"spies", newNames(`\b(luassert\.\w+|stub|mock)\b|\bspy\s*\.|\.\s*spy\b`, "luassert", "stub", "mock", "spy")},
	{"match", newNames(`\bmatch\s*\.|luassert\.match|"matcher"|'matcher'`, "match")},
	{"ntest", newNames(`\bNTest\b`, "NTest")},
}

// names are those that a library has in a file of tests.
type names struct {
	of    *regexp.Regexp
	among []string // of has one of these in it; none: that is not known. They are looked for first, as that is fast
}

func newNames(of string, among ...string) *names { return &names{regexp.MustCompile(of), among} }

// in reports whether source has one of the names.
func (n *names) in(source string) bool {
	if n.among != nil && !slices.ContainsFunc(n.among, func(word string) bool { return strings.Contains(source, word) }) {
		return false
	}
	return n.of.MatchString(source)
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
	list   bool   // only says which tests there are
	alone  *alone // nil: all tests run, one behind the other

	covered []*covered // by app
}

// runFile runs a file with a seed.
func runFile(o *Options, path string, seed uint64, list bool) *File {
	began := time.Now()
	f := &file{o: o, list: list, out: &File{Path: path, Seed: seed}}
	if err := f.run(); err != nil {
		f.out.Failure = f.failureOf(err)
	}
	if o.Coverage {
		f.out.coverage = f.coverage()
	}
	f.lookAlone()
	f.out.Wall = time.Since(began)
	return f.out
}

func (f *file) run() error {
	src, err := os.ReadFile(f.out.Path)
	if err != nil {
		return err
	}
	f.source = string(src)
	f.lines = strings.Split(f.source, "\n")
	if f.out.App = f.o.App; f.out.App == "" {
		if f.out.App, err = AppOf(f.out.Path); err != nil {
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
		case f.alone != nil:
			return nil
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

	wanted   func() // is called at the reset that comes, which is the test's doing: sim.reboot
	own      *vm.VM // the Lua of tests, nil if it is the device's
	membrane *membrane.Membrane
	calling  string // what is being called there

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
	stuck               string // where a test was when this computer's time was over, as a traceback
	sim                 sim
	inStore             []app.StoreFile // what of the app is in the Lua Flash Store
	low                 int             // the least free heap of the test before it was reset: see sim.heap.least
}

var hookNames = [hookKinds]string{"setup", "teardown", "before_each", "after_each"}

// appOptions are those of the app that tests are of.
func appOptions(o *Options, seed uint64) app.Options {
	a := app.Options{Dir: o.App, Net: o.Net, Board: o.Board, LFS: o.LFS, CPU: o.CPU, Seed: seed, Exclude: o.exclude(), Publish: []string{}}
	a.Inspect.TrackAllocations = true // post-mortems name the places
	if a.Net == "" {
		a.Net = "isolated"
	}
	return a
}

// boot switches a device on and waits until its program runs.
func (f *file) boot() (*run, error) {
	r := &run{f: f, seen: map[string]int{}}
	o := appOptions(f.o, f.out.Seed)
	o.Dir, o.Prepare = f.out.App, r.prepare
	o.InStore = func(files []app.StoreFile) { r.inStore = files }
	if f.alone != nil {
		o.Heap = f.alone.Heap
	}
	var err error
	if r.app, err = app.New(o); err != nil {
		return nil, err
	}
	r.d = r.app.Device
	r.app.World.Subscribe(r.logger())
	r.app.World.Subscribe(r.happened)
	if f.o.booted != nil {
		f.o.booted(r.app)
	}
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
	r.f.cover(r.f.out.App, cfg, r.inStore)
	if r.f.o.NoInit {
		_ = cfg.Flash.Remove("init.lua")
	}
	cfg.OnPanic = device.HaltOnError
	cfg.Takes = r.takes
	if r.f.alone != nil {
		r.f.alone.prepare(r, cfg)
	}
}

func (r *run) end() {
	r.limit.end()
	if r.f.alone != nil {
		r.f.alone.ended(r)
	}
	if r.f.o.ended != nil {
		r.f.o.ended()
	}
	r.sim.secure.stop()
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
			r.fatal(message, r.withPassed(traceback))
		}
	case event.Panic:
		r.fatal(d.Message, r.withPassed(d.Traceback))
	case event.PostMortem:
		if r.ranOut = d.Where; r.ranOut == "" {
			r.ranOut = r.line()
		}
	case event.Restart:
		r.asked = r.line()
	case event.Hint:
		r.hint, r.hintAt = d, e.Time
	case event.Callback:
		if r.test != nil {
			r.freeNow()
		}
	case event.Reset:
		if wanted := r.wanted; wanted != nil {
			r.wanted = nil
			wanted()
			break
		}
		if r.f.alone != nil && r.f.alone.wasCut {
			r.dead = "power is gone"
			return
		}
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
