package hostdir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
)

// device is a flash file system that is kept in a directory, with what the sink
// had to complain.
type device struct {
	t    *testing.T
	fs   *flash.FS
	errs []string
}

func attach(t *testing.T, dir string, exclude ...string) *device {
	t.Helper()
	x := &device{t: t, fs: flash.New(testSize)}
	d := open(t, dir)
	if _, err := d.Load(x.fs, exclude); err != nil {
		t.Fatal(err)
	}
	x.fs.SetSink(d, func(err error) { x.errs = append(x.errs, err.Error()) })
	return x
}

func (x *device) write(name, data string) {
	x.t.Helper()
	if err := x.fs.WriteFile("/FLASH/"+name, []byte(data)); err != nil {
		x.t.Fatal(err)
	}
}

func (x *device) remove(name string) {
	x.t.Helper()
	if err := x.fs.Remove("/FLASH/" + name); err != nil {
		x.t.Fatal(err)
	}
}

// content is all files of a file system.
func content(f *flash.FS) string {
	var list []string
	for _, s := range f.List() {
		data, _ := f.Peek("/FLASH/" + s.Name)
		list = append(list, s.Name+"="+string(data))
	}
	return strings.Join(list, " ")
}

// A directory goes with its last file, so that a file may take its name.
func TestNoEmptyDirectories(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{"user/keep.txt": "k", "other/.hidden": "h"})
	x := attach(t, dir)
	x.write("./a", "1")
	x.write("user/x", "2")
	x.write("other/x", "3")
	x.write("b/c/d", "4")
	for _, name := range []string{"./a", "user/x", "other/x", "b/c/d"} {
		x.remove(name)
	}
	x.write(".", "dot")
	x.write("b", "file")
	if got, want := look(t, dir), "%2E=dot b=file other/.hidden=h user/keep.txt=k"; got != want || x.errs != nil {
		t.Errorf("%s, errors %q\nwant %s", got, x.errs, want)
	}
}

// Every name that a device can use is kept and comes back, on a host that ignores
// case as well, and beside any other.
func TestNames(t *testing.T) {
	names := []string{
		"a", "A", "a/b", "A/b", "a/B", "aa/b", "AA", "Aa/c", ".", "..", "./a", "a/.", "a/..", "../a", "a//b", "a/", "a./b", "a. ", "a ", " a",
		"CON", "con", "nul.txt", "com1", "COM10", "lpt9.a.b", "x/aux", "prn .txt", "conin$",
		`a\b`, "a:b", "a*", "a?", `"a"`, "<a>", "a|b", "%", "%2E", "%_a", "%_", "%61", "a%2", "tab\t", "\x01", "\x7f", "\xff", "é", "e\u0301", "É",
		"nodemcu-sim.toml", "NodeMCU-Sim.toml", "x/nodemcu-sim.toml", ".nodemcu-sim-1.tmp", "-rf", "~", "$HOME", "`ls`",
		strings.Repeat("n", 31), strings.Repeat("N", 31), strings.Repeat("\xff", 31), strings.Repeat("/", 31), strings.Repeat("./", 15),
	}
	base := t.TempDir()
	dir := filepath.Join(base, "flash")
	tree(t, dir, map[string]string{"nodemcu-sim.toml": "keep"})
	x := attach(t, dir)
	for _, name := range names {
		x.write(name, name)
	}
	if x.errs != nil {
		t.Errorf("errors %q", x.errs)
	}
	seen := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if other, ok := seen[fold(rel)]; ok {
			t.Errorf("%q and %q are the same to some hosts", rel, other)
		}
		seen[fold(rel)] = rel
		for _, part := range strings.Split(filepath.ToSlash(rel), "/") {
			if len(part) > 255 || part != "." && (part[0] == '.' || part != strings.TrimRight(part, ". ") || isDevice(part)) || strings.ContainsAny(part, "\\:*?\"<>|\x01\x7f") || !utf8.ValidString(part) {
				t.Errorf("a host may not like %q", rel)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if again := attach(t, dir); content(again.fs) != content(x.fs) {
		t.Errorf("read back %q\nwant %q", content(again.fs), content(x.fs))
	}
	if data, _ := os.ReadFile(filepath.Join(dir, ProjectFile)); string(data) != "keep" {
		t.Errorf("the device wrote the project file: %q", data)
	}
	if entries, _ := os.ReadDir(base); len(entries) != 1 {
		t.Errorf("the device wrote outside its directory: %v", entries)
	}
	for _, name := range names {
		x.remove(name)
	}
	if got := look(t, dir); got != "nodemcu-sim.toml=keep" || x.errs != nil {
		t.Errorf("after removing all: %s, errors %q", got, x.errs)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("directories are left: %v", entries)
	}
}

// What the device does not know is not overwritten or removed: files that are
// excluded, and those behind links.
func TestForeignFilesStay(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{
		"notes.md": "user", "docs/a.lua": "user", "real/x": "mine", "real/y.md": "user", "www": "→real", "out": "→..", "Makefile": "user",
	})
	x := attach(t, dir, "*.md", "docs", "Makefile")
	for _, name := range []string{"notes.md", "NOTES.MD", "docs", "docs/a.lua", "Docs/b", "www/x", "www", "out/x", "makefile", "new.md"} {
		x.write(name, "device")
	}
	if x.errs != nil {
		t.Errorf("errors %q", x.errs)
	}
	want := content(x.fs)
	if again := attach(t, dir, "*.md", "docs", "Makefile"); content(again.fs) != want {
		t.Errorf("read back %q\nwant %q", content(again.fs), want)
	}
	x.fs.Format()
	got := look(t, dir)
	for _, keep := range []string{"notes.md=user", "docs/a.lua=user", "Makefile=user", "real/y.md=user"} {
		if !strings.Contains(got, keep) {
			t.Errorf("%s is gone: %s", keep, got)
		}
	}
	if strings.Contains(got, "device") {
		t.Errorf("left over: %s", got)
	}
}

// A file that the user added and that was loaded since is the device's.
func TestAdopt(t *testing.T) {
	dir := t.TempDir()
	f := flash.New(testSize)
	d := open(t, dir)
	if _, err := d.Load(f, nil); err != nil {
		t.Fatal(err)
	}
	tree(t, dir, map[string]string{"new.lua": "user"})
	later := open(t, dir)
	if _, err := later.Load(f, nil); err != nil {
		t.Fatal(err)
	}
	d.Adopt(later)
	if err := d.Save("new.lua", []byte("device")); err != nil {
		t.Fatal(err)
	}
	if got := look(t, dir); got != "new.lua=device" {
		t.Error(got)
	}
}
