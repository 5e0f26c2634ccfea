// Package pressure tests that the README of the example memory-pressure tells the
// truth: it runs every command in it and compares what comes out.
package pressure

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
)

// blocks are the commands of the README with what they print.
var blocks = regexp.MustCompile("(?s)```console\n\\$ ([^\n]*)\n(.*?)```\n")

// TestReadme runs the README's commands in order. Numbers may differ, but for line
// numbers of the program: they change when a price or a size in the simulator does.
// With the environment variable UPDATE set, the README is rewritten.
func TestReadme(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "nodemcu-sim"), "../../cmd/nodemcu-sim")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, app := range []string{"server", "fixed", "crowd"} {
		if err := os.Symlink(filepath.Join(here, app), filepath.Join(dir, app)); err != nil {
			t.Fatal(err)
		}
	}
	found := blocks.FindAllSubmatch(readme, -1)
	if len(found) < 8 {
		t.Fatalf("%d commands in the README", len(found))
	}
	for _, b := range found {
		command, want := string(b[1]), strings.Split(strings.TrimSuffix(string(b[2]), "\n"), "\n")
		if strings.Contains(command, "--path") {
			command = regexp.MustCompile(`--path \d+`).ReplaceAllString(command, fmt.Sprintf("--path %d", response(t, dir)))
		}
		status, out := run(t, dir, command)
		dies := strings.Contains(command, "30s") && strings.Contains(command, "server crowd")
		if dies != (status == 1) || !dies && status != 0 {
			t.Errorf("%s\nends with status %d:\n%s", command, status, out)
		}
		got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if text := shown(got, want); os.Getenv("UPDATE") != "" && text != nil {
			block := fmt.Sprintf("```console\n$ %s\n%s\n```\n", command, strings.Join(text, "\n"))
			readme = bytes.Replace(readme, b[0], []byte(block), 1)
		} else if text == nil || !same(text, want) {
			t.Errorf("%s\nprints\n%s\nthe README says\n%s", command, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("README.md", readme, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, dir, command string) (status int, out string) {
	t.Helper()
	args := strings.Fields(command)
	cmd := exec.Command(args[0], args[1:]...)
	if args[0] == "nodemcu-sim" {
		cmd = exec.Command(filepath.Join(dir, args[0]), args[1:]...)
	}
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+dir)
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	return cmd.ProcessState.ExitCode(), string(b)
}

// response returns the number of a response in the snapshot of the crash.
func response(t *testing.T, dir string) int {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "crash-server.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s, err := snapshot.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	id := 0
	for _, o := range s.Objects {
		if o.Kind == snapshot.String && o.Site == "init.lua:24" && o.Bytes > 2000 && strings.Contains(snapshot.PathText(s.Path(o.ID)), "upvalue response") {
			id = o.ID
		}
	}
	if id == 0 {
		t.Fatal("no response in the snapshot")
	}
	return id
}

var (
	lineOf = regexp.MustCompile(`init\.lua:\d+`)
	number = regexp.MustCompile(`[-+]?\d+(\.\d+)?`)
	spaces = regexp.MustCompile(` +`)
)

// shape is a line without its numbers, but for line numbers of the program.
func shape(line string) string {
	var keep []string
	line = lineOf.ReplaceAllStringFunc(line, func(s string) string { keep = append(keep, s); return "\x00" })
	line = number.ReplaceAllString(line, "0")
	for _, k := range keep {
		line = strings.Replace(line, "\x00", k, 1)
	}
	return strings.TrimSpace(spaces.ReplaceAllString(line, " "))
}

// same compares line by line.
func same(got, want []string) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if shape(got[i]) != shape(want[i]) {
			return false
		}
	}
	return true
}

// shown leaves out of got what want leaves out with "...", nil when that cannot be
// found.
func shown(got, want []string) []string {
	var out []string
	for len(want) > 0 {
		if want[0] != "..." {
			n := len(want)
			for i, line := range want {
				if line == "..." {
					n = i
					break
				}
			}
			if n == len(want) {
				return append(out, got...)
			}
			if len(got) < n {
				return nil
			}
			out, got, want = append(out, got[:n]...), got[n:], want[n:]
			continue
		}
		if len(want) == 1 {
			return append(out, "...")
		}
		at := -1
		for i := range got {
			if shape(got[i]) == shape(want[1]) {
				at = i
				break
			}
		}
		if at < 0 {
			return nil
		}
		out, got, want = append(out, "..."), got[at:], want[1:]
	}
	return out
}
