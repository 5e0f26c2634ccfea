// Package sources is for tests that read the project's own source through the go
// command.
package sources

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Watch returns the root of the project and lists its directories: go test runs a test
// anew when what it has opened itself has changed, and what it lets the go command
// read does not count.
func Watch(t testing.TB) (root string) {
	t.Helper()
	root, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if filepath.Dir(root) == root {
			t.Fatal("there is no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	if err == nil {
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
				return fs.SkipDir
			}
			if err == nil && strings.HasSuffix(path, ".go") {
				_, err = os.Stat(path)
			}
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}
