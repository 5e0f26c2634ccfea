package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/report"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// testFlags are the flags of test as they were given.
type testFlags struct {
	tests    luatest.Options
	run      string
	list     bool
	timeout  time.Duration
	testHeap string
	format   string
	junit    string
	html     string
	color    string
	watch    bool
	explore  exploreFlags
	shard    shardFlags
	coverage coverageFlags

	given *pflag.FlagSet
}

// formats are the values of --format.
var formats = []string{"text", "tap", "junit", "json", "github"}

func testCommand() *cobra.Command {
	var f testFlags
	c := &cobra.Command{
		Use:   "test [flags] [FILE or DIR...]",
		Short: "Run tests that are written in Lua, each file on a device of its own",
		Long: `Run the tests in *_test.lua and *.test.lua: the files given, and those below the
directories given, or below the current one. Each file gets a device that has just
booted, in a world of its own and in virtual time, with the app's directory as its
flash: the nearest one above the file with a nodemcu-sim.toml, else with an init.lua, or
the file's own.
Files run in parallel. What tests can do is in docs/test-api.md and docs/sim.md, how
to run them in docs/lua-tests.md.

Tests are no part of the app: they run beside the device and take neither its heap nor
its time until the app holds what they have made (with --test-heap shared they are a
program on the device), and they are not on its flash (but with --on-flash). The network
ends in the world.

A test fails when an assertion does not hold, on an error, when it is not over in time
or resets the device; what is left of the file then runs on a device that has been
booted anew. What is told of a failure ends with the command that repeats it: with the
same seed, everything happens again.

--explore N looks for faults around each test under which it fails: packets that are
late, lost or doubled, timers and tasks that are late, power that goes at a write to
flash, and how little heap will do. A case that fails is made as small as it can be
before it is told, and the command that repeats it has it as --faults.

--shard runs a part of the files, so that several machines share them; nodemcu-sim merge
joins their reports. docs/ci.md has CI files.

Formats of standard output: text; tap (version 14); junit (XML); json (a line for each
event); github (text, and an annotation for each failure).

With --coverage, --coverage-html or --coverage-min it is counted how often each line
and function of the app ran, over all files and devices. Files that were never loaded
count, too; test files do not. A summary follows the text, or goes to standard error
where standard output has another format.

Exit status: 0 when all tests passed, 1 when one failed (a time-out is a failure), a
file could not be loaded or less than --coverage-min ran, 2 when something given was
wrong or there was nothing to run.`,
		Example: `  nodemcu-sim test
  nodemcu-sim test --run 'sends a reading' tests
  nodemcu-sim test --junit report.xml --html report ./my-app
  nodemcu-sim test --coverage lcov.info --coverage-html coverage ./my-app
  nodemcu-sim test --repeat 100 --fail-fast --shuffle ./my-app
  nodemcu-sim test --explore 100 ./my-app
  nodemcu-sim test --shard 2/4 --durations durations.xml --junit shard2.xml ./my-app
  nodemcu-sim test --watch ./my-app`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			f.tests.Paths, f.given = args, c.Flags()
			return f.do(c)
		},
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.tests.App, "app", "", "the app's directory (default the nearest one above a file with a nodemcu-sim.toml, else with an init.lua, else the file's)")
	fl.StringVar(&f.run, "run", "", "run the tests whose name, with those of their groups before it, matches this regular expression")
	fl.BoolVar(&f.list, "list", false, "list the tests that would run, with their places, and run none")
	fl.Uint64Var(&f.tests.Seed, "seed", 1, "seed of everything random")
	fl.IntVar(&f.tests.Repeat, "repeat", 1, "run all so often, with seeds that count on")
	fl.BoolVar(&f.tests.Shuffle, "shuffle", false, "run the tests of a file in an order that the seed decides")
	fl.BoolVar(&f.tests.FailFast, "fail-fast", false, "end at the first failure")
	fl.DurationVar(&f.timeout, "timeout", time.Duration(luatest.DefaultTimeout)*time.Microsecond, "how long a test may take on the device")
	fl.DurationVar(&f.tests.WallTimeout, "wall-timeout", luatest.DefaultWallTimeout, "how long a test may take on this computer")
	fl.StringVar(&f.testHeap, "test-heap", "apart", "where tests are: apart (beside the device, of which they take neither heap nor time), or shared (on the device, as a program)")
	fl.StringVar(&f.tests.Net, "net", "isolated", "what the device reaches outside: host, isolated (nothing), or allow=HOST[:PORT],…")
	fl.StringVar(&f.tests.Board, "board", "", "board profile, see nodemcu-sim boards (default from the project file, else nodemcu-v1)")
	fl.StringVar(&f.tests.LFS, "lfs", "", "what is in the Lua Flash Store at boot: a directory of Lua files, or an image (default [lfs] dir of the project file)")
	fl.StringVar(&f.tests.CPU, "cpu", "", "what Lua costs: esp8266, or host, which takes no device time (default from the project file, else esp8266)")
	fl.BoolVar(&f.tests.NoInit, "no-init", false, "do not run the app's init.lua: the tests load what they test")
	fl.BoolVar(&f.tests.OnFlash, "on-flash", false, "leave the test files on the device's flash")
	fl.BoolVar(&f.tests.Update, "update", false, "write the snapshots that differ anew")
	f.explore.add(fl, &f.tests)
	fl.BoolVar(&f.watch, "watch", false, "run again when files change")
	fl.IntVarP(&f.tests.Parallel, "parallel", "j", 0, "how many files run at a time (default as many as there are CPUs)")
	f.shard.add(fl)
	fl.StringVar(&f.format, "format", "text", "what standard output gets: "+strings.Join(formats, ", "))
	fl.StringVar(&f.junit, "junit", "", "write a report as JUnit's XML to this file, too")
	fl.StringVar(&f.html, "html", "", "write a page with logs, heap and packets to index.html in this directory, too")
	f.coverage.add(fl)
	fl.StringVar(&f.color, "color", "auto", "colours in text: auto (in a terminal, unless NO_COLOR is set), always or never")
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{"lua"}, cobra.ShellCompDirectiveFilterFileExt
	}
	for flag, values := range map[string][]string{
		"board": boards.Names(), "net": {"host", "isolated", "allow="}, "cpu": {"esp8266", "host"}, "test-heap": {"shared", "apart"}, "explore-kinds": kindNames(),
		"format": formats, "color": {"auto", "always", "never"},
	} {
		if err := c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // there is no such flag
		}
	}
	if err := c.MarkFlagFilename("durations", "xml"); err != nil {
		panic(err) // there is no such flag
	}
	for _, flag := range []string{"app", "html", "coverage-html"} {
		if err := c.MarkFlagDirname(flag); err != nil {
			panic(err) // there is no such flag
		}
	}
	return c
}

// do runs the tests, once or again and again.
func (f *testFlags) do(c *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	if !f.watch {
		_, err := f.once(c)
		return err
	}
	return f.again(c)
}

// check looks at what was given, and completes the options.
func (f *testFlags) check() error {
	o := &f.tests
	for _, x := range []struct {
		flag, value string
		values      []string
	}{
		{"--format", f.format, formats},
		{"--color", f.color, []string{"auto", "always", "never"}},
		{"--test-heap", f.testHeap, []string{"shared", "apart"}},
	} {
		if err := oneOf(x.flag, x.value, x.values); err != nil {
			return err
		}
	}
	switch {
	case o.Repeat < 1:
		return fmt.Errorf("--repeat takes a number above zero")
	case o.Parallel < 0:
		return fmt.Errorf("--parallel takes a number of files")
	case f.timeout <= 0 || o.WallTimeout <= 0:
		return fmt.Errorf("--timeout and --wall-timeout take a duration above zero, such as 30s")
	case f.list && f.format != "text" && f.format != "json":
		return fmt.Errorf("--list goes with --format text or json")
	case f.list && f.watch:
		return fmt.Errorf("--list and --watch do not go together")
	case f.watch && f.junit+f.html != "":
		return fmt.Errorf("--watch goes without --junit and --html: those are for the run that is kept")
	}
	if o.App != "" {
		if info, err := os.Stat(o.App); err != nil || !info.IsDir() {
			return fmt.Errorf("--app %q: there is no such directory; name the one that holds the app's files", o.App)
		}
	}
	if f.run != "" {
		re, err := regexp.Compile(f.run)
		if err != nil {
			return fmt.Errorf("--run %q: %w; \\ takes a character as it stands, as in \\(", f.run, err)
		}
		o.Run = re
	}
	if err := f.explore.check(f); err != nil {
		return err
	}
	if err := f.shard.check(f.watch); err != nil {
		return err
	}
	if err := f.coverage.check(f); err != nil {
		return err
	}
	o.Timeout, o.Shared = clock.Duration(f.timeout.Microseconds()), f.testHeap == "shared"
	return f.checkDevice()
}

// checkDevice makes a device without files: what is wrong with it then is in the flags.
func (f *testFlags) checkDevice() error {
	dir, err := os.MkdirTemp("", "nodemcu-sim-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a, err := app.New(app.Options{Dir: dir, Board: f.tests.Board, Net: f.tests.Net, CPU: f.tests.CPU})
	if err != nil {
		return inFlags(err)
	}
	a.Close()
	return nil
}

func oneOf(flag, value string, values []string) error {
	if slices.Contains(values, value) {
		return nil
	}
	last := len(values) - 1
	return fmt.Errorf("%s %q: use %s or %s", flag, value, strings.Join(values[:last], ", "), values[last])
}

// reporter is one that writes somewhere.
type reporter interface {
	luatest.Reporter
	Err() error
}

// colored reports whether text on standard output is to have colours.
func (f *testFlags) colored() bool {
	return f.color == "always" || f.color == "auto" && os.Getenv("NO_COLOR") == "" && isTerminal(os.Stdout)
}

// stdout is the reporter of standard output.
func (f *testFlags) stdout(out io.Writer) reporter {
	switch f.format {
	case "tap":
		return report.NewTAP(out, f.repeats)
	case "junit":
		return f.newJUnit(out)
	case "json":
		return report.NewJSON(out, f.repeats)
	case "github":
		return report.NewGitHub(out, f.repeats)
	}
	return report.NewText(out, f.colored(), f.repeats)
}

func (f *testFlags) newJUnit(w io.Writer) *report.JUnit {
	j := report.NewJUnit(w, f.repeats)
	j.Shard = f.shard.of
	return j
}

func (f *testFlags) newHTML(w io.Writer) *report.HTML {
	h := report.NewHTML(w, f.repeats)
	h.Shard = f.shard.of
	return h
}

// once runs the tests and returns the directories that they are made of.
func (f *testFlags) once(c *cobra.Command) (dirs []string, err error) {
	out := standardOutput(c.OutOrStdout(), nil)
	apps := &apps{}
	tests := f.tests
	if tests.Paths, err = f.shard.pick(tests.Paths, c.ErrOrStderr()); err != nil {
		return nil, err
	}
	if f.list {
		return nil, f.tell(tests, out, c.ErrOrStderr())
	}
	shown := []reporter{f.stdout(out)}
	var files []*outputFile
	open := func(flag, name string, make func(io.Writer) reporter) error {
		file, err := createOutput(flag, name, nil)
		if err != nil {
			return err
		}
		files = append(files, file)
		shown = append(shown, make(file))
		return nil
	}
	if f.junit != "" {
		if err := open("--junit", f.junit, func(w io.Writer) reporter { return f.newJUnit(w) }); err != nil {
			return nil, err
		}
	}
	page := func(flag, dir string, make func(io.Writer) reporter) error {
		if dir == "" {
			return nil
		}
		name, err := pageIn(flag, dir)
		if err != nil {
			return err
		}
		return open(flag, name, make)
	}
	if err := page("--html", f.html, func(w io.Writer) reporter { return f.newHTML(w) }); err != nil {
		return nil, err
	}
	if f.coverage.file != "" {
		if err := open("--coverage", f.coverage.file, func(w io.Writer) reporter { return report.NewLCOV(w) }); err != nil {
			return nil, err
		}
	}
	if err := page("--coverage-html", f.coverage.html, func(w io.Writer) reporter { return report.NewCoverageHTML(w) }); err != nil {
		return nil, err
	}
	switch {
	case !f.coverage.on():
	case f.format == "text" || f.format == "github":
		shown = append(shown, report.NewCoverageText(out, f.format == "text" && f.colored()))
	default:
		shown = append(shown, report.NewCoverageText(c.ErrOrStderr(), false))
	}
	all := []luatest.Reporter{apps}
	for _, r := range shown {
		all = append(all, r)
	}
	s, err := f.shard.run(luatest.Run, tests, all...)
	for _, file := range files {
		err = errors.Join(err, file.finish(func() error { return nil }))
	}
	for _, r := range shown {
		err = errors.Join(err, r.Err())
	}
	if err == nil {
		err = f.outcome(s)
	}
	return apps.dirs, err
}

// outcome is the result of a run as an exit status.
func (f *testFlags) outcome(s luatest.Summary) error {
	short := f.coverage.short(s.Coverage)
	switch {
	case !s.OK() || short != "":
		return &statusError{exitFailed, short}
	case s.Passed+s.Pending+s.Skipped > 0 || f.shard.given(): // others may have the tests
		return nil
	case f.run != "":
		return fmt.Errorf("--run %q matches no test; nodemcu-sim test --list shows the names", f.run)
	}
	return fmt.Errorf("there is no test in what was given: one begins with it(NAME, function() … end); see docs/lua-tests.md")
}

// tell lists the tests.
func (f *testFlags) tell(tests luatest.Options, out *output, errs io.Writer) error {
	var show reporter = &listed{out: out, errs: errs}
	if f.format == "json" {
		show = report.NewJSON(out, nil)
	}
	s, err := f.shard.run(luatest.List, tests, show)
	if err == nil {
		err = show.Err()
	}
	if err != nil {
		return err
	}
	return f.outcome(s)
}

// listed shows tests with their places.
type listed struct {
	out  *output
	errs io.Writer
}

func (l *listed) Begin([]string) {}

func (l *listed) File(f *luatest.File) {
	if why := f.Failure; why != nil {
		file, line := why.File, strconv.Itoa(why.Line)
		if file == "" {
			file, line = f.Path, "1"
		}
		fmt.Fprintf(l.errs, "%s:%s: %s\n", plain(file), line, plain(why.Message))
	}
	for _, t := range f.Tests {
		fmt.Fprintf(l.out, "%s:%d: %s\n", plain(f.Path), t.Line, plain(t.FullName()))
	}
}

func (l *listed) End(luatest.Summary) {}

func (l *listed) Err() error { return l.out.err }

// apps notes the directories of the apps.
type apps struct{ dirs []string }

func (a *apps) Begin([]string)       {}
func (a *apps) End(luatest.Summary)  {}
func (a *apps) File(f *luatest.File) { a.dirs = append(a.dirs, f.App) }

// repeatWith are the flags that a command which repeats a test has, too, as they were given.
var repeatWith = []string{"app", "board", "cpu", "net", "no-init", "on-flash", "test-heap", "timeout", "wall-timeout"}

// repeats is the command that repeats a test alone, or the tests of a file.
func (f *testFlags) repeats(file *luatest.File, t *luatest.Test) string {
	words := []string{"nodemcu-sim", "test"}
	if t != nil && t.PassesAlone {
		t = nil
	}
	flags := repeatWith
	if t == nil {
		flags = append(flags[:len(flags):len(flags)], "run", "shuffle")
	}
	for _, name := range flags {
		flag := f.given.Lookup(name)
		switch {
		case !flag.Changed:
		case flag.Value.Type() == "bool":
			words = append(words, "--"+name+"="+flag.Value.String())
		default:
			words = append(words, "--"+name, shellWord(flag.Value.String()))
		}
	}
	words = append(words, "--seed", strconv.FormatUint(file.Seed, 10))
	if t != nil {
		if t.Faults != "" {
			words = append(words, "--faults", shellWord(t.Faults))
		}
		words = append(words, "--run", shellWord("^"+regexp.QuoteMeta(t.FullName())+"$"))
	}
	return strings.Join(append(words, shellWord(file.Path)), " ")
}

// harmless are words that a shell takes as they stand.
var harmless = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shellWord quotes a word for a shell. Control characters are written as in a regular
// expression, which a name with them is given as.
func shellWord(s string) string {
	if harmless.MatchString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r == '\'':
			b.WriteString(`'\''`)
		default:
			b.WriteRune(r)
		}
	}
	return "'" + b.String() + "'"
}
