package luatest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// snapshots are the values that the tests of a file are compared with. They stand in a file
// of its own beside it: for each, a line "# NAME", and its text behind four spaces.
type snapshots struct {
	path    string
	want    map[string]string
	used    map[string]bool
	changed bool
	seen    map[string]int // how many a test without names has, by its name
}

const snapshotIndent = "    "

// snapshotsOf reads those of a file of tests.
func snapshotsOf(file string) (*snapshots, error) {
	s := &snapshots{path: file + ".snap", want: map[string]string{}, used: map[string]bool{}, seen: map[string]int{}}
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	name, body := "", []string(nil)
	keep := func() {
		if name != "" {
			s.want[name] = strings.Join(body, "\n")
		}
		body = nil
	}
	for _, line := range strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n") {
		if n, ok := strings.CutPrefix(line, "# "); ok {
			keep()
			name = n
		} else if text, ok := strings.CutPrefix(line, snapshotIndent); ok {
			body = append(body, text)
		}
	}
	keep()
	return s, err
}

// write writes the file, if it has changed. Snapshots that no test has asked for are left
// out if all tests have run.
func (s *snapshots) write(complete bool) error {
	if complete {
		for name := range s.want {
			if !s.used[name] {
				delete(s.want, name)
				s.changed = true
			}
		}
	}
	if !s.changed {
		return nil
	}
	if len(s.want) == 0 {
		return os.Remove(s.path)
	}
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(s.want)) {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "# %s\n%s%s\n", name, snapshotIndent, strings.ReplaceAll(s.want[name], "\n", "\n"+snapshotIndent))
	}
	tmp, err := os.CreateTemp(filepath.Dir(s.path), ".snap")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(b.String())
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), s.path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
	return err
}

// snapshot compares a text with a snapshot of the test that runs. problem is "" if it is the
// same, or was written.
func (r *run) snapshot(name, got string) (want, actual, problem string) {
	if r.test == nil || r.loading {
		return "", got, "only a test has snapshots"
	}
	s := r.f.snaps
	key := strings.Map(func(c rune) rune {
		if c == '\n' || c == '\r' {
			return ' '
		}
		return c
	}, r.test.FullName())
	if name == "" {
		s.seen[key]++
		name = fmt.Sprint(s.seen[key])
	}
	key += ": " + strings.NewReplacer("\n", " ", "\r", " ").Replace(name)
	s.used[key] = true
	want, ok := s.want[key]
	switch {
	case ok && want == got:
	case r.f.o.Update:
		s.want[key], s.changed = got, true
	case !ok:
		return "", got, fmt.Sprintf("there is no snapshot %q in %s: --update writes it", key, filepath.Base(s.path))
	default:
		return want, got, fmt.Sprintf("not as the snapshot %q in %s, which --update writes anew", key, filepath.Base(s.path))
	}
	return got, got, ""
}
