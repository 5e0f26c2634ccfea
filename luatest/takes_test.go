package luatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// watched is what can be seen of a device from outside, and of its heap.
type watched struct {
	events []string
	app    *app.App
}

func (w *watched) watch(a *app.App) {
	w.app = a
	a.World.Subscribe(func(e world.Event) {
		if c, ok := e.Data.(event.Callback); ok && strings.HasPrefix(c.What, "test") {
			return // the tests' own
		}
		w.events = append(w.events, fmt.Sprintf("%d %s %T%+v", e.Time, e.Device, e.Data, e.Data))
	})
}

// heap is what it looks like when nothing runs.
func (w *watched) heap() string {
	v := w.app.Device.VM
	v.Collect()
	h := v.Heap()
	return fmt.Sprintf("%d bytes free, %d in one piece, %d at least", h.Free(), h.Largest(), h.Low())
}

// TestApartTakesNothing runs apps with a file of tests that only waits, and without: what they
// do, when, and what is left of the heap is the same.
func TestApartTakesNothing(t *testing.T) {
	dirs, err := filepath.Glob("../examples/*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, more...) {
		if _, err := os.Stat(filepath.Join(dir, "init.lua")); err != nil {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			const waits = 20 * clock.Second
			var with, without watched
			path := filepath.Join(t.TempDir(), "waits_test.lua")
			src := fmt.Sprintf("describe('it', function() local t = {} it('waits', function() for i = 1, 100 do t[i] = {i} end sim.advance(%d) end) end)", int(waits/clock.Millisecond))
			if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
				t.Fatal(err)
			}
			var seen string
			o := Options{App: dir, Seed: 7, Timeout: DefaultTimeout, WallTimeout: DefaultWallTimeout, booted: with.watch, ended: func() { seen = with.heap() }}
			out := runFile(&o, path, 7, false)
			if out.Failure != nil || len(out.Tests) != 1 || out.Tests[0].Status.Bad() {
				t.Skipf("the app does not run so long: %+v", out.Failure)
			}
			a, err := app.New(appOptions(&o, 7))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			without.watch(a)
			a.PowerOn()
			a.World.Clock.RunUntil(clock.Time(out.Virtual - out.Tests[0].Virtual)) // tests begin
			a.Device.VM.Collect()
			a.Device.VM.Heap().ResetLow()
			a.World.Clock.RunUntil(clock.Time(out.Virtual))
			if got, want := seen, without.heap(); got != want {
				t.Errorf("with tests   %s\nwithout      %s", got, want)
			}
			for i := range max(len(with.events), len(without.events)) {
				x, y := "nothing", "nothing"
				if i < len(with.events) {
					x = with.events[i]
				}
				if i < len(without.events) {
					y = without.events[i]
				}
				if x != y {
					t.Errorf("event %d\nwith tests   %s\nwithout      %s", i, x, y)
					break
				}
			}
		})
	}
}
