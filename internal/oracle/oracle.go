// Package oracle finds the sets of measurements that tests compare with: those that
// lie in their testdata, and further ones of the same formats.
//
// The environment variable NODEMCU_ORACLE names one directory. Of it each test runs
// the file that has the name of its own set, if there is one. A directory that is
// absent, or has none of the sets that tests know, is a mistake and fails.
package oracle

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Variable is the environment variable that names the directory of further sets.
const Variable = "NODEMCU_ORACLE"

// sets are the files that tests know.
var sets = []string{"net-traces.json", "memory-snippets.json", "memory-oom.json", "memory-egc.json", "lua-suite.json"}

// Further returns the path of the further set of that name. ok is false when there
// is none.
func Further(t testing.TB, name string) (path string, ok bool) {
	t.Helper()
	if !slices.Contains(sets, name) {
		t.Fatalf("oracle: %s is not in the list of sets", name)
	}
	dir := os.Getenv(Variable)
	if dir == "" {
		return "", false
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("%s must name a directory: %v", Variable, err)
	}
	known := false
	for _, e := range entries {
		known = known || slices.Contains(sets, e.Name())
	}
	if !known {
		t.Fatalf("%s=%s has none of %s", Variable, dir, strings.Join(sets, ", "))
	}
	path = filepath.Join(dir, name)
	_, err = os.Stat(path)
	return path, err == nil
}
