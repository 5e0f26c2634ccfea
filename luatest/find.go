package luatest

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/project"
)

// testFiles are the patterns of names of files with tests.
var testFiles = []string{"*_test.lua", "*.test.lua"}

// isTest reports whether a file is one of tests, by its name.
func isTest(name string) bool {
	return slices.ContainsFunc(testFiles, func(pattern string) bool { return strings.HasSuffix(name, pattern[1:]) })
}

// exclude are patterns of files that do not go onto a device's flash.
func (o *Options) exclude() []string {
	if o.OnFlash {
		return nil
	}
	return testFiles
}

// Find lists the files with tests in files and directories, sorted, each once. Directories
// whose names begin with a dot are left out.
func Find(paths []string) ([]string, error) {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("there is no %s: test takes files and directories with *_test.lua or *.test.lua", p)
		case err != nil:
			return nil, err
		case !info.IsDir():
			files = append(files, filepath.Clean(p))
			continue
		}
		err = filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && name != p && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			case !d.IsDir() && isTest(d.Name()):
				files = append(files, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// NoFiles is the error for paths without a file with tests.
func NoFiles(paths []string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	return fmt.Errorf("there is no *_test.lua and no *.test.lua in %s; docs/lua-tests.md says how one begins", strings.Join(paths, ", "))
}

// AppOf returns the app's directory of a file: the nearest one above it with a project file;
// without one that with an init.lua, its own or the one above it; else its own.
func AppOf(file string) (string, error) {
	own, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return "", err
	}
	if dir, ok := above(own, project.FileName, math.MaxInt); ok {
		return dir, nil
	}
	if dir, ok := above(own, "init.lua", 1); ok {
		return dir, nil
	}
	return own, nil
}

// above is the nearest directory with a file of a name: dir, or one of the next above it.
func above(dir, name string, most int) (string, bool) {
	for ; ; dir, most = filepath.Dir(dir), most-1 {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return dir, true
		}
		if dir == filepath.Dir(dir) || most == 0 {
			return "", false
		}
	}
}

// short is a path as seen from the current directory, if it is below that.
func short(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
