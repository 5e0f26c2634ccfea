// Package pressure tests that the README of the example memory-pressure tells the
// truth: it runs every command in it and compares what comes out.
package pressure

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/internal/readme"
)

var path = regexp.MustCompile(`--path \d+`)

func TestReadme(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, app := range []string{"server", "fixed", "crowd"} {
		if err := os.Symlink(filepath.Join(here, app), filepath.Join(dir, app)); err != nil {
			t.Fatal(err)
		}
	}
	page := readme.Page{File: "README.md", Dir: dir,
		Replace: func(command string) string {
			if !path.MatchString(command) {
				return command
			}
			return path.ReplaceAllString(command, fmt.Sprintf("--path %d", response(t, dir)))
		},
		Status: func(command string) int {
			if strings.Contains(command, "30s") && strings.Contains(command, "server crowd") { // it dies
				return 1
			}
			return 0
		},
	}
	if n := page.Run(t); n < 8 {
		t.Errorf("%d commands in the README", n)
	}
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
