package luatest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Failures out of the messages of errors: where they are, and what stands there.

// problem is an error with a place in Lua.
type problem struct{ Failure }

func (p *problem) Error() string { return p.Message }

func (f *file) failureOf(err error) *Failure {
	var p *problem
	if errors.As(err, &p) {
		return &p.Failure
	}
	return &Failure{Message: err.Error()}
}

// at puts a place before a message, unless it is not known or in the library of tests.
func at(where, message string) string {
	if where == "" || ofLibrary(where) {
		return message
	}
	return where + ": " + message
}

// failureAt makes a failure of an error's message, which begins with its place; of one that
// does not, it is where the traceback begins.
func (f *file) failureAt(message, traceback string) Failure {
	out := Failure{Message: message, Traceback: trim(traceback)}
	if name, line, ok := cutPlace(message); ok && isSource(name) {
		_, message, _ = strings.Cut(message, ":")
		_, message, _ = strings.Cut(message, ":")
		out.Message = strings.TrimPrefix(message, " ")
		f.place(&out, name, line)
	} else if name, line, ok := innermost(traceback); ok {
		f.place(&out, name, line)
	}
	return out
}

// cutPlace is the "file:line" that a message begins with.
func cutPlace(message string) (name string, line int, ok bool) {
	name, rest, _ := strings.Cut(message, ":")
	number, _, _ := strings.Cut(rest, ":")
	line, err := strconv.Atoi(number)
	return name, line, err == nil && line > 0 && name != ""
}

// place says where a failure is. What is no file of the app, or not below its directory, is
// not read: any text can stand where a message has its place.
func (f *file) place(out *Failure, name string, line int) {
	out.File, out.Line = name, line
	lines := f.lines
	if name == filepath.Base(f.out.Path) {
		out.File = f.out.Path
	} else {
		dir := f.out.App
		src, err := readBelow(dir, name)
		if err != nil { // a helper of tests
			dir = filepath.Dir(f.out.Path)
			src, err = readBelow(dir, name)
		}
		if err != nil {
			return
		}
		out.File = short(filepath.Join(dir, name))
		lines = strings.Split(string(src), "\n")
	}
	if line <= len(lines) {
		out.Source = strings.TrimSpace(lines[line-1])
	}
}

// longestSource is more than the flash of any board holds.
const longestSource = 16 << 20

// readBelow reads a file of a directory, which no name and no link leads out of.
func readBelow(dir, name string) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > longestSource) {
		err = errors.New("no source file")
	}
	if err != nil {
		return nil, err
	}
	return root.ReadFile(name)
}

// isSource reports whether the name before a message's line can be that of a file.
func isSource(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".lua" || ext == ".lc"
}
