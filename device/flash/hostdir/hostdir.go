// Package hostdir fills a device's flash file system from a directory of the
// host, and writes changes back to it if asked.
//
// It owns the way from host files to flash names and back. Everything goes
// through one os.Root, so that no name a program makes up and no link in the
// directory reaches anything outside it. It knows nothing of devices or Lua.
package hostdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
)

// ProjectFile is the file of the directory that is for the simulator, not for
// the device.
const ProjectFile = "nodemcu-sim.toml"

// Dir is a directory of the host that holds the files of a device. As a
// flash.Sink it takes the device's changes.
type Dir struct {
	name string
	root *os.Root
	// paths is where the files of the device are in the directory, by flash
	// name.
	paths   map[string]string
	exclude []string // as given to Load
	temp    int      // number of the next temporary file
	lists   map[string]*listing
}

// Open opens the directory called name.
func Open(name string) (*Dir, error) {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory: give the directory that holds the app's files", name)
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(name)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open the directory %s: %w", name, reason(err))
	}
	return &Dir{name: name, root: root, paths: map[string]string{}, lists: map[string]*listing{}}, nil
}

// Close ends the use of the directory.
func (d *Dir) Close() error { return d.root.Close() }

// reason strips what an error says about paths inside the directory, which the
// message around it says better.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}

// Report is what Load did.
type Report struct {
	Files   int      // files loaded
	Bytes   int      // their sizes together
	Skipped []string // what was left out for a reason a user may want to know, one line each
}

// Load puts every regular file of the directory and its subdirectories into fs:
// dir/x.lua becomes "dir/x.lua". Left out are names that start with a dot, the
// project file, what a pattern of exclude matches (see CheckPatterns), and links
// that lead out of the directory. A name that is too long for the device and
// more than its flash holds are errors.
func (d *Dir) Load(target *flash.FS, exclude []string) (Report, error) {
	if err := CheckPatterns(exclude); err != nil {
		return Report{}, err
	}
	var r Report
	full := false
	clear(d.paths)
	d.exclude = exclude
	load := func(p string, e fs.DirEntry, err error, put func(path string, data []byte) error) error {
		switch {
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", d.at(p), reason(err))
		case p == ".":
			return nil
		case strings.HasPrefix(e.Name(), ".") || p == ProjectFile || matches(exclude, p):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case e.IsDir():
			return nil
		}
		kind := e.Type()
		if kind&fs.ModeSymlink != 0 {
			info, err := d.root.Stat(p)
			if err != nil {
				r.Skipped = append(r.Skipped, fmt.Sprintf("%s: the link leads nowhere or out of the directory", d.at(p)))
				return nil
			}
			kind = info.Mode().Type()
		}
		if kind != 0 {
			r.Skipped = append(r.Skipped, fmt.Sprintf("%s is not a regular file", d.at(p)))
			return nil
		}
		name := flashName(p)
		if len(name) > flash.MaxName {
			return fmt.Errorf("%s: the name has %d bytes, the device's file system allows %d: shorten it, or list it under [fs] exclude in %s",
				d.at(p), len(name), flash.MaxName, ProjectFile)
		}
		if other, ok := d.paths[name]; ok {
			r.Skipped = append(r.Skipped, fmt.Sprintf("%s: %s is already the device's %q", d.at(p), d.at(other), name))
			return nil
		}
		data, err := d.read(p, target.Size())
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", d.at(p), reason(err))
		}
		if len(data) > target.Size() || put("/FLASH/"+name, data) != nil {
			full = true
			return fs.SkipAll
		}
		d.paths[name] = p
		r.Files++
		r.Bytes += len(data)
		return nil
	}
	err := target.Fill(func(put func(path string, data []byte) error) error {
		return fs.WalkDir(d.root.FS(), ".", func(p string, e fs.DirEntry, err error) error { return load(p, e, err, put) })
	})
	if err == nil && full {
		_, _, total := target.Info()
		err = fmt.Errorf("the files in %s do not fit into the device's flash file system of %d bytes: list some under [fs] exclude in %s, or choose a board with more flash",
			d.name, total, ProjectFile)
	}
	return r, err
}

// read returns the content of the regular file p, cut one byte behind limit.
func (d *Dir) read(p string, limit int) ([]byte, error) {
	f, err := d.root.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}

// at writes a path inside the directory as a user of the host would.
func (d *Dir) at(p string) string { return path.Join(d.name, p) }

// CheckPatterns says whether each pattern can be used to leave files out. A
// pattern without a slash matches names of files and directories anywhere, one
// with a slash matches from the top of the directory; both in the syntax of
// path.Match. What lies in a directory that matches is left out with it.
func CheckPatterns(patterns []string) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" {
			return fmt.Errorf("%q is not a file name pattern: use *, ? and [a-z]", p)
		}
	}
	return nil
}

// Excluded reports whether Load would leave out the file at path p.
func Excluded(patterns []string, p string) bool {
	for ; p != "."; p = path.Dir(p) {
		if matches(patterns, p) {
			return true
		}
	}
	return false
}

func matches(patterns []string, p string) bool {
	for _, pattern := range patterns {
		of := path.Base(p)
		if strings.Contains(pattern, "/") {
			of = p
		}
		if ok, _ := path.Match(strings.Trim(pattern, "/"), of); ok {
			return true
		}
	}
	return false
}
