package hostdir

import (
	"io/fs"
	"path"
)

// listing is what is in a directory of the host, by folded name. Reading it anew for
// every file that the device makes would take a flash full of small files minutes; it is
// read when the directory has changed since, by somebody else. (What somebody else does
// within the same tick of the host's file system may be missed. A file that has the same
// name but for upper and lower case is then written over on hosts that ignore case.)
type listing struct {
	changed int64 // the directory's time of change
	entries map[string]listed
}

type listed struct {
	name string
	dir  bool
	more bool // others fold to the same
}

func (l *listing) add(name string, dir bool) {
	key := fold(name)
	old, taken := l.entries[key]
	l.entries[key] = listed{name, dir, old.more || taken && old.name != name}
}

// list returns what is in a directory.
func (d *Dir) list(dir string) (*listing, error) {
	if l := d.fresh(dir); l != nil {
		return l, nil
	}
	changed := d.changed(dir) // before, so that a change meanwhile shows
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if err != nil {
		return nil, err
	}
	l := &listing{changed, map[string]listed{}}
	for _, e := range entries {
		l.add(e.Name(), e.IsDir())
	}
	d.lists[dir] = l
	return l, nil
}

// fresh returns what is known of a directory that has not changed since, or nil.
func (d *Dir) fresh(dir string) *listing {
	if l := d.lists[dir]; l != nil && l.changed == d.changed(dir) {
		return l
	}
	delete(d.lists, dir)
	return nil
}

// changed is when the directory was changed last, 0 if that is not known.
func (d *Dir) changed(dir string) int64 {
	info, err := d.root.Stat(dir)
	if err != nil {
		return 0
	}
	return info.ModTime().UnixNano()
}

// made and gone keep a listing, as it was before, up with a change of our own to p.
func (d *Dir) made(before *listing, p string) {
	if before != nil {
		before.add(path.Base(p), false)
		before.changed = d.changed(path.Dir(p))
	}
}

func (d *Dir) gone(before *listing, p string) {
	if before == nil {
		return
	}
	key := fold(path.Base(p))
	if before.entries[key].more {
		return // which of them is gone shows when it is read anew
	}
	delete(before.entries, key)
	before.changed = d.changed(path.Dir(p))
}
