// Package greenhouse runs the tests of the example tested-app, with all else that its
// README tells.
package greenhouse

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/readme"
)

func TestReadme(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tested-app")
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	page := readme.Page{File: "README.md", Dir: dir, Status: func(command string) int {
		if strings.HasPrefix(command, "sed ") { // the program is broken
			return 1
		}
		return 0
	}}
	if n := page.Run(t); n < 9 {
		t.Errorf("%d commands in the README", n)
	}
}

var (
	shown  = regexp.MustCompile("(?s)```lua\n(.*?)```\n")
	indent = regexp.MustCompile(`(?m)^ +`)
)

// The tests that README.md shows are those that there are.
func TestWhatIsShown(t *testing.T) {
	files, err := filepath.Glob("tests/*.lua")
	if err != nil {
		t.Fatal(err)
	}
	tests := ""
	for _, f := range append(files, "README.md") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if f != "README.md" {
			tests += indent.ReplaceAllString(string(text), "")
			continue
		}
		blocks := shown.FindAllSubmatch(text, -1)
		if len(blocks) < 3 {
			t.Errorf("README.md shows %d tests", len(blocks))
		}
		for _, b := range blocks {
			if !strings.Contains(tests, indent.ReplaceAllString(string(b[1]), "")) {
				t.Errorf("no file has\n%s", b[1])
			}
		}
	}
}
