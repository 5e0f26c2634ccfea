// Package luatest runs tests that are written in Lua, each file on a simulated device of its
// own: the app's directory as flash, the firmware's Lua, heap, network and time, in virtual
// time. What tests see of it is the API of NTest (lua/ntest.lua), that of busted
// (lua/busted.lua) and the module sim (packages below sim know its subjects).
//
// It owns finding tests, running them, also under faults of what is around them (package
// explore knows which to try), what became of them, and how much of the apps ran. It must not
// know how a result is shown: reporters are given results (package luatest/report).
//
// A file is run like this. The device boots, init.lua with it. The file is then loaded as a
// further program, in an environment of its own, and says which tests it has. Each test, and
// each function that belongs before or behind it, is a coroutine: where it waits, the world
// goes on. A test that resets the device, or leaves an error behind that nobody catches, has
// failed, and what is left of the file runs on a device that has been booted anew.
package luatest

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/explore"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Options says what to run, and how.
type Options struct {
	// Paths are files and directories with tests; none: the current directory.
	Paths []string
	// App is the directory of the app; "": that of nodemcu-sim.toml above the file, or the
	// file's own.
	App string
	// Run selects tests by name, with those of their groups before it; nil: all.
	Run *regexp.Regexp
	// Seed is that of each world. Repeat runs all so often, with seeds that count on.
	Seed   uint64
	Repeat int
	// Shuffle changes the order of the tests of a file, by the seed.
	Shuffle bool
	// FailFast ends the run at the first failure.
	FailFast bool
	// Timeout is how long a test may take on the device, WallTimeout how long here.
	Timeout     clock.Duration
	WallTimeout time.Duration
	// Shared makes test code take heap and time of the device, as the app does.
	Shared bool
	// OnFlash puts test files on the device's flash, too.
	OnFlash bool
	// NoInit leaves init.lua alone.
	NoInit bool
	// Net is what devices reach, as app.Options.Net; "" is "isolated".
	Net string
	// Board is the board's name; "" is the project's.
	Board string
	// LFS is a directory of Lua files, or an image, for the Lua Flash Store; "" is the project's.
	LFS string
	// CPU is "esp8266" or "host", as app.Options.CPU.
	CPU string
	// Coverage counts how often lines of the apps run. It does not go with Faults and Explore.
	Coverage bool
	// Update writes snapshots that differ.
	Update bool
	// Parallel is how many files run at a time; 0: as many as there are CPUs.
	Parallel int
	// Faults strike each test, which runs alone then, on a device that has just booted.
	Faults explore.Case
	// Explore runs each test alone, too, and looks for such faults under which it fails: so
	// many cases of Kinds, by the seed. 0: it does not.
	Explore int
	Kinds   []explore.Kind

	list     bool
	slots    chan struct{}                  // as many searches run at a time as it has room
	apps     *appFiles                      // with Coverage
	heapSaid func(library string, free int) // these are for tests
	booted   func(a *app.App)
	ended    func()
}

// Defaults.
const (
	DefaultTimeout     = 60 * clock.Second
	DefaultWallTimeout = 30 * time.Second
)

// Status is what became of a test.
type Status int

// The values of Status.
const (
	Passed  Status = iota
	Failed         // an assertion did not hold
	Broken         // an error, a time-out, a reset
	Pending        // it says itself that it is not ready
	Skipped        // FailFast, or Run did not select it
)

var statusNames = [...]string{"passed", "failed", "broken", "pending", "skipped"}

func (s Status) String() string { return statusNames[s] }

// MarshalText is its name.
func (s Status) MarshalText() ([]byte, error) { return []byte(statusNames[s]), nil }

// UnmarshalText takes a name.
func (s *Status) UnmarshalText(name []byte) error {
	i := slices.Index(statusNames[:], string(name))
	if i < 0 {
		return fmt.Errorf("%.40q is no status of a test", name)
	}
	*s = Status(i)
	return nil
}

// Bad reports whether the run fails with it.
func (s Status) Bad() bool { return s == Failed || s == Broken }

// Failure is why a test failed.
type Failure struct {
	Message string `json:"message"`
	// Where the assertion stands, or where the error was: a file as given, and a line from 1;
	// "" and 0 where that is not known.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Source is that line.
	Source string `json:"source,omitempty"`
	// Compared: Expected and Actual say what an assertion compared.
	Compared  bool   `json:"compared,omitempty"`
	Expected  string `json:"expected,omitempty"`
	Actual    string `json:"actual,omitempty"`
	Traceback string `json:"traceback,omitempty"`
}

// Test is the result of one test.
type Test struct {
	File  string   `json:"file"`
	Group []string `json:"group,omitempty"` // the names of the groups that it is in
	Name  string   `json:"name"`
	Line  int      `json:"line,omitempty"` // where it is defined

	Status   Status        `json:"-"`
	Why      string        `json:"why,omitempty"` // of a pending or skipped one
	Failures []Failure     `json:"failures,omitempty"`
	Asserts  int           `json:"asserts"`
	Virtual  int64         `json:"virtual_us"` // how long it took on the device
	Wall     time.Duration `json:"wall_ns"`
	// Log is what the device printed, with what happened to it, a line each; the last lines
	// of it.
	Log []string `json:"log,omitempty"`
	// PostMortem is who held the memory where it ran out.
	PostMortem string `json:"post_mortem,omitempty"`
	// Heap is the free heap over the test's time.
	Heap []Sample `json:"heap,omitempty"`
	// Packets are the last ones of a test that failed, PacketsBefore is how many came before.
	Packets       []Packet `json:"packets,omitempty"`
	PacketsBefore int      `json:"packets_before,omitempty"`
	// LeastHeap is the least free heap while it ran, in bytes; 0: not known.
	LeastHeap int `json:"least_heap,omitempty"`
	// PassesAlone says of one that failed that it passes on a device that has just booted: it
	// depends on the tests before it. Of the first few of a file it is found out.
	PassesAlone bool `json:"passes_alone,omitempty"`
	// Faults are those under which it ran, as a text.
	Faults string `json:"faults,omitempty"`
	// Explored is what a search for faults has found; nil: there was none.
	Explored *Explored `json:"explored,omitempty"`
}

// FullName is the test's name with those of its groups before it.
func (t *Test) FullName() string {
	name := ""
	for _, g := range t.Group {
		name += g + " "
	}
	return name + t.Name
}

// File is the result of one file in one repetition.
type File struct {
	Path string `json:"path"`
	App  string `json:"app"`
	Seed uint64 `json:"seed"`
	// Failure is why the file's tests could not be found: it does not compile, or failed.
	Failure *Failure      `json:"failure,omitempty"`
	Log     []string      `json:"log,omitempty"` // with Failure
	Tests   []*Test       `json:"tests"`
	Wall    time.Duration `json:"wall_ns"`
	Virtual int64         `json:"virtual_us"`
	Boots   int           `json:"boots"`

	coverage *Coverage // what was counted, until it is part of the summary's
}

// Reporter is told what happens, from one goroutine. Files come in the order in which they
// are listed, whatever order they ran in.
type Reporter interface {
	Begin(files []string)
	File(f *File)
	End(s Summary)
}

// Summary is the result of a run.
type Summary struct {
	Files                                              int
	Passed, Failed, Broken, Pending, Skipped, Unloaded int
	Wall                                               time.Duration
	Virtual                                            clock.Duration
	// Coverage is that of all files, nil if nothing is counted.
	Coverage *Coverage
}

// OK reports whether nothing failed.
func (s Summary) OK() bool { return s.Failed+s.Broken+s.Unloaded == 0 }

// Add counts a file's results.
func (s *Summary) Add(f *File) {
	s.Files++
	if f.Failure != nil {
		s.Unloaded++
	}
	s.Virtual += clock.Duration(f.Virtual)
	if f.coverage != nil {
		s.Coverage.add(f.coverage)
		f.coverage = nil
	}
	for _, t := range f.Tests {
		*[...]*int{&s.Passed, &s.Failed, &s.Broken, &s.Pending, &s.Skipped}[t.Status]++
	}
}
