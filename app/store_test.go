package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm/luac/lfs"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/luaccross"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The convention of the firmware's documentation: _init makes require find modules in
// flash, and what is there by their names.
var inFlash = map[string]string{
	"lfs/_init.lua": "local index = node.LFS.get\npackage.loaders[3] = function(module) return index(module) end\n" +
		"LFS = setmetatable({}, {__index = function(_, name) return index(name) end})\n",
	"lfs/util.lua":     "local M = ...\nlocal t = {name = M}\nfunction t.add(a, b) return a + b end\nfunction t.fail() error('no') end\nreturn t\n",
	"init.lua":         "node.LFS._init()\nlocal u = require('util')\nprint(u.name, u.add(2, 3), pcall(u.fail))\nprint(file.exists('lfs/util.lua'), node.LFS.time, LFS.util ~= nil)\n",
	"nodemcu-sim.toml": "[lfs]\ndir = \"lfs\"\n",
}

const fromFlash = "util\t5\tfalse\tutil.lua:4: no\nfalse\t1767225600\ttrue\n"

func with(files map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for name, text := range files {
		out[name] = text
	}
	for i := 0; i < len(more); i += 2 {
		if out[more[i]] = more[i+1]; more[i+1] == "" {
			delete(out, more[i])
		}
	}
	return out
}

// booted is an app that has run for a second, and what its device has printed.
func booted(t *testing.T, o Options) (*App, *strings.Builder) {
	t.Helper()
	o.Net = "isolated"
	a, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	out := chiptest.Record(a.World)
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	return a, out
}

// An image is built of a directory's files and is there when the device boots, whoever
// says where they are.
func TestStore(t *testing.T) {
	dir := write(t, inFlash)
	bare := write(t, map[string]string{"init.lua": inFlash["init.lua"]})
	image := filepath.Join(t.TempDir(), "lfs.img")
	var modules []lfs.Module
	for _, name := range []string{"_init.lua", "util.lua"} {
		m, err := luaccross.Module(name, []byte(inFlash["lfs/"+name]))
		if err != nil {
			t.Fatal(err)
		}
		modules = append(modules, m)
	}
	built, err := lfs.Build(modules, lfs.Options{Time: 1767225600})
	if err != nil {
		t.Fatal(err)
	}
	absolute := filepath.Join(filepath.Dir(image), "absolute.img")
	for name, data := range map[string][]byte{image: built.Relocatable(), absolute: built.Absolute(0x40280000)} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{}
	for name, text := range inFlash {
		files[name] = []byte(text)
	}
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{"the project's directory", Options{Dir: dir}},
		{"a directory", Options{Dir: bare, LFS: filepath.Join(dir, "lfs")}},
		{"an image", Options{Dir: bare, LFS: image}},
		{"an absolute image", Options{Dir: bare, LFS: absolute}},
		{"files", Options{Files: files}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, out := booted(t, tt.o)
			if got := out.String(); !strings.Contains(got, "\n"+fromFlash) {
				t.Errorf("it prints %q", got)
			}
		})
	}
}

// What can't go into the store is told before the device starts, with file and line where
// there are such.
func TestStoreErrors(t *testing.T) {
	big := strings.Repeat("x = 'a text of some length, and another number: ' .. 1\n", 2000)
	for name, tt := range map[string]struct {
		files map[string]string
		lfs   string // Options.LFS; DIR is the app's directory
		want  string
	}{
		"syntax":      {with(inFlash, "lfs/util.lua", "\nlocal = 1"), "", "DIR/lfs/util.lua:2: "},
		"none":        {with(inFlash, "lfs/util.lua", "", "lfs/_init.lua", "", "lfs/x.txt", "x"), "", "DIR/lfs has no Lua files for the Lua Flash Store"},
		"absent":      {with(inFlash, "lfs/util.lua", "", "lfs/_init.lua", ""), "", "cannot read the Lua files for the Lua Flash Store in DIR/lfs: "},
		"outside":     {with(inFlash, "nodemcu-sim.toml", "[lfs]\ndir = \"../x\"\n"), "", `DIR/nodemcu-sim.toml:2: lfs.dir = "../x": name a directory inside of the project's`},
		"size":        {with(inFlash, "nodemcu-sim.toml", "[lfs]\nsize = 1000\n"), "", "DIR/nodemcu-sim.toml:2: lfs.size = 0x3e8: write a multiple of 0x1000"},
		"size 0":      {with(inFlash, "nodemcu-sim.toml", "[lfs]\nsize = 0\n"), "", "DIR/nodemcu-sim.toml:2: lfs.size must not be 0"},
		"no room":     {with(inFlash, "nodemcu-sim.toml", "[lfs]\nsize = 0x3f0000\n"), "", "the flash of nodemcu-v1 has 4096 KB, which leaves no room for"},
		"too large":   {with(inFlash, "lfs/big.lua", big, "nodemcu-sim.toml", "[lfs]\ndir = \"lfs\"\nsize = 0x1000\n"), "", "and its partition 4096: write [lfs] size = 0x"},
		"beyond 256K": {with(inFlash, "lfs/big.lua", strings.Repeat(big, 10)), "", "DIR/lfs: an image of the flash store has at most 262144 bytes"},
		"no such":     {inFlash, "DIR/none", "LFS: there is no DIR/none: name a directory of Lua files, or an image"},
		"no image":    {inFlash, "DIR/init.lua", "LFS: DIR/init.lua is no image that the firmware runs: "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, tt.files)
			in := strings.NewReplacer("DIR", dir).Replace
			a, err := New(Options{Dir: dir, LFS: in(tt.lfs), Net: "isolated"})
			if err == nil {
				a.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), in(tt.want)) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, in(tt.want))
			}
		})
	}
}

// What of the directory is not in the store is told, and a module that another one hides.
func TestStoreNotes(t *testing.T) {
	dir := write(t, with(inFlash, "lfs/README.md", "x", "lfs/below/x.lua", "x", "lfs/util.old.lua", "return 1"))
	a, err := New(Options{Dir: dir, Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	at := filepath.Join(dir, "lfs")
	if want := []string{at + "/README.md: the Lua Flash Store takes the *.lua files of its directory", at + "/below: the Lua Flash Store takes the *.lua files of its directory"}; !slices.Equal(a.Skipped(), want) {
		t.Errorf("skipped: %q", a.Skipped())
	}
	if want := []string{at + `/util.lua and ` + at + `/util.old.lua both make the module "util" of the Lua Flash Store: the first one is found`}; !slices.Equal(a.Notes(), want) {
		t.Errorf("notes: %q", a.Notes())
	}
}

// A file of the store that changes is brought to the device, which restarts with it.
func TestReloadStore(t *testing.T) {
	dir := write(t, inFlash)
	a, out := booted(t, Options{Dir: dir})
	reload := func() *Reload { return reloaded(t, a) }
	if f := reload().Files(); len(f) > 0 {
		t.Errorf("nothing has changed, and yet %v", f)
	}
	name := filepath.Join(dir, "lfs", "util.lua")
	if err := os.WriteFile(name, []byte("return {add = function() return 'new' end}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := reload()
	if f := r.Files(); !slices.Equal(f, []string{"lfs/util.lua"}) {
		t.Errorf("changed: %v", f)
	}
	if err := bring(r); err != nil {
		t.Fatal(err)
	}
	a.World.Clock.RunUntil(clock.At(2 * clock.Second))
	if got := out.String(); !strings.Contains(got, "nil\tnew\tfalse\t") {
		t.Errorf("it prints %q", got)
	}
	if f := reload().Files(); len(f) > 0 {
		t.Errorf("all is there, and yet %v", f)
	}
	if err := os.WriteFile(name, []byte("return ("), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Reload(0); err == nil || !strings.Contains(err.Error(), name+":1: ") {
		t.Errorf("a syntax error: %v", err)
	}
}

// The startup command !name runs a module instead of init.lua, and says so if there is none.
func TestStartupModule(t *testing.T) {
	for command, want := range map[string]string{"!main": "main runs\t0\n", "!none": "cannot load LFS.none\n"} {
		dir := write(t, map[string]string{
			"init.lua":         "node.startupcommand('" + command + "') node.restart()",
			"lfs/main.lua":     "print('main runs', select('#', ...))",
			"nodemcu-sim.toml": "[lfs]\ndir = \"lfs\"\n",
		})
		if _, out := booted(t, Options{Dir: dir}); !strings.Contains(out.String(), "\n"+want) {
			t.Errorf("%s: %q", command, out)
		}
	}
}
