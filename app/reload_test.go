package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestReload(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": `print("one")`, "gone.lua": "x = 1", "same.lua": "x = 2"})
	a, err := New(Options{Dir: dir, Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.Device.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func() *Reload { return reloaded(t, a) }
	if f := reload().Files(); len(f) > 0 {
		t.Errorf("nothing has changed, and yet %v", f)
	}
	// A file that the program wrote is no change of the directory, nor is one
	// that came into the directory as the device has it.
	for _, name := range []string{"own.txt", "both.txt"} {
		if err := a.Device.Flash.WriteFile(name, []byte("written")); err != nil {
			t.Fatal(err)
		}
	}
	put("both.txt", "written")
	put("init.lua", `print("two")`)
	put("new.lua", "y = 1")
	if err := os.Remove(filepath.Join(dir, "gone.lua")); err != nil {
		t.Fatal(err)
	}
	r := reload()
	if f := r.Files(); !slices.Equal(f, []string{"gone.lua", "init.lua", "new.lua"}) {
		t.Errorf("changed: %v", f)
	}
	if err := bring(r); err != nil {
		t.Fatal(err)
	}
	a.World.Clock.RunUntil(clock.At(2 * clock.Second))
	if s := a.Device.Snapshot(); s.Boots != 1 || s.Reason != "external reset" {
		t.Errorf("%d resets, last %q", s.Boots, s.Reason)
	}
	if f := reload().Files(); len(f) > 0 {
		t.Errorf("after applying them: %v", f)
	}
	got := contents(a.Device.Flash)
	if got["init.lua"] != `print("two")` || got["own.txt"] != "written" || got["new.lua"] == "" || got["gone.lua"] != "" || got["same.lua"] == "" {
		t.Errorf("the flash holds %v", got)
	}
	put("init.lua", "print(")
	if _, err := a.Reload(0); err == nil || !strings.Contains(err.Error(), "init.lua") {
		t.Errorf("an init.lua that does not compile: %v", err)
	}
}

// Each device of a world gets what changes in its own directory, and only that
// one restarts.
func TestReloadOther(t *testing.T) {
	dirs := []string{write(t, map[string]string{"init.lua": "a = 1"}), write(t, map[string]string{"init.lua": "b = 1"})}
	a, err := New(Options{Dir: dirs[0], Others: dirs[1:], Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if !slices.Equal(a.Dirs(), dirs) {
		t.Errorf("directories %v", a.Dirs())
	}
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	if err := os.WriteFile(filepath.Join(dirs[1], "init.lua"), []byte("b = 2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{nil, {"init.lua"}} {
		r, err := a.Reload(i)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Files(); !slices.Equal(got, want) {
			t.Errorf("directory %d: changed %v", i, got)
		}
		if len(want) > 0 {
			if err := bring(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.World.Clock.RunUntil(clock.At(2 * clock.Second))
	for i, d := range device.In(a.World) {
		if n := d.Snapshot().Boots; n != i {
			t.Errorf("%s was reset %d times", d.Name(), n)
		}
	}
	if data, _ := device.In(a.World)[1].Flash.Peek("init.lua"); string(data) != "b = 2" {
		t.Errorf("init.lua is %q", data)
	}
}

// A file that was loaded again into a device whose directory takes its changes is
// written back to its place.
func TestReloadIntoFlashDir(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": ""})
	a, err := New(Options{Dir: dir, FlashDir: dir, Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Second))
	if err := os.WriteFile(filepath.Join(dir, "new.txt"), []byte("user"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := a.Reload(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := bring(r); err != nil {
		t.Fatal(err)
	}
	if err := a.Device.Flash.WriteFile("new.txt", []byte("device")); err != nil {
		t.Fatal(err)
	}
	if err := a.Store(); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "new.txt")); string(data) != "device" {
		t.Errorf("new.txt is %q", data)
	}
}

// bring gives the device the files, as the command does.
func bring(r *Reload) error {
	_, err := r.Device.Take(r.Input())
	if err == nil {
		r.Loaded()
	}
	return err
}

// reloaded has files that have changed go to the first device.
func reloaded(t *testing.T, a *App) *Reload {
	t.Helper()
	r, err := a.Reload(0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
