//go:build unix

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
)

// killedApp writes a log line by line, and a file of some pages anew each time. It says what it has
// brought to the flash.
const killedApp = `
local n = tonumber((file.getcontents("settings") or "0"):match("%d+"))
tmr.create():alarm(2, tmr.ALARM_AUTO, function()
  n = n + 1
  if file.stat("log") and file.stat("log").size > 8000 then file.rename("log", "log.old") file.remove("log.old") end
  local log = file.open("log", "a")
  log:write(n .. "\n")
  log:flush()
  print("flushed " .. n)
  file.putcontents("new", n .. ("x"):rep(n % 900) .. "\n" .. n)
  file.remove("settings")
  file.rename("new", "settings")
  print("set " .. n)
  log:close()
end)
`

// TestKill ends a run by force, again and again: what the program had flushed is there.
func TestKill(t *testing.T) { killed(t, 10) }

func killed(t *testing.T, times int) {
	for _, kind := range []string{"--flash", "--flash-dir"} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			files := filepath.Join(dir, "flash")
			made := []error{os.Mkdir(filepath.Join(dir, "app"), 0o777), os.WriteFile(filepath.Join(dir, "app", "init.lua"), []byte(killedApp), 0o666)}
			if kind == "--flash-dir" {
				made = append(made, os.Mkdir(files, 0o777))
			}
			for _, err := range made {
				if err != nil {
					t.Fatal(err)
				}
			}
			random := rand.New(rand.NewPCG(1, 2))
			for i := range times {
				flushed, set := killAfter(t, dir, kind, files, 1+random.IntN(300))
				var got map[string]string
				if kind == "--flash" {
					got = onFlashFile(t, files)
				} else {
					got = inDir(t, files)
				}
				if err := survived(got, flushed, set); err != nil {
					t.Fatalf("run %d, which had flushed %d and set %d: %v", i, flushed, set, err)
				}
			}
		})
	}
}

// killAfter runs the app, kills it when it has said so many lines, and returns the last numbers of
// which it has said that they were flushed and set.
func killAfter(t *testing.T, dir, kind, files string, lines int) (flushed, set int) {
	t.Helper()
	run := exec.Command("nodemcu-sim", "run", "--headless", "--clock", "virtual", "--net", "isolated", "--input", "none", kind, files, "app")
	run.Dir = dir
	out, err := run.StdoutPipe()
	if err == nil {
		err = run.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for said := bufio.NewScanner(out); said.Scan(); {
		text := said.Text()
		all += text + "\n"
		if n, ok := strings.CutPrefix(text, "flushed "); ok {
			flushed, _ = strconv.Atoi(n)
		} else if n, ok := strings.CutPrefix(text, "set "); ok {
			set, _ = strconv.Atoi(n)
		}
		if lines--; lines == 0 {
			break
		}
	}
	if lines > 0 {
		t.Fatalf("the run has ended:\n%s", all)
	}
	_ = run.Process.Kill()
	_ = run.Wait() // killed
	return flushed, set
}

// survived says what is wrong with the files behind a kill.
func survived(files map[string]string, flushed, set int) error {
	var now, again int
	settings, _, _ := strings.Cut(files["settings"], "x")
	if settings == "" { // it is between remove and rename
		settings = files["new"]
	}
	if _, err := fmt.Sscan(settings, &now); err != nil && set > 0 || now < set {
		return fmt.Errorf("settings have %d", now)
	}
	if _, last, ok := strings.Cut(files["settings"], "\n"); ok {
		if _, err := fmt.Sscan(last, &again); err != nil || again != now {
			return fmt.Errorf("settings are torn: %.20q", files["settings"])
		}
	}
	if files["log"] == "" {
		return nil // it has just been thrown away
	}
	last := 0
	for i, line := range strings.Split(strings.TrimSuffix(files["log"], "\n"), "\n") {
		n, err := strconv.Atoi(line)
		if err != nil || i > 0 && n > last+1 {
			return fmt.Errorf("the log has %q behind %d", line, last)
		}
		last = n
	}
	if last < flushed {
		return fmt.Errorf("the log ends with %d", last)
	}
	return nil
}

func onFlashFile(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := app.OpenFlash(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if faults := f.FS.Check(); len(faults) > 0 {
		t.Errorf("%v", faults)
	}
	got := map[string]string{}
	for _, s := range f.FS.List() {
		data, _ := f.FS.Peek(s.Name)
		got[s.Name] = string(data)
	}
	return got
}

func inDir(t *testing.T, name string) map[string]string {
	t.Helper()
	got := map[string]string{}
	entries, err := os.ReadDir(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(name, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		got[e.Name()] = string(data)
	}
	return got
}
