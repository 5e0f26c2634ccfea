// Package readme is for tests of pages that show commands with what they print: it runs
// each and compares.
//
// A command stands in a block of its own:
//
//	```console
//	$ nodemcu-sim run …
//	what it prints
//	...
//	```
//
// where "..." stands for lines that are left out. Numbers may differ, but for line numbers
// of programs: they change when a price or a size in the simulator does. With the
// environment variable UPDATE set, the page is rewritten.
package readme

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/sources"
)

// Page is one, and how it is run.
type Page struct {
	File string
	Dir  string // where commands run
	// Replace, if set, changes a command before it runs.
	Replace func(command string) string
	// Status, if set, is the exit status that a command has to end with, else 0.
	Status func(command string) int
}

var blocks = regexp.MustCompile("(?s)```console\n\\$ ([^\n]*)\n(.*?)```\n")

// Run runs the page's commands in order, and returns how many there are. nodemcu-sim is the
// one of this source.
func (p Page) Run(t *testing.T) int {
	t.Helper()
	sources.Watch(t)
	text, err := os.ReadFile(p.File)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "nodemcu-sim"), "github.com/nodemcu-sim/nodemcu-sim/cmd/nodemcu-sim")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found := blocks.FindAllSubmatch(text, -1)
	update := os.Getenv("UPDATE") != ""
	for _, b := range found {
		command, want := string(b[1]), linesOf(b[2])
		if p.Replace != nil {
			command = p.Replace(command)
		}
		status, out := p.run(t, bin, command)
		wanted := 0
		if p.Status != nil {
			wanted = p.Status(command)
		}
		if status != wanted {
			t.Errorf("%s\nends with status %d, not %d:\n%s", command, status, wanted, out)
		}
		got := linesOf(out)
		if shown := shown(got, want); update && shown != nil {
			block := fmt.Sprintf("```console\n$ %s\n%s\n```\n", command, strings.Join(shown, "\n"))
			text = bytes.Replace(text, b[0], []byte(block), 1)
		} else if shown == nil || !same(shown, want) {
			t.Errorf("%s\nprints\n%s\n%s says\n%s", command, strings.Join(got, "\n"), p.File, strings.Join(want, "\n"))
		}
	}
	if update {
		if err := os.WriteFile(p.File, text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return len(found)
}

// run runs a command as a shell does.
func (p Page) run(t *testing.T, bin, command string) (status int, out []byte) {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = p.Dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"), "PPROF_TMPDIR="+p.Dir)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", command, err)
	}
	return cmd.ProcessState.ExitCode(), out
}

func linesOf(text []byte) []string {
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

var (
	lineOf = regexp.MustCompile(`[\w-]+\.lua:\d+`)
	number = regexp.MustCompile(`[-+]?\d+(\.\d+)?`)
	unit   = regexp.MustCompile(`\b0 (µs|ms|s)\b`)
	spaces = regexp.MustCompile(` +`)
)

// shape is a line without its numbers, but for line numbers of programs.
func shape(line string) string {
	var keep []string
	line = lineOf.ReplaceAllStringFunc(line, func(s string) string { keep = append(keep, s); return "\x00" })
	line = unit.ReplaceAllString(number.ReplaceAllString(line, "0"), "0 s")
	for _, k := range keep {
		line = strings.Replace(line, "\x00", k, 1)
	}
	return strings.TrimSpace(spaces.ReplaceAllString(line, " "))
}

// same compares line by line.
func same(got, want []string) bool {
	return slices.EqualFunc(got, want, func(a, b string) bool { return shape(a) == shape(b) })
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
