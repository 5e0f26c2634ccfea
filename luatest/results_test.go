package luatest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// collect is a reporter that keeps all.
type collect struct{ files []*File }

func (c *collect) Begin([]string) {}
func (c *collect) File(f *File)   { c.files = append(c.files, f) }
func (c *collect) End(Summary)    {}

// test finds one.
func (c *collect) test(t *testing.T, name string) *Test {
	t.Helper()
	for _, f := range c.files {
		for _, x := range f.Tests {
			if x.FullName() == name {
				return x
			}
		}
	}
	t.Fatalf("there is no test %q", name)
	return nil
}

// write makes an app of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["nodemcu-sim.toml"] += ""
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ran runs the tests of a directory.
func ran(t *testing.T, o Options) (*collect, Summary) {
	t.Helper()
	c := &collect{}
	s, err := Run(o, c)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// Whatever a test does, it is that test's failure, with its place, and the others go on.
func TestWhateverATestDoes(t *testing.T) {
	dir := write(t, map[string]string{
		"lib.lua": `local M = {}
function M.hog() local t = {} while true do t[#t + 1] = ("x"):rep(500) .. #t end end
function M.spin() while true do end end
function M.throw(x) error(x) end
return M`,
		"bad_test.lua": `local lib = require("lib")
it("fine", function() end)
it("memory", function() lib.hog() end)
it("memory later", function()
  tmr.create():alarm(10, tmr.ALARM_SINGLE, function() lib.hog() end)
  sim.advance(100)
end)
it("watchdog", function() lib.spin() end)
it("too long", function()
  sim.advance(1e9)
end)
it("yields", function()
  coroutine.yield()
end)
it("restarts", function()
  node.restart() sim.advance(1000)
end)
it("sleeps", function()
  node.dsleep(1000) sim.advance(1000)
end)
it("callback", function()
  tmr.create():alarm(10, tmr.ALARM_SINGLE, function() lib.throw("in a timer") end)
  sim.advance(100)
end)
it("table", function() lib.throw({}) end)
it("nothing", function() lib.throw() end)
it("fine", function() end)
it("bytes", function() error("\0\255") end)
it("calm", function() end)
it("loops", function() while true do end end)
it("catches", function()
  while true do pcall(lib.throw, "x") end
end)
`})
	c, s := ran(t, Options{Paths: []string{dir}, WallTimeout: 2 * time.Second})
	for _, tt := range []struct {
		name, message string // message: a regular expression
		at            string
	}{
		{"fine", "", ""},
		{"memory", "not enough memory", "lib.lua:2"},
		{"memory later", "not enough memory", "lib.lua:2"},
		{"watchdog", "the device was reset: software watchdog reset: .*", "lib.lua:3"},
		{"too long", "not over after 1m0s of the device's time \\(--timeout\\)", "bad_test.lua:10"},
		{"yields", "not over after 1m0s of the device's time \\(--timeout\\)", "bad_test.lua:13"},
		{"restarts", "the device was reset: software restart", "bad_test.lua:16"},
		{"sleeps", "the device was reset: deep sleep", "bad_test.lua:19"},
		{"callback", "in a timer", "lib.lua:4"},
		{"table", "an error that is a table: .*", "lib.lua:4"},
		{"nothing", "an error that is a nil: nil", "lib.lua:4"},
		{"bytes", `\x00.`, "bad_test.lua:28"},
		{"calm", "", ""},
		{"loops", "not over after 2s of this computer's time \\(--wall-timeout\\)", "bad_test.lua:30"}, // it takes no time of the device's
	} {
		x := c.test(t, tt.name)
		if tt.message == "" {
			if x.Status != Passed {
				t.Errorf("%s: %v", tt.name, x.Failures)
			}
			continue
		}
		if x.Status != Broken || len(x.Failures) != 1 {
			t.Errorf("%s: %v %+v", tt.name, x.Status, x.Failures)
			continue
		}
		why := x.Failures[0]
		if at := fmt.Sprintf("%s:%d", filepath.Base(why.File), why.Line); !regexp.MustCompile("^"+tt.message+"$").MatchString(why.Message) || at != tt.at {
			t.Errorf("%s: %q at %s", tt.name, why.Message, at)
		}
		if why.Source == "" || strings.Contains(why.Traceback, "test library") || strings.Contains(why.Message, "traceback") {
			t.Errorf("%s: %+v", tt.name, why)
		}
		if memory := strings.HasPrefix(tt.name, "memory"); memory != strings.Contains(x.PostMortem, "strings made at lib.lua:2") {
			t.Errorf("%s: the post-mortem is %q", tt.name, x.PostMortem)
		}
	}
	twice := c.files[0].Tests[11]
	if twice.Name != "fine" || twice.Status != Broken || twice.Line != 27 || !strings.Contains(twice.Failures[0].Message, `line 2 has a test "fine" already`) {
		t.Errorf("the name that is there twice: %+v", twice)
	}
	if x := c.test(t, "catches"); x.Status != Broken || !strings.HasPrefix(x.Failures[0].Message, "the device was reset: software watchdog reset: ") {
		t.Errorf("an endless loop that catches: %+v", x)
	}
	if s.Passed != 2 || s.Broken != 14 || s.OK() {
		t.Errorf("%+v", s)
	}
}

func TestWhateverAFileDoes(t *testing.T) {
	dir := write(t, map[string]string{
		"a_syntax_test.lua": "\nx = = 2",
		"b_throws_test.lua": "it('one', function() end)\nerror('top')",
		"c_waits_test.lua":  "\n\nsim.advance(1e9)",
		"d_reset_test.lua":  "node.restart() sim.advance(1000)",
		"e_fine_test.lua":   "it('one', function() end)",
	})
	c, s := ran(t, Options{Paths: []string{dir}})
	for i, want := range []string{
		"a_syntax_test.lua:2 unexpected symbol near '='", "b_throws_test.lua:2 top", "c_waits_test.lua:3 not over after 1m0s of the device's time (--timeout)", "d_reset_test.lua:1 the device was reset: software restart",
	} {
		why := c.files[i].Failure
		if why == nil {
			t.Errorf("%s is loaded", c.files[i].Path)
		} else if got := fmt.Sprintf("%s:%d %s", filepath.Base(why.File), why.Line, why.Message); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if s.Unloaded != 4 || s.Passed != 1 {
		t.Errorf("%+v", s)
	}
}

// Time of this computer ends a loop that the device's watchdog does not, and another that
// keeps the world busy.
func TestWallTimeout(t *testing.T) {
	for _, cpu := range []string{"esp8266", "host"} {
		dir := write(t, map[string]string{
			"lib.lua": `return function() while true do tmr.wdclr() end end`,
			"loop_test.lua": `local loop = require("lib")
it("feeds", function() loop() end)
it("goes on", function() end)
it("keeps the world busy", function()
  tmr.create():alarm(1, tmr.ALARM_AUTO, function() end)
  sim.advance(1e9)
end)
it("goes on again", function() end)
`})
		began := time.Now()
		c, s := ran(t, Options{Paths: []string{dir}, CPU: cpu, WallTimeout: 300 * time.Millisecond, Timeout: 1 << 50})
		if s.Broken != 2 || s.Passed != 2 || time.Since(began) > 20*time.Second {
			t.Errorf("%s: %+v after %v", cpu, s, time.Since(began))
		}
		for _, name := range []string{"feeds", "keeps the world busy"} {
			if x := c.test(t, name); len(x.Failures) != 1 || x.Failures[0].Message != "not over after 300ms of this computer's time (--wall-timeout)" {
				t.Errorf("%s: %+v", name, x.Failures)
			}
		}
	}
}

// A run is repeated by its seed, however many files run at a time: but for this computer's
// time, everything is the same.
func TestASeedRepeatsARun(t *testing.T) {
	files := map[string]string{"init.lua": `socket = net.createUDPSocket()`}
	for i := range 4 {
		files[fmt.Sprintf("r%d_test.lua", i)] = `
it("talks", function()
  for i = 1, node.random(600, 700) do
    socket:send(5000, "192.168.1.1", ("x"):rep(node.random(1, 50)))
    sim.advance(node.random(1, 20))
  end
  error("drew " .. node.random(1, 1000000))
end)
it("passes", function() end)`
	}
	dir := write(t, files)
	run := func(o Options) string {
		o.Paths = []string{dir}
		c, _ := ran(t, o)
		for _, f := range c.files {
			f.Wall = 0
			for _, x := range f.Tests {
				x.Wall = 0
			}
		}
		b, err := json.Marshal(c.files)
		if err != nil {
			t.Fatal(err)
		}
		x := c.test(t, "talks")
		if n := len(x.Packets); n != maxPackets || x.PacketsBefore < 100 {
			t.Errorf("%d packets, %d before them", n, x.PacketsBefore)
		}
		if n := len(x.Heap); n < maxSamples/3 || n > maxSamples {
			t.Errorf("%d samples", n)
		}
		if p := c.test(t, "passes"); p.Packets != nil || len(p.Heap) == 0 {
			t.Errorf("of a test that passes there are %d packets and %d samples", len(p.Packets), len(p.Heap))
		}
		return string(b)
	}
	one := run(Options{Seed: 7, Parallel: 1})
	if again := run(Options{Seed: 7, Parallel: 4}); again != one {
		t.Error("the same seed gives another run")
	}
	if other := run(Options{Seed: 8}); other == one {
		t.Error("another seed gives the same run")
	}
	alone := Options{Seed: 7, Run: regexp.MustCompile("^talks$")}
	if a, b := ranAlone(t, dir, alone), ranAlone(t, dir, alone); a != b || !strings.Contains(a, "drew ") {
		t.Errorf("a test that is repeated says %q and %q", a, b)
	}
}

func ranAlone(t *testing.T, dir string, o Options) string {
	t.Helper()
	o.Paths = []string{dir}
	c, _ := ran(t, o)
	x := c.test(t, "talks")
	return fmt.Sprint(x.Failures, x.Virtual, x.Heap, x.Packets)
}

func TestList(t *testing.T) {
	dir := write(t, map[string]string{"a_test.lua": `describe("g", function() it("one", function() error("ran") end) pending("two") end)`, "b_test.lua": `it("three", function() error("ran") end)`})
	c := &collect{}
	s, err := List(Options{Paths: []string{dir}, Repeat: 3, Shuffle: true}, c)
	if err != nil || s.Skipped != 3 || s.Broken != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	var names []string
	for _, f := range c.files {
		for _, x := range f.Tests {
			names = append(names, x.FullName())
		}
	}
	if !slices.Equal(names, []string{"g one", "g two", "three"}) {
		t.Errorf("listed are %q", names)
	}
	if _, err := Run(Options{Paths: []string{t.TempDir()}}); err == nil {
		t.Error("nothing to run is no error")
	}
}

// Samples stay within their bound, in order, over the whole time, and do not depend on how
// often somebody asks in between.
func TestSamples(t *testing.T) {
	for _, n := range []int{1, 2, 199, 200, 201, 100_000} {
		r := record{}
		for i := range n {
			r.sample(clock.Time(i*10), 1000+i)
			r.sample(clock.Time(i*10), 1000+i)
		}
		if len(r.heap) > maxSamples || r.heap[0].At != 0 {
			t.Errorf("%d: %d samples from %d", n, len(r.heap), r.heap[0].At)
		}
		last := r.heap[len(r.heap)-1].At
		if end := int64(n-1) * 10; end-last > end/(maxSamples/4) && n > 4 {
			t.Errorf("%d: the last sample is at %d of %d", n, last, end)
		}
		if !slices.IsSortedFunc(r.heap, func(a, b Sample) int { return int(a.At - b.At) }) {
			t.Errorf("%d: not in order", n)
		}
	}
}

// A test that waits is not garbage: only the engine knows it then.
func TestATestThatWaitsIsKept(t *testing.T) {
	dir := write(t, map[string]string{"wait_test.lua": `
it("waits", function()
  local kept = {}
  for i = 1, 100 do
    sim.advance(10)
    collectgarbage()
    kept[i % 10] = ("x"):rep(300) .. i
  end
  tmr.create():alarm(10, tmr.ALARM_SINGLE, function() collectgarbage() collectgarbage() end)
  sim.advance(100)
end)`})
	if c, s := ran(t, Options{Paths: []string{dir}}); s.Passed != 1 {
		t.Errorf("%+v", c.test(t, "waits").Failures)
	}
}

// What a test prints, and how often it fails, does not fill this computer's memory.
func TestResultsHaveBounds(t *testing.T) {
	dir := write(t, map[string]string{"talks_test.lua": `
it("prints and fails", function()
  for i = 1, 3000 do
    print(("x"):rep(2000))
    pcall(error, "caught")
    tmr.create():alarm(1, tmr.ALARM_SINGLE, function() assert.equal(1, i) end)
    if i % 100 == 0 then sim.advance(10) tmr.wdclr() end
  end
end)`})
	c, _ := ran(t, Options{Paths: []string{dir}})
	x := c.test(t, "prints and fails")
	if len(x.Failures) == 0 || len(x.Failures) > maxFailures || len(x.Log) > logLines {
		t.Errorf("%d failures, %d lines of log", len(x.Failures), len(x.Log))
	}
	var log tail
	for range 1000 {
		log.Write([]byte(strings.Repeat("y", 1000)))
		log.Write([]byte(strings.Repeat("z", 200_000)))
	}
	if n := len(log.String()); n < logKept || n > 4*logKept {
		t.Errorf("%d bytes are kept", n)
	}
}

// Text that looks like a place has no file shown that is not the app's.
func TestPlacesStayInTheApp(t *testing.T) {
	outside := filepath.Join(write(t, map[string]string{"secret.lua": "secret"}), "secret.lua")
	dir := write(t, map[string]string{"lamp.lua": "shown", "a_test.lua": ""})
	up, err := filepath.Rel(dir, outside)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.lua")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.lua"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"lamp.lua": "shown", "./lamp.lua": "shown", up: "", outside: "", "link.lua": "", "dir.lua": "", "none.lua": ""} {
		f := file{out: &File{Path: filepath.Join(dir, "a_test.lua"), App: dir}}
		if got := f.failureAt(name+":1: boom", ""); got.Source != want || got.Message != "boom" || got.Line != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
