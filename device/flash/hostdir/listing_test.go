package hostdir

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A directory is read once, not for each of the files that the device makes and
// removes in it.
func TestDirectoryIsReadOnce(t *testing.T) {
	d := open(t, t.TempDir())
	save := func(name string) {
		t.Helper()
		if err := d.Save(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	save("first")
	read := d.lists["."]
	for i := range 50 {
		save(fmt.Sprint("f", i))
		save("first")
		if i%2 == 0 {
			if err := d.Delete(fmt.Sprint("f", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if d.lists["."] != read {
		t.Error("the directory was read again")
	}
	if n := len(read.entries); n != 26 {
		t.Errorf("%d entries are known, want 26", n)
	}
}

// What somebody else puts into the directory is seen: it is not written over by a
// device that has a file of nearly the same name.
func TestDirectoryChangedByOthers(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	if err := d.Save("a", nil); err != nil {
		t.Fatal(err)
	}
	tree(t, dir, map[string]string{"Log": "theirs"})
	at := time.Unix(1e9, 0)
	if err := os.Chtimes(dir, at, at); err != nil {
		t.Fatal(err)
	}
	if err := d.Save("log", []byte("ours")); err != nil {
		t.Fatal(err)
	}
	if want := "%_lo%67=ours Log=theirs a="; look(t, dir) != want {
		t.Errorf("%s, want %s", look(t, dir), want)
	}
	// Removed by others, its name is free again.
	if err := os.Remove(filepath.Join(dir, "Log")); err != nil {
		t.Fatal(err)
	}
	at = time.Unix(2e9, 0)
	if err := os.Chtimes(dir, at, at); err != nil {
		t.Fatal(err)
	}
	if !d.free("LOG") {
		t.Error("a name that was removed is not free")
	}
}
