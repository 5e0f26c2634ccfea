package main

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"nodemcu-sim": main, "luac.cross": main})
}

// The scripts in testdata/script run the command as a person would. With the
// environment variable UPDATE set, what they compare is rewritten.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": wantStatus, "timeless": timeless, "timeless-same": timelessSame, "appears": appears},
	})
}

// wantStatus is the script command "status N PROGRAM ARG…": the program must end
// with exit status N.
func wantStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program [arg...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// appears is the script command "appears FILE PATTERN": it waits until a program that runs in
// the background has written that.
func appears(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: appears FILE PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	var text []byte
	for range 600 {
		if text, err = os.ReadFile(ts.MkAbs(args[0])); err == nil && pattern.Match(text) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s does not come to have %q:\n%s", args[0], args[1], text)
}

// times are what differs from run to run in the output of test, and the device's times
// with it.
var times = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`[0-9.]+ (µs|ms|s) on the device(, [0-9.]+ (µs|ms|s)( on this computer)?)?`), "TIME on the device"},
	{regexp.MustCompile(`("(virtual_us|wall_ns|least_heap)":)\d+`), "${1}0"},
	{regexp.MustCompile(`((time="|name="device_time" value="|device time |device_time_us: ))[0-9.]+`), "${1}0"},
	{regexp.MustCompile(`\[ *\d+\.\d{6}\]`), "[TIME]"},
	{regexp.MustCompile(`"app":"[^"]*"`), `"app":"APP"`},
}

// timeless is the script command "timeless FILE": the output of the program before, without
// times.
func timeless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: timeless FILE")
	}
	text := ts.ReadFile("stdout")
	for _, x := range times {
		text = x.pattern.ReplaceAllString(text, x.to)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

// walls are times of this computer in reports.
var walls = regexp.MustCompile(`"wall_ns":\d+| time="[0-9.]+"|[0-9.]+ (µs|ms|s) (here|on this computer)`)

// timelessSame is the script command "timeless-same FILE FILE": reports that are the same but
// for times of this computer.
func timelessSame(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: timeless-same FILE FILE")
	}
	var texts [2]string
	for i, name := range args {
		texts[i] = walls.ReplaceAllString(ts.ReadFile(name), "TIME")
	}
	if texts[0] != texts[1] {
		ts.Fatalf("%s is\n%s\nand %s is\n%s", args[0], texts[0], args[1], texts[1])
	}
}
