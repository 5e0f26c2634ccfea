package hostfile

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
)

// open opens a file that is closed with the test.
func open(t *testing.T, name string) (*File, []byte) {
	t.Helper()
	f, content, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, content
}

// TestCommit writes pieces, and finds them.
func TestCommit(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := Create(name, 8192)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit([]flash.Piece{{Address: 0, Data: []byte("begin")}, {Address: 8190, Data: []byte("zz")}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit([]flash.Piece{{Address: 8191, Data: []byte("zz")}}); err == nil || !strings.Contains(err.Error(), "give a file as large as the flash") {
		t.Errorf("behind the end: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, content := open(t, name)
	if want := append(append([]byte("begin"), flash.Blank(8185)...), "zz"...); !bytes.Equal(content, want) {
		t.Errorf("the file has %q…", content[:8])
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); len(left) != 1 {
		t.Errorf("there are %v", left)
	}
}

// TestRecover opens files beside which a killed process has left a journal, cut at each of its
// bytes: a whole one is done, a torn one forgotten.
func TestRecover(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	old, want := flash.Blank(4096), flash.Blank(4096)
	copy(want, "new")
	copy(want[1000:], "content")
	journal := appendJournal(nil, []flash.Piece{{Address: 0, Data: []byte("new")}, {Address: 1000, Data: []byte("content")}})
	for cut := range len(journal) + 1 {
		for _, half := range []bool{false, true} { // the file was written to
			is := bytes.Clone(old)
			if half {
				if cut < len(journal) {
					continue // not before the journal was whole
				}
				copy(is, "ne")
			}
			for file, data := range map[string][]byte{name: is, name + Suffix: journal[:cut]} {
				if err := os.WriteFile(file, data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			f, content, err := Open(name)
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			expected := old
			if cut == len(journal) {
				expected = want
			}
			if !bytes.Equal(content, expected) {
				t.Errorf("cut at %d of %d: %q…", cut, len(journal), content[:8])
			}
			if _, err := os.Stat(name + Suffix); err == nil {
				t.Errorf("cut at %d: the journal stays", cut)
			}
		}
	}
}

// TestOpenErrors opens what is no file for a flash.
func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, MaxSize+1); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(dir, "used")
	f, err := Create(used, 4096)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for name, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file",
		dir:                        "is not a file",
		large:                      "has 16777217 bytes, and the largest flash 16777216",
		used:                       "is in use: another simulator has it open",
	} {
		if f, _, err := Open(name); err == nil || !strings.Contains(err.Error(), want) {
			if err == nil {
				f.Close()
			}
			if name != used || locks {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
}

// FuzzJournal has anything be a journal: it writes within the file or not at all.
func FuzzJournal(f *testing.F) {
	f.Add(appendJournal(nil, []flash.Piece{{Address: 5, Data: []byte("abc")}, {Address: 4095, Data: []byte("x")}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		pieces, _ := parse(b, 4096)
		for _, p := range pieces {
			if p.Address < 0 || p.Address+len(p.Data) > 4096 {
				t.Errorf("%d bytes at %d", len(p.Data), p.Address)
			}
		}
	})
}
