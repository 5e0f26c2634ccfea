package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
)

func TestReload(t *testing.T) {
	dir := write(t, map[string]string{"init.lua": `print("one")`, "gone.lua": "x = 1", "same.lua": "x = 2"})
	a, err := New(Options{Dir: dir, Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	a.Device.PowerOn()
	a.World.Clock.RunUntil(clock.Second)
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reload := func() *Reload {
		t.Helper()
		r, err := a.Reload()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
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
	if err := r.Apply(); err != nil {
		t.Fatal(err)
	}
	a.World.Clock.RunUntil(2 * clock.Second)
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
	if _, err := a.Reload(); err == nil || !strings.Contains(err.Error(), "init.lua") {
		t.Errorf("an init.lua that does not compile: %v", err)
	}
}
