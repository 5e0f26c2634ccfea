package hostdir

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
)

// Save writes a file of the device into the directory. The file appears or
// changes at once: a reader finds the old content or the new. No file is
// overwritten that is not one of the device's.
func (d *Dir) Save(name string, data []byte) error {
	p, known := d.paths[name]
	if !known {
		p = d.place(name)
	}
	err := d.replace(p, data)
	if alt := altPath(name); err != nil && p != alt && d.replace(alt, data) == nil {
		d.prune(p) // the host does not like the name after all, or something is in the way
		p, err = alt, nil
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", d.at(p), reason(err))
	}
	d.paths[name] = p
	return nil
}

// place chooses where a file goes that has no place yet.
func (d *Dir) place(name string) string {
	p, ok := hostPath(name)
	if !ok || Excluded(d.exclude, p) || !d.free(p) {
		return altPath(name)
	}
	return p
}

// free reports whether a file of the device can be made at p: nothing is there
// that even a host that ignores case would take for it or for one of its
// directories. Flash names are flat: "a" and "a/b" may both be files, but not in a
// directory; nor is a link a directory, whose files would have other names.
func (d *Dir) free(p string) bool {
	dir := "."
	parts := strings.Split(p, "/")
	for i, part := range parts {
		l, err := d.list(dir)
		if err != nil {
			return errors.Is(err, fs.ErrNotExist)
		}
		e, found := l.entries[fold(part)]
		if !found {
			return true
		}
		if i == len(parts)-1 || e.more || e.name != part || !e.dir {
			return false
		}
		dir = path.Join(dir, part)
	}
	return false
}

// replace puts data into the file p by way of a temporary file beside it.
func (d *Dir) replace(p string, data []byte) error {
	dir := path.Dir(p)
	if dir != "." {
		if err := d.root.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	perm := fs.FileMode(0o666)
	if info, err := d.root.Lstat(p); err == nil {
		if info.IsDir() {
			return &fs.PathError{Op: "write", Path: p, Err: errors.New("is a directory")}
		}
		if info.Mode().IsRegular() {
			perm = info.Mode().Perm()
		}
	}
	known := d.fresh(dir)
	f, temp, err := d.createTemp(dir, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = d.root.Rename(temp, p)
	}
	if err == nil {
		d.made(known, p)
	} else {
		_ = d.root.Remove(temp) // the first error says more
	}
	return err
}

// Temporary files have these around their number.
const (
	tempPrefix = ".nodemcu-sim-"
	tempSuffix = ".tmp"
)

// maxTemp is how many temporary files of other simulators createTemp steps over.
const maxTemp = 1000

// createTemp makes a new file in dir. Its name starts with a dot, so that Load
// passes over one that a killed simulator left.
func (d *Dir) createTemp(dir string, perm fs.FileMode) (*os.File, string, error) {
	for range maxTemp {
		d.temp++
		p := path.Join(dir, fmt.Sprintf("%s%d%s", tempPrefix, d.temp, tempSuffix))
		f, err := d.root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, p, err
		}
	}
	return nil, "", errors.New("too many temporary files (.nodemcu-sim-*.tmp): remove them")
}

// Clean removes the temporary files that killed simulators have left.
func (d *Dir) Clean() error {
	return fs.WalkDir(d.root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("cannot read %s: %w", d.at(p), reason(err))
		case e.IsDir() && p != "." && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir // none of the device's
		case !e.Type().IsRegular() || !isTemp(e.Name()):
			return nil
		}
		if err := d.root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove %s: %w", d.at(p), reason(err))
		}
		return nil
	})
}

// isTemp reports whether a name is one that createTemp makes.
func isTemp(name string) bool {
	number, ok := strings.CutPrefix(name, tempPrefix)
	if ok {
		number, ok = strings.CutSuffix(number, tempSuffix)
	}
	return ok && number != "" && strings.Trim(number, "0123456789") == ""
}

// Delete removes a file of the device from the directory, and the directories
// that are empty then: the device has none.
func (d *Dir) Delete(name string) error {
	p, known := d.paths[name]
	if !known {
		return nil
	}
	delete(d.paths, name)
	before := d.fresh(path.Dir(p))
	if err := d.root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", d.at(p), reason(err))
	}
	d.gone(before, p)
	d.prune(p)
	return nil
}

// prune removes the directories above p that are empty.
func (d *Dir) prune(p string) {
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if info, err := d.root.Lstat(dir); err != nil || !info.IsDir() || d.root.Remove(dir) != nil {
			return // not a directory of its own, or not empty
		}
	}
}

// Adopt makes the files that other, a Dir of the same directory, has loaded the
// device's.
func (d *Dir) Adopt(other *Dir) { maps.Copy(d.paths, other.paths) }
