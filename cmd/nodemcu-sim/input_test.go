package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startWithPipe starts a virtual run of a program that only says "ready", with a
// pipe as its standard input. out is what it prints.
func startWithPipe(t *testing.T, args ...string) (run *exec.Cmd, out *bufio.Scanner, pipe *os.File) {
	t.Helper()
	app := t.TempDir()
	if err := os.WriteFile(filepath.Join(app, "init.lua"), []byte(`print("ready")`), 0o666); err != nil {
		t.Fatal(err)
	}
	stdin, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	printed, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"run", "--clock", "virtual", "--net", "isolated"}, append(args, app)...)
	run = exec.Command("nodemcu-sim", args...)
	run.Stdin, run.Stdout, run.Stderr = stdin, stdout, stdout
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	stdout.Close()
	t.Cleanup(func() { pipe.Close(); printed.Close(); run.Process.Kill() })
	return run, bufio.NewScanner(printed), pipe
}

// await reads until a line has this text.
func await(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("the program ended without %q", text)
}

// A pipe that somebody left open and that stays silent does not stop a run in
// virtual time for ever.
func TestSilentPipe(t *testing.T) {
	run, out, _ := startWithPipe(t)
	await(t, out, "standard input: it is open and nothing comes")
	await(t, out, "got IP")
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

// Device time waits for input that comes slowly, line by line.
func TestSlowPipe(t *testing.T) {
	run, out, pipe := startWithPipe(t)
	for _, s := range []struct{ typed, want string }{
		{"first = tmr.now()\nprint('one')\n", "one"},
		{"print(tmr.now() - first < 1000000)\n", "true"},
	} {
		if _, err := pipe.WriteString(s.typed); err != nil {
			t.Fatal(err)
		}
		await(t, out, s.want)
	}
	pipe.Close()
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
