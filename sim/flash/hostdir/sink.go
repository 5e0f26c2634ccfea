package hostdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Save writes a file of the device into the directory. The file appears or
// changes at once: a reader finds the old content or the new.
func (d *Dir) Save(name string, data []byte) error {
	p, known := d.paths[name]
	if !known {
		p = hostPath(name)
	}
	err := d.replace(p, data)
	if err != nil && !known {
		// Flash names are flat: "a" and "a/b" may both be files, but not in a
		// directory.
		p = flatPath(name)
		err = d.replace(p, data)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", d.at(p), reason(err))
	}
	d.paths[name] = p
	return nil
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
	f, temp, err := d.createTemp(dir, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = d.root.Rename(temp, p)
	}
	if err != nil {
		_ = d.root.Remove(temp) // the first error says more
	}
	return err
}

// maxTemp is how many leftovers of killed simulators createTemp steps over.
const maxTemp = 1000

// createTemp makes a new file in dir. Its name starts with a dot, so that Load
// passes over one that a killed simulator left.
func (d *Dir) createTemp(dir string, perm fs.FileMode) (*os.File, string, error) {
	for range maxTemp {
		d.temp++
		p := path.Join(dir, fmt.Sprintf(".nodemcu-sim-%d.tmp", d.temp))
		f, err := d.root.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, p, err
		}
	}
	return nil, "", errors.New("too many temporary files (.nodemcu-sim-*.tmp): remove them")
}

// Delete removes a file of the device from the directory.
func (d *Dir) Delete(name string) error {
	p, known := d.paths[name]
	if !known {
		p = hostPath(name)
	}
	delete(d.paths, name)
	err := d.root.Remove(p)
	if err != nil && known && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove %s: %w", d.at(p), reason(err))
	}
	return nil
}
