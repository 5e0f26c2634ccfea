//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ticking starts a run in real time of a program that prints without end, and waits
// until it does. errors is what it has to say.
func ticking(t *testing.T, dir string, args ...string) (run *exec.Cmd, errors *bytes.Buffer) {
	t.Helper()
	app := filepath.Join(dir, "app")
	if err := os.Mkdir(app, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "init.lua"), []byte(`tmr.create():alarm(20, 1, function() print("tick") end)`), 0o666); err != nil {
		t.Fatal(err)
	}
	errors = new(bytes.Buffer)
	run = exec.Command("nodemcu-sim", append(append([]string{"run", "--net", "isolated"}, args...), "app")...)
	run.Dir, run.Stderr = dir, errors
	printed, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill() })
	lines := bufio.NewScanner(printed)
	await(t, lines, "tick")
	go func() {
		for lines.Scan() {
		}
	}()
	return run, errors
}

// within fails the test when a run does not end in time, and returns how it did.
func within(t *testing.T, d time.Duration, run *exec.Cmd) error {
	t.Helper()
	timer := time.AfterFunc(d, func() {
		t.Errorf("the run goes on")
		run.Process.Kill()
	})
	defer timer.Stop()
	return run.Wait()
}

func pipe(t *testing.T, dir string) (name string) {
	t.Helper()
	name = filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A terminal that goes away ends the run, and what was buffered is in the file.
func TestHangup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// Where the tests themselves were started by nohup, this has what they start not ignore it.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	run, errors := ticking(t, dir, "--events", "e.json")
	if err := run.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if err := within(t, 10*time.Second, run); err != nil {
		t.Errorf("%v: %s", err, errors)
	}
	data, err := os.ReadFile(filepath.Join(dir, "e.json"))
	if err != nil || !strings.Contains(string(data), "tick") || !strings.HasSuffix(string(data), "}\n") {
		t.Errorf("%v: %d bytes of events", err, len(data))
	}
}

// nohup starts programs that a hangup does not concern.
func TestHangupIgnored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte(`print("up")`), 0o666); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("sh", "-c", "trap '' HUP; exec nodemcu-sim run --net isolated --clock virtual --input - --input-eof run --expect 'still there' "+dir)
	stdin, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	printed, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(printed)
	await(t, lines, "up")
	if err := run.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if _, err := stdin.Write([]byte("=\"still\" .. \" there\"\n")); err != nil {
		t.Fatal(err)
	}
	await(t, lines, "still there")
	if err := within(t, 10*time.Second, run); err != nil {
		t.Error(err)
	}
}

// A pipe that nobody reads is an error.
func TestPipeWithoutReader(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--events", "--pcap"} {
		dir := t.TempDir()
		name := pipe(t, dir)
		run := exec.Command("nodemcu-sim", "run", "--clock", "virtual", "--for", "1s", flag, name, dir)
		out, err := run.CombinedOutput()
		if code := run.ProcessState.ExitCode(); err == nil || code != exitUsage || !strings.Contains(string(out), flag+": nobody reads the pipe") {
			t.Errorf("%s: status %d: %s", flag, code, out)
		}
	}
}

// A reader that has stopped holds the run, but not the first signal.
func TestPipeReaderStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := pipe(t, dir)
	reader, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	run, errors := ticking(t, dir, "--events", name, "--speed", "1000")
	time.Sleep(time.Second) // until the pipe is full
	if err := run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	err = within(t, 10*time.Second, run)
	if code := run.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(errors.String(), "--events: the reader of the pipe has stopped") {
		t.Errorf("status %d, %v: %s", code, err, errors)
	}
}

// A reader that goes away ends the run.
func TestPipeReaderGoesAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := pipe(t, dir)
	reader, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	run, errors := ticking(t, dir, "--events", name, "--speed", "100")
	reader.Close()
	within(t, 10*time.Second, run)
	if code := run.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(errors.String(), "--events: broken pipe") {
		t.Errorf("status %d: %s", code, errors)
	}
}

// Standard output that is full or closed ends the run with an error, and the files are
// complete.
func TestStandardOutput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte(`tmr.create():alarm(20, 1, function() print("tick") end)`), 0o666); err != nil {
		t.Fatal(err)
	}
	closed, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("this host has no device that is always full: %v", err)
	}
	for _, test := range []struct {
		out  *os.File
		want string
	}{{w, "broken pipe"}, {full, "no space left on device"}} {
		var errors bytes.Buffer
		run := exec.Command("nodemcu-sim", "run", "--net", "isolated", "--events", "e.json", ".")
		run.Dir, run.Stdout, run.Stderr = dir, test.out, &errors
		if err := run.Start(); err != nil {
			t.Fatal(err)
		}
		within(t, 10*time.Second, run)
		if code := run.ProcessState.ExitCode(); code != exitUsage || !strings.HasSuffix(errors.String(), "nodemcu-sim: standard output: "+test.want+"\n") {
			t.Errorf("status %d: %s", code, &errors)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "e.json")); err != nil || !strings.HasSuffix(string(data), "}\n") {
			t.Errorf("events: %v, %d bytes", err, len(data))
		}
	}
	for _, args := range [][]string{{"version"}, {"boards"}, {"boards", "esp-01"}, {"modules"}, {"modules", "tmr"}, {"run", "--help"}} {
		run := exec.Command("nodemcu-sim", args...)
		run.Stdout = full
		if run.Run(); run.ProcessState.ExitCode() != exitUsage {
			t.Errorf("%v: status %d", args, run.ProcessState.ExitCode())
		}
	}
}
