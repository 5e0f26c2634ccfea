package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// effects says which part of the console's state each key must change; "none" is
// for a key whose effect cannot be read from it.
var effects = map[string]string{
	"In the prompt/Enter": "prompt typist log", "In the prompt/Tab": "posted", "In the prompt/Up": "prompt", "In the prompt/Ctrl-P": "prompt",
	"In the prompt/Down": "prompt", "In the prompt/Ctrl-N": "prompt", "In the prompt/Esc": "prompt",
	"In the prompt/Left": "cursor", "In the prompt/Right": "cursor", "In the prompt/Home": "cursor", "In the prompt/End": "cursor",
	"In the prompt/Ctrl-A": "cursor", "In the prompt/Ctrl-E": "cursor", "In the prompt/Ctrl-W": "prompt cursor",
	"In the prompt/Ctrl-U": "prompt cursor", "In the prompt/Ctrl-K": "prompt", "In the prompt/Ctrl-Z": "prompt cursor", "In the prompt/Ctrl-Y": "none",

	"In a pane/Up": "log", "In a pane/k": "log", "In a pane/Down": "log", "In a pane/j": "log",
	"In a pane/Home": "log", "In a pane/g": "log", "In a pane/End": "log", "In a pane/G": "log",
	"In a pane/z": "zoom", "In a pane/f": "log", "In a pane//": "question", "In a pane/&": "question", "In a pane/v": "sources log",
	"In a pane/n": "log", "In a pane/N": "log", "In a pane/w": "question", "In a pane/y": "clipboard", "In a pane/Y": "clipboard",
	"In a pane/c": "log lines", "In a pane/p": "paused", "In a pane/ ": "paused", "In a pane/s": "paused", "In a pane/-": "speed",
	"In a pane/+": "speed", "In a pane/=": "speed", "In a pane/R": "posted", "In a pane/P": "posted", "In a pane/r": "restarts",
	"In a pane/W": "posted", "In a pane/L": "menu", "In a pane/C": "posted", "In a pane/S": "posted", "In a pane/H": "overlay",
	"In a pane/D": "menu", "In a pane/d": "device log lines", "In a pane/m": "mouse",
	"In a pane/i": "focus", "In a pane/Esc": "focus", "In a pane/:": "menu", "In a pane/?": "overlay", "In a pane/h": "overlay",
	"In a pane/q": "quit",

	"In a pane/Sockets/Enter": "overlay", "In a pane/Sockets/x": "posted", "In a pane/Sockets/l": "posted cuts",
	"In a pane/Pins/Enter": "posted", "In a pane/Pins/x": "posted", "In a pane/Pins/a": "question",

	"While a line is asked for/Enter": "question", "While a line is asked for/Esc": "question filter",

	"In a menu/Up": "row", "In a menu/Ctrl-P": "row", "In a menu/Down": "row", "In a menu/Ctrl-N": "row", "In a menu/Tab": "row",
	"In a menu/PgUp": "row", "In a menu/PgDn": "row", "In a menu/Enter": "menu posted", "In a menu/Esc": "menu row", "In a menu/Ctrl-O": "menu row",

	"In help and details/Up": "scroll", "In help and details/k": "scroll", "In help and details/Down": "scroll",
	"In help and details/j": "scroll", "In help and details/PgUp": "scroll", "In help and details/PgDn": "scroll",
	"In help and details/ ": "scroll", "In help and details/Esc": "overlay scroll", "In help and details/Enter": "overlay scroll",
	"In help and details/q": "overlay scroll", "In help and details/F1": "overlay scroll",

	"Everywhere/F1": "overlay", "Everywhere/Ctrl-O": "menu", "Everywhere/F2": "paused", "Everywhere/F3": "paused", "Everywhere/F4": "speed",
	"Everywhere/F5": "speed", "Everywhere/F6": "zoom", "Everywhere/F7": "question", "Everywhere/F8": "sources log",
	"Everywhere/F9": "posted", "Everywhere/F10": "quit", "Everywhere/Ctrl-C": "quit", "Everywhere/Tab": "focus",
	"Everywhere/Shift-Tab": "focus", "Everywhere/PgUp": "log", "Everywhere/PgDn": "log", "Everywhere/Ctrl-L": "none",
}

// state is what keys change, by name.
func (h *harness) state() map[string]string {
	c, p := h.c, h.page()
	st := c.world.clock().State()
	x, _, _ := h.screen.GetCursor()
	s := map[string]any{
		"focus": c.window.focus, "zoom": c.window.zoomed, "question": c.boxes.question != nil, "menu": c.boxes.menu != nil, "row": 0, "device": p.device.Name(), "cuts": len(p.cuts),
		"restarts": h.restarts.Load(), "clipboard": len(h.screen.GetClipboardData()), "filter": p.log.filter,
		"sources": p.log.sources, "log": fmt.Sprint(p.log.held, p.log.lastShown(), p.log.found), "lines": p.model.log.end() - p.model.log.start(),
		"paused": st.Paused, "speed": st.Speed, "mouse": c.terminal.mouse, "quit": c.quit, "prompt": c.prompt.text(),
		"typist": len(p.typist.lines), "posted": c.world.posted.Load(), "cursor": x, "overlay": c.boxes.overlay != nil, "scroll": 0,
	}
	if c.boxes.overlay != nil {
		s["scroll"] = c.boxes.overlay.top
	}
	if c.boxes.menu != nil {
		s["row"] = c.boxes.menu.cursor
	}
	out := map[string]string{}
	for k, v := range s {
		out[k] = fmt.Sprint(v)
	}
	return out
}

// keyHarness is a console in the middle of everything, so that each key can change
// something.
func keyHarness(t *testing.T, where scope) *harness {
	h := newHarness(t, "UTF-8", 100, 30, "other")
	h.scene()
	for i := range 200 {
		h.output(clock.At(clock.Duration(i)*clock.Second), fmt.Sprintf("line %d\r\n", i))
	}
	h.c.world.clock().SetSpeed(5)
	h.frame()
	for _, line := range []string{"one()", "two()", "three()"} {
		h.typeText(line)
		h.press("Enter")
	}
	h.page().typist.lines = nil
	h.press("PgUp", "PgUp")
	h.frame()
	h.page().log.search = "line 1"
	h.page().log.find(h.page().log.lastShown()-60, -1)
	switch where {
	case inPrompt:
		h.typeText("x = a b")
		h.press("Up", "Up")
		h.frame()
		h.press("Left")
	case inPane:
		h.c.window.focus = paneLog
	case inQuestion:
		h.c.window.focus = paneLog
		h.press("&")
		h.typeText("line")
	case inMenu:
		h.press("Ctrl-O")
		h.frame()
		h.c.boxes.menu.move(h.c.boxes.menu.height)
	case inOverlay:
		h.press("F1")
		h.frame()
		h.c.boxes.overlay.move(3)
	}
	h.frame()
	return h
}

func TestEveryKey(t *testing.T) {
	tried := map[string]bool{}
	for _, a := range actions {
		for _, k := range a.keys {
			id := scopeNames[a.where] + "/" + k.name
			if a.only != panePrompt {
				id = scopeNames[a.where] + "/" + map[pane]string{paneSockets: "Sockets", panePins: "Pins"}[a.only] + "/" + k.name
			}
			want, ok := effects[id]
			if !ok {
				t.Errorf("no effect is known of %s", id)
				continue
			}
			tried[id] = true
			t.Run(id, func(t *testing.T) {
				h := keyHarness(t, a.where)
				if a.only != panePrompt {
					h.c.window.focus = a.only
					h.press("Down")
				}
				switch k.name {
				case "Home", "Ctrl-A", "Left", "Ctrl-W", "Ctrl-U", "Tab":
					if a.where == inPrompt {
						h.press("Ctrl-E")
					}
				case "Enter":
					if a.where == inMenu {
						h.typeText("power away")
					}
				case "Ctrl-Z":
					h.typeText("y")
				}
				if id == "In the prompt/Tab" {
					h.press("Ctrl-U")
					h.typeText("tm")
				}
				h.frame()
				before := h.state()
				h.c.handle(tcell.NewEventKey(k.code, k.char, 0))
				if want == "restarts" {
					for range 1000 { // it runs on a goroutine of its own
						if h.restarts.Load() > 0 {
							break
						}
						time.Sleep(time.Millisecond)
					}
				}
				h.frame()
				after := h.state()
				var changed []string
				for name := range before {
					if before[name] != after[name] {
						changed = append(changed, name)
					}
				}
				for _, name := range strings.Fields(want) {
					if name != "none" && !slices.Contains(changed, name) {
						t.Errorf("%s did not change: %v", name, after[name])
					}
				}
				for _, name := range changed {
					if !strings.Contains(want, name) && !slices.Contains([]string{"cursor", "scroll", "row"}, name) {
						t.Errorf("%s changed from %s to %s", name, before[name], after[name])
					}
				}
			})
		}
	}
	for id := range effects {
		if !tried[id] {
			t.Errorf("there is no key %s", id)
		}
	}
}

func TestHelpNamesEveryKey(t *testing.T) {
	var all strings.Builder
	for _, l := range helpLines() {
		all.WriteString(l.name + " | " + l.text + "\n")
	}
	for _, a := range actions {
		if !strings.Contains(all.String(), a.help) || a.help == "" {
			t.Errorf("help does not say %q", a.help)
		}
	}
}

func TestDetailsFollowTheSocket(t *testing.T) {
	h := newHarness(t, "UTF-8", 100, 30)
	h.scene()
	h.frame()
	h.c.window.focus = paneSockets
	h.press("Down", "Enter")
	if s := h.frame(); !strings.Contains(s, "Socket 7") || !strings.Contains(s, "2,920 of 2,920 bytes") {
		t.Errorf("no details:\n%s", s)
	}
	s := busySnapshot()
	s.Sockets = s.Sockets[:1]
	h.feed(s)
	if s := h.frame(); !strings.Contains(s, "the socket no longer exists") {
		t.Errorf("the socket is gone, and the details do not say so:\n%s", s)
	}
	h.press("Esc", "End", "Enter")
	if h.frame(); h.c.boxes.overlay == nil || h.c.boxes.overlay.title != "Socket 1" {
		t.Error("the selection did not move to a socket that exists")
	}
}

func TestPromptTypesToTheDevice(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.output(0, "> ")
	h.frame()
	h.typeText("print(1)")
	h.press("Enter")
	h.c.tick()
	h.pump()
	if n := h.device.Serial.Pending(); n != len("print(1)\n") {
		t.Errorf("%d bytes on the line", n)
	}
	if s := h.frame(); strings.Contains(s, "print(1)") {
		t.Errorf("the line stays in the prompt, or is echoed by the console:\n%s", s)
	}
	h.press("Up")
	if got := h.c.prompt.text(); got != "print(1)" {
		t.Errorf("the history gives %q", got)
	}
}

func TestPasteTypesLineByLine(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.output(0, "> ")
	h.frame()
	h.c.handle(tcell.NewEventPaste(true))
	h.typeText("a=1")
	h.c.handle(tcell.NewEventKey(tcell.KeyEnter, 0, 0))
	h.typeText("q=2") // q is no key while pasting
	h.c.handle(tcell.NewEventKey(tcell.KeyEnter, 0, 0))
	h.typeText("c=3")
	h.c.handle(tcell.NewEventPaste(false))
	if h.c.quit || len(h.page().typist.lines) != 2 || h.c.prompt.text() != "c=3" {
		t.Fatalf("typist %q, prompt %q", h.page().typist.lines, h.c.prompt.text())
	}
	h.c.tick()
	h.c.tick()
	if len(h.page().typist.lines) != 1 {
		t.Fatalf("the second line did not wait for the prompt: %q", h.page().typist.lines)
	}
	h.output(1000, "a=1\r\n> ")
	h.frame()
	h.c.tick()
	if len(h.page().typist.lines) != 0 {
		t.Errorf("the second line was not typed at the prompt: %q", h.page().typist.lines)
	}
}

func TestLineTooLongForTheDevice(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.typeText(strings.Repeat("x", longestLine+1))
	h.press("Enter")
	if len(h.page().typist.lines) != 0 || !strings.Contains(h.frame(), "256/255") || !strings.Contains(h.text(), "throws away") {
		t.Errorf("a line that the device cannot take was sent:\n%s", h.text())
	}
}

func TestFilterAndScroll(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	for i := range 300 {
		h.output(0, fmt.Sprintf("line %d\r\n", i))
	}
	h.event(0, event.Hint{Text: "a hint"})
	h.frame()
	h.press("F7")
	h.typeText("LINE 7")
	h.press("Enter")
	s := h.frame()
	if !strings.Contains(s, "line 79") || strings.Contains(s, "line 80") || strings.Contains(s, "a hint") {
		t.Errorf("the filter:\n%s", s)
	}
	h.press("F7", "Esc", "Tab", "Shift-Tab", "Shift-Tab")
	h.press("g")
	if s := h.frame(); !strings.Contains(s, "line 0") || !strings.Contains(s, "below") {
		t.Errorf("the top of the log:\n%s", s)
	}
	h.output(0, "new\r\n")
	if s := h.frame(); strings.Contains(s, "new") {
		t.Errorf("the log moved while it was held:\n%s", s)
	}
	h.press("G")
	if s := h.frame(); !strings.Contains(s, "new") {
		t.Errorf("the end of the log:\n%s", s)
	}
	h.press("v", "v", "v")
	if s := h.frame(); !strings.Contains(s, "a hint") || strings.Contains(s, "line 299") {
		t.Errorf("problems only:\n%s", s)
	}
}

func TestMouse(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.scene()
	h.frame()
	r := h.c.window.layout.panes[paneSockets]
	h.c.handle(tcell.NewEventMouse(r.x+3, r.y+1, tcell.Button1, 0))
	if h.c.window.focus != paneSockets {
		t.Error("a click does not focus a pane")
	}
	h.c.handle(tcell.NewEventMouse(r.x+3, r.y+1, tcell.WheelDown, 0))
	if h.page().views[paneSockets].(*socketView).cursor != wheelLines {
		t.Error("the wheel does not move in the pane under it")
	}
	h.frame()
	for _, b := range h.c.footer.buttons {
		if b.action.label == "Pause" {
			h.c.handle(tcell.NewEventMouse(b.rect.x, b.rect.y, tcell.Button1, 0))
		}
	}
	if !h.c.world.clock().State().Paused {
		t.Error("a click on Pause does not pause")
	}
}

func TestSpeeds(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.c.pace.setSpeed(3)
	h.press("F5")
	if got := h.c.world.clock().State().Speed; got != 5 {
		t.Errorf("faster than 3 is %v", got)
	}
	h.c.pace.setSpeed(3)
	h.press("F4")
	if got := h.c.world.clock().State().Speed; got != 2 {
		t.Errorf("slower than 3 is %v", got)
	}
	for range 20 {
		h.press("F5")
	}
	if got := h.c.world.clock().State().Speed; got != clock.Max {
		t.Errorf("fastest is %v", got)
	}
	for range 20 {
		h.press("F4")
	}
	if got := h.c.world.clock().State().Speed; got != 0.1 {
		t.Errorf("slowest is %v", got)
	}
}

func TestPasteWithoutEndDoesNotLockTheKeys(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.c.handle(tcell.NewEventPaste(true))
	h.typeText("q")
	h.press("F10")
	if !h.c.quit {
		t.Error("F10 was taken for pasted text")
	}
}

func TestFocusComesBackWhenThePaneVanishes(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.frame()
	h.c.window.focus = paneTimers
	h.screen.SetSize(40, 12)
	h.frame()
	if h.c.window.focus != panePrompt {
		t.Errorf("keys go to pane %d, which is not seen", h.c.window.focus)
	}
}

func TestMouseToTheTerminal(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.c.window.focus = paneLog
	h.frame()
	h.press("m")
	if s := h.frame(); !strings.Contains(s, "the mouse is the terminal's") {
		t.Errorf("no word about the mouse:\n%s", s)
	}
	h.wall = h.wall.Add(messageTime + time.Second)
	h.c.tick()
	if s := h.text(); strings.Contains(s, "mouse") {
		t.Errorf("the message stays:\n%s", s)
	}
}
