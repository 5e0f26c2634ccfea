package luatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

// coverApp is an app with tests, a further device and files that are no source.
func coverApp(t *testing.T) string {
	dir := write(t, map[string]string{
		"init.lua": "lamp = require(\"lamp\")\nlamp.set(1)\n",
		"lamp.lua": `local M = {}
function M.set(x)
  if x == 1 then
    M.on = true
  elseif x == 0 then
    M.on = false
  else
    error("no such level: " .. x)
  end
  return M.on
end
function M.blink(n)
  for i = 1, n do
    M.set(i % 2)
  end
end
return M
`,
		"never.lua":  "local function never()\n  return 1\nend\nreturn {a = function() end, b = function() end}\n",
		"broken.lua": "x = = 2\n",
		"alone.lc":   "\x1bLua",
		"one_test.lua": `it("blinks", function() lamp.blink(4) assert.is_false(pcall(lamp.set, 7)) end)
it("resets the device", function() node.restart() sim.advance(500) end)
it("goes on", function() lamp.set(0) end)
`,
		"two_test.lua": `it("has another device", function()
  sim.device{dir = "other"}
  sim.device{dir = "other"}
  sim.device{dir = "."}
  sim.advance(1000)
end)
it("changes the flash", function()
  node.compile("lamp.lua") dofile("lamp.lc").set(1)
  file.putcontents("never.lua", "return 5") assert.are.equal(5, dofile("never.lua"))
  loadstring("local x = 1\nlocal y = 2")()
end)
`,
	})
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other", "init.lua"), []byte("local n = 0\nfor i = 1, 3 do\n  n = n + i\nend\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	return dir
}

// told is a report as text, with how often lines ran and functions were called.
func told(r *lcov.Report) string {
	var b strings.Builder
	for _, f := range r.Files() {
		fmt.Fprintf(&b, "%s:", f.Path)
		for _, l := range f.Lines() {
			fmt.Fprintf(&b, " %d:%d", l.Number, l.Hits)
		}
		for _, fn := range f.Functions() {
			fmt.Fprintf(&b, " %s=%d", fn.Name, fn.Hits)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Counted is what ran of the apps on all boots of all devices of all files.
func TestCoverage(t *testing.T) {
	coverApp(t)
	_, s := ran(t, Options{Seed: 1, Coverage: true})
	// init.lua runs on two boots of one_test, since the device is booted anew for what comes
	// behind the reset, on that of two_test and on its third further device.
	const want = `init.lua: 1:4 2:4
lamp.lua: 1:4 2:4 3:10 4:6 5:4 6:3 8:1 10:9 11:4 12:4 13:5 14:4 16:5 17:4 M.set=10 M.blink=1
never.lua: 2:0 3:0 4:0 never=0 a=0 b=0
other/init.lua: 1:2 2:8 3:6 4:2
`
	if got := told(s.Coverage.Report); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	notes := strings.Join(s.Coverage.Notes, "\n")
	for _, want := range []string{
		"alone.lc is not counted: its source is not on the flash",
		"broken.lua is not counted: broken.lua:1: unexpected symbol near '='",
		"lamp.lc is not counted where it ran: it has no line information",
		"never.lua is not counted where it ran: the code that ran under its name is not that of the file",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("%q is not in\n%s", want, notes)
		}
	}
	if n := len(s.Coverage.Notes); n != 4 {
		t.Errorf("%d notes:\n%s", n, notes)
	}
	if src := string(s.Coverage.Sources["init.lua"]); !strings.HasPrefix(src, "lamp = ") {
		t.Errorf("the source is %q", src)
	}
}

// Repeated runs add up, in parallel or not, and the same each time.
func TestCoverageAddsUp(t *testing.T) {
	coverApp(t)
	var all []string
	for _, o := range []Options{{Parallel: 1}, {Parallel: 4}, {Parallel: 4}} {
		o.Seed, o.Repeat, o.Coverage = 1, 3, true
		_, s := ran(t, o)
		all = append(all, told(s.Coverage.Report)+strings.Join(s.Coverage.Notes, "\n"))
	}
	if all[0] != all[1] || all[1] != all[2] {
		t.Errorf("one\n%s\nanother\n%s\nand\n%s", all[0], all[1], all[2])
	}
	if !strings.HasPrefix(all[0], "init.lua: 1:12 2:12\n") {
		t.Errorf("three times is\n%s", all[0])
	}
}

// A test whose app is counted does the same at the same time and with the same heap.
func TestCoverageChangesNothing(t *testing.T) {
	run := func(o Options) string {
		var b strings.Builder
		o.Seed = 1
		c, _ := ran(t, o)
		for _, f := range c.files {
			fmt.Fprintln(&b, f.Path, f.Virtual, f.Boots)
			for _, x := range f.Tests {
				fmt.Fprintln(&b, x.FullName(), x.Status, x.Virtual, x.LeastHeap, x.Heap, x.Packets, x.Failures, x.Log, x.PostMortem)
			}
		}
		return b.String()
	}
	for _, o := range []Options{{Paths: []string{"testdata/sim"}}, {Paths: []string{"testdata/api"}}, {Paths: []string{"testdata/sim"}, Shared: true}} {
		without := run(o)
		o.Coverage = true
		if with := run(o); with != without {
			t.Errorf("%v: without coverage\n%s\nwith\n%s", o.Paths, without, with)
		}
	}
}

func TestCoverageOfWhatDoesNotStart(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": "local x = 1\nerror('no')\nx = 2\n", "a_test.lua": "it('is', function() end)"})
	t.Chdir(dir)
	_, s := ran(t, Options{Coverage: true})
	if got := told(s.Coverage.Report); s.Unloaded != 1 || got != "init.lua: 1:1 2:1 3:0\n" {
		t.Errorf("%+v\n%s", s, got)
	}
	_, s = ran(t, Options{Coverage: true, NoInit: true})
	if got := told(s.Coverage.Report); got != "init.lua: 1:0 2:0 3:0\n" {
		t.Errorf("with --no-init\n%s", got)
	}
	if _, s := ran(t, Options{}); s.Coverage != nil {
		t.Error("counted though nobody asked")
	}
}

// The report is one that genhtml reads, and it finds the sources.
func TestGenhtml(t *testing.T) {
	genhtml := need.Program(t, "genhtml")
	coverApp(t)
	_, s := ran(t, Options{Coverage: true})
	file, err := os.Create("lcov.info")
	if err == nil {
		err = s.Coverage.Report.Write(file)
	}
	if err := err; err != nil {
		t.Fatal(err)
	}
	file.Close()
	out, err := exec.Command(genhtml, "-o", "html", "lcov.info").CombinedOutput()
	if err != nil || regexp.MustCompile(`(?i)warn|error`).Match(out) {
		t.Fatalf("%v\n%s", err, out)
	}
	lines, functions := s.Coverage.Report.Lines(), s.Coverage.Report.Functions()
	for _, want := range []string{fmt.Sprintf("(%d of %d lines)", lines.Hit, lines.Found), fmt.Sprintf("(%d of %d functions)", functions.Hit, functions.Found)} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	var pages int
	err = filepath.WalkDir("html", func(name string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(name, ".gcov.html") {
			pages++
		}
		return err
	})
	if err != nil || pages != 4 {
		t.Errorf("%d pages of sources: %v", pages, err)
	}
}
