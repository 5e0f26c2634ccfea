package luatest

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/explore"
)

// searched explores the tests of an app of testdata.
func searched(t *testing.T, app string, cases int, kinds ...explore.Kind) *collect {
	t.Helper()
	c, _ := ran(t, Options{Paths: []string{"testdata/explore/" + app}, Seed: 1, Explore: cases, Kinds: kinds})
	return c
}

// again repeats a test with its faults.
func again(t *testing.T, x *Test, faults string) *Test {
	t.Helper()
	c, err := explore.Parse(faults)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := ran(t, Options{Paths: []string{x.File}, Seed: 1, Faults: c, Run: regexp.MustCompile("^" + regexp.QuoteMeta(x.FullName()) + "$")})
	return got.test(t, x.FullName())
}

// Each of these apps has a fault that no ordinary run of its tests shows. It is found and made
// small, and it comes again with the faults that are told.
func TestFindsFaults(t *testing.T) {
	for _, tt := range []struct{ app, test, faults, message, at string }{
		{"order", "takes a reading", `task=1:1\.[5-9]ms`, "not a number", "reading_test.lua:7"},
		{"settings", "has settings", `cut=write:\d+`, "after the power cut: assert.string wants 1 argument, and has 0", "settings_test.lua:9"},
		{"lamp", "is off after two switches", `hold=\d:\d+ms`, "not false", "lamp_test.lua:10"},
		{"pulse", "is long enough for the relay", `timer=\d+:[12]\.\d+ms`, "not true", "pulse_test.lua:8"},
		{"restart", "is updated", `cut=write:\d+`, "after the power cut: the app does not start: init.lua is gone", ""},
	} {
		t.Run(tt.app, func(t *testing.T) {
			t.Parallel()
			path := "testdata/explore/" + tt.app
			if c, s := ran(t, Options{Paths: []string{path}, Seed: 1, Repeat: 5}); !s.OK() {
				t.Fatalf("it fails without faults: %+v", c.files[0].Tests[0].Failures)
			}
			kinds := []explore.Kind{explore.Link, explore.Timers, explore.Tasks, explore.Power}
			x := searched(t, tt.app, 60, kinds...).test(t, tt.test)
			if !x.Status.Bad() || x.Explored == nil || !regexp.MustCompile("^"+tt.faults+"$").MatchString(x.Faults) {
				t.Fatalf("%v with %q: %+v", x.Status, x.Faults, x.Explored)
			}
			at := ""
			if x.Failures[0].File != "" {
				at = fmt.Sprintf("%s/%s", path, tt.at)
			}
			if got := x.Failures[0]; got.Message != tt.message || placeOf(got) != at {
				t.Errorf("%s: %s", placeOf(got), got.Message)
			}
			if y := again(t, x, x.Faults); y.Status != x.Status || y.Faults != x.Faults || y.Virtual != x.Virtual || !reflect.DeepEqual(y.Failures, x.Failures) || !slices.Equal(y.Log, x.Log) {
				t.Errorf("again with %s: %+v\nwant %+v", x.Faults, y, x)
			}
			if y := searched(t, tt.app, 60, kinds...).test(t, tt.test); y.Faults != x.Faults || *y.Explored != *x.Explored {
				t.Errorf("another search: %s, %+v\nwant %s, %+v", y.Faults, y.Explored, x.Faults, x.Explored)
			}
		})
	}
}

// The least heap is one with which the test passes, and fails with less; what asks for it is
// told. A test that fails anyway, and one that is not ready, are not explored.
func TestLeastHeap(t *testing.T) {
	c := searched(t, "hungry", 5, explore.Heap)
	hungry, calm := c.test(t, "reads a table"), c.test(t, "holds some")
	for _, x := range []*Test{hungry, calm} {
		if x.Status != Passed || x.Explored == nil || x.Explored.Needs == 0 || x.Explored.Cases != 0 || x.Faults != "" {
			t.Fatalf("%s: %v, %+v", x.Name, x.Status, x.Explored)
		}
		if y := again(t, x, fmt.Sprintf("heap=%d", x.Explored.Needs)); y.Status != Passed {
			t.Errorf("%s with %d: %+v", x.Name, x.Explored.Needs, y.Failures)
		}
		if y := again(t, x, fmt.Sprintf("heap=%d", x.Explored.Needs-8)); y.Status != Broken || y.Failures[0].Message != "not enough memory" {
			t.Errorf("%s with 8 bytes less: %v, %+v", x.Name, y.Status, y.Failures)
		}
	}
	if hungry.Explored.Needs < calm.Explored.Needs+500 || filepath.Base(hungry.Explored.Site) != "table.lua:3" {
		t.Errorf("reads a table: %+v\nholds some: %+v", hungry.Explored, calm.Explored)
	}
	if x := c.test(t, "holds little").Explored; !x.AtMost || x.Needs != boards.LeastHeap {
		t.Errorf("holds little: %+v", x)
	}
	if x := c.test(t, "fails anyway"); x.Status != Failed || x.Explored != nil || x.Faults != "" {
		t.Errorf("%v, %+v, %q", x.Status, x.Explored, x.Faults)
	}
	if x := c.test(t, "is not ready"); x.Status != Pending || x.Explored != nil {
		t.Errorf("%v, %+v", x.Status, x.Explored)
	}
}

// Behind a power cut a test that does not pass twice on one flash does not run again.
func TestPassesOnce(t *testing.T) {
	c := searched(t, "settings", 60, explore.Power)
	if x := c.test(t, "saves what it did not have"); x.Status != Passed || !x.Explored.Once || x.Explored.Cases < 10 {
		t.Errorf("%v, %+v", x.Status, x.Explored)
	}
	if x := c.test(t, "has settings"); x.Explored.Once {
		t.Errorf("%+v", x.Explored)
	}
}

// However little memory there is, that is the test's failure.
func TestLittleHeap(t *testing.T) {
	for bytes := 16384; bytes < 40000; bytes += 1000 {
		c, _ := ran(t, Options{Paths: []string{"testdata/explore/hungry"}, Seed: 1, Faults: explore.Case{{Name: "heap", At: bytes}}})
		if x := c.test(t, "reads a table"); x.Status == Passed && bytes < 20000 || len(x.Failures) == 0 && x.Status != Passed {
			t.Errorf("%d bytes: %v, %+v", bytes, x.Status, x.Failures)
		}
	}
}

// A search ends at the first failure, where that is asked for.
func TestExploreFailFast(t *testing.T) {
	dir := write(t, map[string]string{"a_test.lua": `
it("passes", function() end)
it("fails", function() assert(false) end)
it("is left out", function() end)`})
	c, s := ran(t, Options{Paths: []string{dir}, Seed: 1, Explore: 2, Kinds: explore.Kinds, FailFast: true})
	if s.Passed != 1 || s.Failed != 1 || s.Skipped != 1 || c.test(t, "is left out").Why != "--fail-fast" {
		t.Errorf("%+v", s)
	}
}

// A file that can't be loaded, one that writes when it is, two tests of one name, and a test
// that comes and goes.
func TestExploreOddFiles(t *testing.T) {
	dir := write(t, map[string]string{
		"broken_test.lua": "x = = 2",
		"twice_test.lua":  "it('one', function() end)\nit('one', function() end)",
		"loads_test.lua":  "file.putcontents('x', tostring(file.exists('x')))\nit('is defined behind a write', function() end)",
		"goes_test.lua":   "it('first', function() file.putcontents('was', '1') end)\nif not file.exists('was') then it('second', function() file.putcontents('was', '1') end) end",
	})
	c, s := ran(t, Options{Paths: []string{dir}, Seed: 1, Explore: 4, Kinds: explore.Kinds})
	if s.Unloaded != 1 || s.Broken != 1 || s.Passed != 4 {
		t.Errorf("%+v", s)
	}
	if x := c.test(t, "is defined behind a write"); x.Explored.Cases < 4 || x.Explored.Once {
		t.Errorf("%+v", x.Explored)
	}
	if x := c.test(t, "second"); !x.Explored.Once {
		t.Errorf("%+v", x.Explored)
	}
}

// What this computer is too slow for under a fault ends the search, and says nothing.
func TestExploreEndsLoops(t *testing.T) {
	dir := write(t, map[string]string{"loops_test.lua": "it('loops', function() while node.heap() < 20000 do tmr.wdclr() end end)"})
	c, s := ran(t, Options{Paths: []string{dir}, Seed: 1, Explore: 1, Kinds: []explore.Kind{explore.Heap}, WallTimeout: time.Second})
	if x := c.test(t, "loops"); !s.OK() || x.Explored.Needs != 0 || x.Explored.Runs > 12 {
		t.Errorf("%+v, %+v", x.Failures, x.Explored)
	}
}
