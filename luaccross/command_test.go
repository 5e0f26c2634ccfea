package luaccross

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
)

func TestCLong(t *testing.T) {
	for s, want := range map[string]int64{
		"": 0, "x": 0, "12": 12, " \t12": 12, "12x": 12, "-5": -5, "+5": 5, "0x10": 16, "0X1f": 31, "010": 8, "08": 0, "0": 0, "0x": 0, "0xg": 0, "-0x10": -16, "--1": 0,
		"0x40280000": 0x40280000, "9223372036854775807": math.MaxInt64, "99999999999999999999999": math.MaxInt64, "0xffffffffffffffffffff": math.MaxInt64, "1a": 1,
	} {
		if got := cLong(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// outcome is what a run has given.
type outcome struct {
	status         int
	stdout, stderr string
	left           map[string][]byte
}

func run1(t *testing.T, files map[string]string, args ...string) (o outcome) {
	t.Helper()
	o.status, o.stdout, o.stderr, o.left = inDirectory(t, 1, files, args)
	return o
}

// What the command line means, beyond what was measured.
func TestCommandLine(t *testing.T) {
	files := map[string]string{"a.lua": "return 1", "b.lua": "return 2", "-l": "return 3", "deep.lua": strings.Repeat("do ", 300)}
	for _, x := range []struct {
		args   string
		status int
		stdout string // begins with
		stderr string // begins with
		left   string
	}{
		{"-v", 0, release + "\n", "", ""},
		{"-v -v", 0, release + "\n", "", ""},
		{"-v --", 0, release + "\n", "", ""},
		{"-v a.lua", 0, release + "\n", "", "luac.out"},
		{"-v -l", 1, release + "\n", "luac.cross: cannot open luac.out: No such file or directory\n", ""},
		{"-v -s", 1, release + "\n", "luac.cross: no input files given\nusage: luac.cross [options]", ""},
		{"-v -x", 1, "", "luac.cross: unrecognized option '-x'\n", ""},
		{"-s", 1, "", "luac.cross: no input files given\n", ""},
		{"-lp a.lua", 1, "", "luac.cross: unrecognized option '-lp'\n", ""},
		{"-- -l", 0, "", "", "luac.out"},
		{"-o", 1, "", "luac.cross: '-o' needs argument\nusage", ""},
		{"-a", 1, "", "luac.cross: '-a' needs argument\nusage", ""},
		{"-m", 1, "", "luac.cross: '-m' needs argument\nusage", ""},
		{"-e -l a.lua", 1, "", "luac.cross: '-e' needs argument\nusage", ""},
		{"a.lua -l", 0, "", "", "luac.out"}, // a file of that name
		{"a.lua -x", 1, "", "luac.cross: cannot open -x: No such file or directory\n", ""},
		{"-p a.lua b.lua", 0, "", "", ""},
		{"-f -p a.lua", 0, "", "", ""},
		{"-i -l -p a.lua", 0, "\nmain <(luac):0,0> (10 instructions, 40 bytes at 0x1)\n1 param, 4 slots", "", ""},
		{"-l -p a.lua b.lua", 0, "\nmain <(luac):0,0> (5 instructions, 20 bytes at 0x1)\n0 params, 1 slot", "", ""},
		{"-o - -s a.lua", 0, "\x1bLua", "", ""},
		{"-f -o - a.lua", 0, "Image size: 388\n\x1f\x8b", "", ""},
		{"-m 0 a.lua", 1, "Image size: 388\n", "luac.cross: The image is too large for specfied LFS size\n", "luac.out"},
		{"-m -4096 a.lua", 0, "Image size: 388\n", "", "luac.out"},
		{"-m 4097 a.lua", 1, "", "luac.cross: '-e' maximum size must be a multiple of 4,096\nusage", ""},
		{"-a 0x4020ffff a.lua", 1, "", "luac.cross: '-e' absolute address must be valid flash address\nusage", ""},
		{"-a 0x40310001 a.lua", 1, "", "luac.cross: '-e' absolute address must be valid flash address\nusage", ""},
		{"-a 1075904512 a.lua", 0, "Image size: 388\n", "", "luac.out"},
		{"-o x/y a.lua", 1, "", "luac.cross: cannot open x/y: No such file or directory\n", ""},
		{"-o . a.lua", 1, "", "luac.cross: cannot open .: Is a directory\n", ""},
		{".", 1, "", "luac.cross: cannot read .: Is a directory\n", ""},
		{"-p deep.lua", 1, "", "luac.cross: deep.lua:1: chunk has too many syntax levels\n", ""},
	} {
		o := run1(t, files, strings.Fields(x.args)...)
		var left []string
		for name := range o.left {
			left = append(left, name)
		}
		if o.status != x.status || !strings.HasPrefix(o.stdout, x.stdout) || (x.stdout == "") != (o.stdout == "") ||
			!strings.HasPrefix(o.stderr, x.stderr) || (x.stderr == "") != (o.stderr == "") || strings.Join(left, " ") != x.left {
			t.Errorf("%s: status %d, output %q, errors %q, left %q", x.args, o.status, o.stdout, o.stderr, left)
		}
	}
}

func TestStdin(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"return 1", "main <stdin:0,0> (3 instructions"},
		{"#!/bin/lua\nreturn 1", "[2]\tLOADK"},
		{"return", "main <stdin:0,0> (2 instructions"},
	} {
		var out, errs bytes.Buffer
		c := Command{Name: "l", Stdin: strings.NewReader(x.text), Stdout: &out, Stderr: &errs, Now: time.Now}
		if status := c.Run([]string{"-l", "-p", "-"}); status != 0 || !strings.Contains(out.String(), x.want) {
			t.Errorf("%q: status %d, %s%s", x.text, status, out.String(), errs.String())
		}
	}
	var out, errs bytes.Buffer
	c := Command{Name: "l", Stdin: endless{}, Stdout: &out, Stderr: &errs, Now: time.Now}
	if status := c.Run([]string{"-p", "-"}); status != 1 || errs.String() != "l: cannot read stdin: it has more than 4194304 bytes\n" {
		t.Errorf("endless input: status %d, %s", status, errs.String())
	}
}

// endless is input without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestScripts(t *testing.T) {
	for _, x := range []struct {
		name, script   string
		args           string
		status         int
		stdout, stderr string
	}{
		{"its name", `print(#{...}, ...)`, "-e s.lua", 0, "1\ts.lua\n", ""},
		{"the firmware's library", `print(type(string.dump), debug.traceback(""):match("s.lua:1"), table.concat{1, 2})`, "-e s.lua", 0, "function\ts.lua:1\t12\n", ""},
		{"the device's numbers, but for what is folded", `local two = 2 print(two ^ 4 == 16, 2 ^ 4 == 16)`, "-e s.lua", 0, "false\ttrue\n", ""},
		{"no function: only the files", `return 5`, "-e s.lua -l -p a.lua", 0, "\nmain <a.lua:0,0> (3 instructions, 12 bytes at 0x1)\n0+ params", ""},
		{"a function goes first", `return function(a) end`, "-e s.lua -i -l -p a.lua", 0, "\nmain <(luac):0,0> (15 instructions, 60 bytes at 0x1)\n1 param", ""},
		{"with -l alone the default file is meant", `print(1)`, "-e s.lua -l", 1, "1\n", "luac.cross: cannot open luac.out: No such file or directory\n"},
		{"other files", `print(loadfile("a.lua")(), pcall(dofile, "none.lua")) return require`, "-e s.lua", 1, "1\tfalse\tcannot open none.lua: \n",
			"luac.cross: s.lua: the function that it returns is none of Lua\n"},
		{"a mistake", `x =`, "-e s.lua", 1, "", "luac.cross: s.lua:1: unexpected symbol near '<eof>'\n"},
		{"an error without words", `error({})`, "-e s.lua", 1, "", "luac.cross: (null)\n"},
		{"an error that is a number", `error(7, 0)`, "-e s.lua", 1, "", "luac.cross: 7\n"},
		{"memory", `local t = {} for i = 1, 1e9 do t[i] = {} end`, "-e s.lua", 1, "", "luac.cross: not enough memory\n"},
		{"recursion", `local function f() return 1 + f() end f()`, "-e s.lua", 1, "", "luac.cross: s.lua:1: stack overflow\n"},
		{"what luac.cross has besides", `pcall(function() io.write("x") end) os.exit()`, "-e s.lua", 1, "",
			"luac.cross: hint: there is no io here; scripts have the firmware's standard library\n" +
				"luac.cross: hint: there is no os here; scripts have the firmware's standard library\n" +
				"luac.cross: s.lua:1: attempt to index global 'os' (a nil value)\n"},
	} {
		o := run1(t, map[string]string{"s.lua": x.script, "a.lua": "return 1"}, strings.Fields(x.args)...)
		if o.status != x.status || !strings.HasPrefix(o.stdout, x.stdout) || o.stderr != x.stderr {
			t.Errorf("%s: status %d, output %q, errors %q", x.name, o.status, o.stdout, o.stderr)
		}
	}
}

// A function that a script returns is a module with the script's name.
func TestScriptModule(t *testing.T) {
	o := run1(t, map[string]string{"make.lua": "return function(a) return a .. '!' end", "b.lua": "return 2"}, "-f", "-e", "make.lua", "-o", "o.img", "b.lua")
	image, err := lfs.Read(o.left["o.img"])
	if err != nil {
		t.Fatal(err, o.stderr)
	}
	c, err := image.Content()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Modules) != 2 || c.Modules[0].Name != "make" || c.Modules[0].Proto.Params != 1 || c.Modules[1].Name != "b" {
		t.Errorf("%+v", c.Modules)
	}
}

// Who reads the output may go away: a script ends then.
func TestUnreadOutput(t *testing.T) {
	t.Chdir(t.TempDir())
	var errs bytes.Buffer
	c := Command{Name: "l", Stdin: strings.NewReader(`while true do print(1) end`), Stdout: closed{}, Stderr: &errs, Now: time.Now}
	write(t, "loop.lua", `while true do print(1) end`)
	if status := c.Run([]string{"-e", "loop.lua"}); status != 1 || errs.Len() > 0 {
		t.Errorf("status %d, %q", status, errs.String())
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

func TestTooMuch(t *testing.T) {
	big := func(c string, n int) string { return "return '" + strings.Repeat(c, n) + "'" }
	o := run1(t, map[string]string{"a.lua": big("a", 140000), "b.lua": big("b", 140000)}, "-f", "-o", "o.img", "a.lua", "b.lua")
	if o.status != 1 || o.stderr != "luac.cross: Out of Flash memory\n" || o.stdout != "" || len(o.left["o.img"]) != 0 {
		t.Errorf("two large modules: %+v", o)
	}
	o = run1(t, map[string]string{"a.lua": big("a", maxFile)}, "-p", "a.lua")
	if o.status != 1 || o.stderr != fmt.Sprintf("luac.cross: cannot read a.lua: it has more than %d bytes\n", maxFile) {
		t.Errorf("a large file: %s", o.stderr)
	}
	o = run1(t, map[string]string{"a.lua": "return 1"}, append([]string{"-p"}, strings.Fields(strings.Repeat("a.lua ", 8000))...)...)
	if o.status != 1 || o.stderr != "luac.cross: too many input files\n" {
		t.Errorf("8000 files: %s", o.stderr)
	}
	var parts strings.Builder
	for i := range 1 << 18 {
		fmt.Fprintf(&parts, "a=%d.5 ", i)
	}
	o = run1(t, map[string]string{"a.lua": parts.String()}, "-p", "a.lua")
	if o.status != 1 || !strings.HasPrefix(o.stderr, "luac.cross: a.lua:1: ") {
		t.Errorf("more constants than there can be: status %d, %s", o.status, o.stderr)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}
