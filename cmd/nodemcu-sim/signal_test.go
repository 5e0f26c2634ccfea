//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// SIGUSR1 writes a snapshot and the run goes on.
func TestSnapshotSignal(t *testing.T) {
	dir := t.TempDir()
	app := filepath.Join(dir, "app")
	if err := os.Mkdir(app, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(app, "init.lua"), []byte(`kept = {1, 2, 3} print("ready")`), 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nodemcu-sim", "run", "--headless", "--net", "isolated", "--heap-snapshot", "h.json", "app")
	cmd.Dir = dir
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	w.Close()
	lines := bufio.NewScanner(r)
	await(t, lines, "ready")
	for _, name := range []string{"h-1.json", "h-2.json"} {
		if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		await(t, lines, "heap snapshot: "+name)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
	for _, name := range []string{"h-1.json", "h-2.json", "h.json"} {
		file, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		s, err := snapshot.Read(file)
		file.Close()
		if err != nil || !s.Tracked || len(s.Objects) < 10 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An interrupt ends a run that waits for its input, though the world stands still.
func TestInterruptWhileWaiting(t *testing.T) {
	run, out, pipe := startWithPipe(t, "--input", "-")
	if _, err := pipe.WriteString("print('one')\n"); err != nil {
		t.Fatal(err)
	}
	await(t, out, "device time stands still")
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
}
