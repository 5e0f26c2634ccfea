package hostdir

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/internal/need"
)

const testSize = 64 << 10

// tree makes files below dir; a value that starts with "→" makes a link.
func tree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, ok := strings.CutPrefix(data, "→"); ok {
			err = os.Symlink(to, p)
		} else {
			err = os.WriteFile(p, []byte(data), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// look lists the files below dir with their content.
func look(t *testing.T, dir string) string {
	t.Helper()
	var list []string
	err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		if to, err := os.Stat(p); err == nil && to.IsDir() {
			return nil // a link to a directory
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		list = append(list, fmt.Sprintf("%s=%s", rel, data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}

func open(t *testing.T, dir string) *Dir {
	t.Helper()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestLoad(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "app")
	tree(t, base, map[string]string{
		"secret": "no", "app/init.lua": "print(1)", "app/www/index.html": "<p>", "app/.git/config": "no", "app/.env": "no",
		"app/nodemcu-sim.toml": "board = 1", "app/www/nodemcu-sim.toml": "mine", "app/a%20b.txt": "percent", "app/%2Edot": "dot",
		"app/link.lua": "→init.lua", "app/out": "→../secret", "app/passwd": "→/etc/passwd", "app/loop": "→loop", "app/up": "→..",
		"app/docs/a.lua": "no", "app/t/x_test.lua": "no",
	})
	if err := exec.Command(need.Program(t, "mkfifo"), filepath.Join(dir, "fifo")).Run(); err != nil {
		t.Fatal(err)
	}
	f := flash.New(testSize)
	r, err := open(t, dir).Load(f, []string{"docs", "t/*_test.lua"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range f.List() {
		data, _ := f.Peek("/FLASH/" + s.Name)
		names = append(names, s.Name+"="+string(data))
	}
	want := ".dot=dot a%20b.txt=percent init.lua=print(1) link.lua=print(1) www/index.html=<p> www/nodemcu-sim.toml=mine"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("loaded\n%s\nwant\n%s", got, want)
	}
	if r.Files != 6 || r.Bytes != 33 || len(r.Skipped) != 5 {
		t.Errorf("report: %+v", r)
	}
}

func TestLoadErrors(t *testing.T) {
	long := strings.Repeat("n", 28) + ".lua"
	tests := []struct {
		files   map[string]string
		exclude []string
		want    string
	}{
		{map[string]string{long: ""}, nil, "the name has 32 bytes, the device's file system allows 31"},
		{map[string]string{"directory-name/a-long-name.lua": "", "directory-name/a-longer-name.lua": ""}, nil, "a-longer-name.lua: the name has 32 bytes"},
		{map[string]string{"a": strings.Repeat("x", testSize)}, nil, "do not fit into the device's flash file system of 46937 bytes"},
		{map[string]string{"a": strings.Repeat("x", 40000), "b": strings.Repeat("x", 10000)}, nil, "do not fit"},
		{map[string]string{"a": ""}, []string{"[a"}, `"[a" is not a file name pattern`},
	}
	for _, tt := range tests {
		dir := t.TempDir()
		tree(t, dir, tt.files)
		_, err := open(t, dir).Load(flash.New(testSize), tt.exclude)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want …%s…", err, tt.want)
		}
	}
	file := filepath.Join(t.TempDir(), "init.lua")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{file: "is not a directory", file + "x": "no such file or directory"} {
		if _, err := Open(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%s): %v", name, err)
		}
	}
}

func TestSink(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "app")
	tree(t, base, map[string]string{"app/a:b.txt": "1", "app/run.sh": "x", "app/link": "→run.sh", "app/nodemcu-sim.toml": "keep", "outside": "keep"})
	if err := os.Chmod(filepath.Join(dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", filepath.Join(dir, "up")); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	f := flash.New(testSize)
	if _, err := d.Load(f, nil); err != nil {
		t.Fatal(err)
	}
	var errs []string
	f.SetSink(d, func(err error) { errs = append(errs, err.Error()) })
	write := func(name, data string) {
		t.Helper()
		if err := f.WriteFile(name, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	write("a:b.txt", "2") // stays where it was
	write("run.sh", "y")
	write("link", "z") // replaces the link, not what it points to
	write("new/x", "n")
	write("new", "file beside a directory")
	write("nodemcu-sim.toml", "device's own")
	write("../outside", "e1")
	write("/FLASH//etc/x", "e2")
	write("..", "e3")
	write("a/../../outside", "e4")
	write("\xff\x01", "e5")
	write("up/outside", "e6") // through a link that leads out
	if err := f.Rename("run.sh", "run2.sh"); err != nil {
		t.Fatal(err)
	}
	if len(errs) != 0 {
		t.Errorf("errors: %q", errs)
	}
	if data, _ := os.ReadFile(filepath.Join(base, "outside")); string(data) != "keep" {
		t.Errorf("the device wrote outside its directory: %q", data)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "nodemcu-sim.toml")); string(data) != "keep" {
		t.Errorf("the device wrote the project file: %q", data)
	}
	if err := os.Remove(filepath.Join(dir, "up")); err != nil {
		t.Fatal(err)
	}
	if got := look(t, dir); strings.Contains(got, ".tmp") || !strings.Contains(got, "a:b.txt=2") || !strings.Contains(got, "new/x=n") {
		t.Errorf("directory: %s", got)
	}
	// A second boot from the directory sees the same files.
	again := flash.New(testSize)
	if _, err := open(t, dir).Load(again, nil); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintf("%+q", fmt.Sprint(again.List())), fmt.Sprintf("%+q", fmt.Sprint(f.List())); got != want {
		t.Errorf("reloaded %s\nwant     %s", got, want)
	}
	for _, s := range f.List() {
		if err := f.Remove("/FLASH/" + s.Name); err != nil {
			t.Fatal(err)
		}
	}
	if got := look(t, dir); got != "nodemcu-sim.toml=keep" {
		t.Errorf("after removing all files: %s (errors %q)", got, errs)
	}
}

func TestSinkErrors(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	err := d.Save("x", []byte("1"))
	if err == nil || !strings.Contains(err.Error(), "cannot write") || strings.Contains(err.Error(), "\n") {
		t.Errorf("saving into a directory that is gone: %v", err)
	}
	if err := d.Delete("never seen"); err != nil {
		t.Errorf("deleting an unknown file: %v", err)
	}
}

// TestKilledWriter makes sure that what a killed simulator leaves behind neither
// stops the next one nor becomes a file of the device.
func TestKilledWriter(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{".nodemcu-sim-1.tmp": "half"})
	d := open(t, dir)
	if err := d.Save("x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	f := flash.New(testSize)
	if _, err := d.Load(f, nil); err != nil || len(f.List()) != 1 {
		t.Errorf("%v, files %v", err, f.List())
	}
}

func FuzzHostPath(f *testing.F) {
	for _, s := range []string{"a", "../x", "/x", "a//b", ".", "%2e", "nodemcu-sim.toml", "NODEMCU-SIM.TOML", "a/.", "\xff", "x%41", "%_a", "NUL", "com1.txt/x", "a. ", "a\\b", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" || len(name) > flash.MaxName || strings.Contains(name, "\x00") {
			return
		}
		paths := []string{altPath(name)}
		if p, ok := hostPath(name); ok {
			paths = append(paths, p)
		}
		for _, p := range paths {
			if !filepath.IsLocal(p) || filepath.Clean(p) != p || strings.EqualFold(p, ProjectFile) || strings.HasPrefix(p, ".") || strings.Contains(p, "/.") {
				t.Errorf("%q is kept at %q", name, p)
			}
			if back := flashName(p); back != name {
				t.Errorf("%q is kept at %q, read back as %q", name, p, back)
			}
		}
	})
}

// Clean removes what createTemp makes, and nothing else.
func TestClean(t *testing.T) {
	dir := t.TempDir()
	tree(t, dir, map[string]string{
		".nodemcu-sim-1.tmp": "half", "www/.nodemcu-sim-20.tmp": "half", ".git/.nodemcu-sim-3.tmp": "git's",
		".nodemcu-sim-.tmp": "x", ".nodemcu-sim-1a.tmp": "x", "nodemcu-sim-1.tmp": "x", ".nodemcu-sim-4.tmp": "→init.lua", "init.lua": "x",
	})
	if err := open(t, dir).Clean(); err != nil {
		t.Fatal(err)
	}
	want := ".git/.nodemcu-sim-3.tmp=git's .nodemcu-sim-.tmp=x .nodemcu-sim-1a.tmp=x .nodemcu-sim-4.tmp=x init.lua=x nodemcu-sim-1.tmp=x"
	if got := look(t, dir); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A file without a name has one on the host, and is found again.
func TestNoName(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	f := flash.New(testSize)
	f.SetSink(d, func(err error) { t.Error(err) })
	if err := f.WriteFile("", []byte("x")); err != nil {
		t.Fatal(err)
	}
	again := flash.New(testSize)
	if _, err := open(t, dir).Load(again, nil); err != nil {
		t.Fatal(err)
	}
	if got, ok := again.Peek(""); !ok || string(got) != "x" {
		t.Errorf("%q, %v; the directory has %s", got, ok, look(t, dir))
	}
	if err := f.Remove(""); err != nil || look(t, dir) != "" {
		t.Errorf("%v: %s", err, look(t, dir))
	}
}
