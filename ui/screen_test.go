package ui

import (
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestScreens(t *testing.T) {
	sizes := []struct {
		name string
		w, h int
	}{{"80x24", 80, 24}, {"140x40", 140, 40}, {"100x30", 100, 30}, {"40x12", 40, 12}}
	for _, size := range sizes {
		t.Run(size.name, func(t *testing.T) {
			h := newHarness(t, "UTF-8", size.w, size.h)
			h.golden("start-" + size.name)
			h.scene()
			h.golden("busy-" + size.name)
		})
	}
}

func TestScreenInPlainText(t *testing.T) {
	h := newHarness(t, "US-ASCII", 80, 24)
	h.scene()
	screen := h.frame()
	for _, r := range screen {
		if r > 0x7e {
			// What the user gave (a published port) is drawn as it is; tcell
			// replaces what the terminal cannot show.
			if r != '→' {
				t.Errorf("%q on a terminal that shows ASCII only:\n%s", r, screen)
			}
		}
	}
	h.golden("plain-80x24")
}

// monoScreen is a terminal without colours.
type monoScreen struct{ tcell.SimulationScreen }

func (monoScreen) Colors() int { return 0 }

func TestScreenWithoutColours(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.c.terminal.theme = newTheme(monoScreen{h.screen})
	h.scene()
	h.frame()
	w, ht := h.screen.Size()
	reverse := 0
	for y := range ht {
		for x := range w {
			s, style, _ := h.screen.Get(x, y)
			fg, bg, attrs := style.Decompose()
			if fg != tcell.ColorDefault || bg != tcell.ColorDefault {
				t.Fatalf("%q at %d,%d has a colour", s, x, y)
			}
			if attrs&tcell.AttrReverse != 0 {
				reverse++
			}
		}
	}
	if reverse == 0 {
		t.Error("nothing tells keys from labels")
	}
}

func TestPanicStandsOut(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.scene()
	h.event(60_000_000, event.Panic{Message: "init.lua:9: attempt to call a nil value", Traceback: "stack traceback:\n\tinit.lua:9: in function <init.lua:7>", Where: "receive"})
	h.output(60_000_100, "PANIC: unprotected error in call to Lua API (init.lua:9: attempt to call a nil value)\r\n")
	s := busySnapshot()
	s.Halted = true
	h.feed(s)
	h.golden("panic-80x24")
}

func TestHelpAndDetails(t *testing.T) {
	h := newHarness(t, "UTF-8", 100, 30)
	h.scene()
	h.press("F1")
	h.golden("help-100x30")
	h.press("Esc", "Tab", "Tab", "Down", "Enter")
	h.golden("details-100x30")
}

func TestPostMortemIsInTheLog(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.event(clock.At(clock.Second), event.PostMortem{Why: "not enough memory", Where: "init.lua:9", Request: 1024, Free: 312, Size: 50_000,
		Holders: []snapshot.Group{{Name: "init.lua:7", Kind: "table", Bytes: 30_000, Count: 12}}})
	s := h.frame()
	for _, want := range []string{"heap", "not enough memory at init.lua:9", "1024 bytes asked for", "made at init.lua:7"} {
		if !strings.Contains(s, want) {
			t.Errorf("%q is not in the log:\n%s", want, s)
		}
	}
}

func TestCompletionList(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.scene()
	var names []vm.Name
	for i, kind := range []string{"table", "function", "function", "number", "string"} {
		for _, stem := range []string{"set", "setup", "settle", "self"} {
			names = append(names, vm.Name{Name: stem + string(rune('a'+i)), Type: kind})
		}
	}
	h.typeText("x.se")
	h.c.prompt.completeWith(names, "se")
	h.golden("completion-80x24")
}

func TestZoom(t *testing.T) {
	h := newHarness(t, "UTF-8", 140, 40)
	h.scene()
	h.frame()
	h.press("Tab", "Tab", "z")
	h.golden("zoom-140x40")
}

func TestAnySizeDraws(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.scene()
	for _, open := range []string{"Tab", "F1", "Tab"} {
		for _, w := range []int{1, 19, 20, 39, 71, 72, 100, 119, 120, 220} {
			for _, ht := range []int{1, 3, 4, 7, 11, 17, 18, 24, 60} {
				h.screen.SetSize(w, ht)
				h.frame()
			}
		}
		h.press(open)
	}
}
