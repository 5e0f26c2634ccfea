package ui

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// realApp is a device that runs a program of the test's.
func realApp(t *testing.T, program string, w, h int) (*harness, *lwip.Stack) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "init.lua"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	hs, host := newRealHarness(t, dir, w, h)
	hs.pass(5 * clock.Second)
	return hs, host
}

// act presses keys and lets the world do what they ask for.
func (h *harness) act(keys ...string) string {
	h.press(keys...)
	h.pump()
	h.pass(500 * clock.Millisecond)
	return h.frame()
}

func TestExpression(t *testing.T) {
	for _, tt := range []struct{ before, want string }{
		{"tm", "|tm"}, {"x = tmr.cr", "tmr|cr"}, {"a.b:c", "a b|c"}, {"print(node.", "node|"}, {"t:", "t|"},
		{"", ""}, {"1", ""}, {"a .. b", "|b"}, {"f().x", ""}, {"t[1].x", ""}, {"x=5.", ""}, {"(", ""},
	} {
		path, prefix, ok := expression(tt.before)
		got := ""
		if ok {
			got = strings.Join(path, " ") + "|" + prefix
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.before, got, tt.want)
		}
	}
}

func TestCompletion(t *testing.T) {
	h, _ := realApp(t, "config = {host = 1, hostname = 2, port = 3}\nt = tmr.create()", 100, 30)
	complete := func(typed string) (line, screen string) {
		t.Helper()
		h.press("Ctrl-U")
		h.typeText(typed)
		screen = h.act("Tab")
		return h.c.prompt.text(), screen
	}
	for _, tt := range []struct{ typed, want, seen string }{
		{"conf", "config", ""},
		{"config.po", "config.port", ""},
		{"config.h", "config.host", "hostname"}, // what both have in common, and a list
		{"tmr.cre", "tmr.create(", ""},
		{"t:al", "t:alarm(", ""},
		{"x = no", "x = no", "no name begins with"},
		{"f().", "f().", "no name to complete"},
	} {
		if tt.typed == "x = no" {
			tt.typed, tt.want = "x = nosuch", "x = nosuch"
		}
		line, screen := complete(tt.typed)
		if line != tt.want || !strings.Contains(screen, tt.seen) {
			t.Errorf("%q is completed to %q, want %q and %q to be seen:\n%s", tt.typed, line, tt.want, tt.seen, screen)
		}
	}
	complete("config.h")
	h.typeText("n")
	if s := h.frame(); strings.Contains(s, "hostname") {
		t.Errorf("the list stays:\n%s", s)
	}
	// Completion goes on from the cursor, not from the end.
	h.press("Ctrl-U")
	h.typeText("print(con)")
	h.frame()
	h.press("Left")
	h.act("Tab")
	if got := h.c.prompt.text(); got != "print(config)" {
		t.Errorf("within a line: %q", got)
	}
	if out := h.device.Snapshot(); out.Halted {
		t.Error("the device has stopped")
	}
}

func TestMultiLineInput(t *testing.T) {
	h, _ := realApp(t, "", 100, 30)
	for _, line := range []string{"for i = 1, 2 do", "print('turn', i)", "end"} {
		h.typeText(line)
		h.press("Enter")
		h.c.tick()
		s := h.act()
		if want := map[string]string{"for i = 1, 2 do": "\n>> ", "print('turn', i)": "\n>> "}[line]; !strings.Contains(s, strings.TrimRight(want, " ")) {
			t.Errorf("after %q:\n%s", line, s)
		}
	}
	if s := h.frame(); !strings.Contains(s, "turn    2") {
		t.Errorf("the loop did not run:\n%s", s)
	}
}

func TestSocketKeys(t *testing.T) {
	h, host := realApp(t, `net.createServer():listen(80, function(c)
  c:on("receive", function(s, d) s:send("got " .. #d) end)
  c:on("reconnection", function(_, e) print("lost it:", e) end)
end)`, 140, 40)
	var received int
	c := host.NewTCP()
	c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
		received += len(data)
		c.Recved(host.Params().Window)
		return lwip.OK
	}
	c.Connect(netip.MustParseAddr("192.168.1.10"), 80)
	h.pass(clock.Second)
	h.frame()
	h.c.window.focus = paneSockets
	s := h.act("End", "l")
	if !strings.Contains(s, "cut ESTABLI") || !strings.Contains(s, "cut: tcp 192.168.1.10:80") {
		t.Errorf("the link is not cut:\n%s", s)
	}
	c.Write([]byte("hello"))
	h.pass(2 * clock.Second)
	if received != 0 {
		t.Error("an answer came over a link that is cut")
	}
	h.press("Enter")
	if s := h.frame(); !strings.Contains(s, "cut: no packet passes") || !strings.Contains(s, "init.lua:1") || !strings.Contains(s, "Events") {
		t.Errorf("details:\n%s", s)
	}
	h.press("Esc")
	if s := h.act("l"); strings.Contains(s, "cut ESTABLI") {
		t.Errorf("the link is not mended:\n%s", s)
	}
	h.pass(10 * clock.Second)
	if received == 0 {
		t.Error("nothing came over the mended link")
	}
	s = h.act("x")
	if !strings.Contains(s, "lost it:") || c.State() != lwip.Closed {
		t.Errorf("the connection is not reset (%v):\n%s", c.State(), s)
	}
	if s := h.act("Home", "x"); !strings.Contains(s, "only a TCP connection") {
		t.Errorf("a listener cannot be reset:\n%s", s)
	}
}

func TestCutIsForgottenWithTheSocket(t *testing.T) {
	h, host := realApp(t, `net.createServer(net.TCP, 1):listen(80, function() end)`, 140, 40)
	cut := 0 // links, as the world was told
	h.world.OnInput(func(in world.Input) {
		if c, ok := in.What.(world.SetCut); ok && c.On {
			cut++
		} else if ok {
			cut--
		}
	})
	c := host.NewTCP()
	c.Connect(netip.MustParseAddr("192.168.1.10"), 80)
	h.pass(clock.Second)
	h.frame()
	h.c.window.focus = paneSockets
	h.act("End", "l")
	if len(h.page().cuts) != 1 || cut != 1 {
		t.Fatalf("%d links are cut", len(h.page().cuts))
	}
	h.pass(5 * clock.Minute) // the keepalive gives up
	h.pump()
	if len(h.page().cuts) != 0 || cut != 0 {
		t.Errorf("the socket is gone, its rule is not: %v\n%s", h.page().cuts, h.frame())
	}
}

func TestNetworkMenu(t *testing.T) {
	h, host := realApp(t, `net.createServer():listen(80, function(c) c:on("receive", function(s) s:send("x") end) end)`, 100, 30)
	h.c.window.focus = paneLog
	h.press("L")
	h.typeText("nothing")
	h.press("Enter")
	h.pump()
	if s := h.frame(); !strings.Contains(s, "network cut") {
		t.Errorf("the header does not say it:\n%s", s)
	}
	c := host.NewTCP()
	c.Connect(netip.MustParseAddr("192.168.1.10"), 80)
	h.pass(2 * clock.Second)
	if c.State() != lwip.SynSent {
		t.Errorf("over a network that is cut: %v", c.State())
	}
	h.press("L")
	if s := h.frame(); !strings.Contains(s, "in force") {
		t.Errorf("the menu does not say what is in force:\n%s", s)
	}
	h.press("Home")
	h.c.boxes.menu.move(-100)
	h.press("Enter")
	h.pump()
	h.pass(10 * clock.Second)
	if c.State() != lwip.Established || strings.Contains(h.frame(), "network cut") {
		t.Errorf("after it is mended: %v\n%s", c.State(), h.text())
	}
}

func TestAccessPointsOff(t *testing.T) {
	h, _ := realApp(t, "", 100, 30)
	h.c.window.focus = paneLog
	if s := h.act("W"); !strings.Contains(s, "access points off") {
		t.Errorf("not said:\n%s", s)
	}
	h.pass(10 * clock.Second)
	if s := h.frame(); strings.Contains(s, "got IP \"") {
		t.Errorf("the station still has its address:\n%s", s)
	}
	h.act("W")
	h.pass(10 * clock.Second)
	if s := h.frame(); strings.Contains(s, "access points off") || !strings.Contains(s, "got IP \"") {
		t.Errorf("the station is not back:\n%s", s)
	}
}

func TestPinsAndADC(t *testing.T) {
	h, _ := realApp(t, `gpio.mode(1, gpio.INT) gpio.trig(1, "both", function(l) print("level " .. l) end)`, 100, 30)
	h.frame()
	h.c.window.focus = panePins
	if s := h.act("Down", "Enter"); !strings.Contains(s, "level 1") {
		t.Errorf("no interrupt:\n%s", s)
	}
	if s := h.act("x"); !strings.Contains(s, "level 0") {
		t.Errorf("no interrupt when let go:\n%s", s)
	}
	h.press("a")
	h.typeText("x")
	h.press("Enter")
	if s := h.frame(); !strings.Contains(s, "a voltage is a number") {
		t.Errorf("a wrong answer:\n%s", s)
	}
	h.press("a")
	h.typeText("1.65")
	if s := h.act("Enter"); h.device.Pins.ADC.Read() != 512 || !strings.Contains(s, "ADC 512") {
		t.Errorf("the converter reads %d:\n%s", h.device.Pins.ADC.Read(), s)
	}
}

func TestHeapKeys(t *testing.T) {
	h, _ := realApp(t, "keep = {}", 100, 30)
	h.c.window.focus = paneLog
	var saved []*snapshot.Snapshot
	h.c.cfg.SaveHeap = func(s *snapshot.Snapshot) (string, error) {
		if saved = append(saved, s); len(saved) > 1 {
			return "", errors.New("the disk is full")
		}
		return "heap-1.json", nil
	}
	if s := h.act("S"); !strings.Contains(s, "Bytes by kind") || !strings.Contains(s, "table") || !strings.Contains(s, "saved to heap-1.json") {
		t.Errorf("the first snapshot:\n%s", s)
	}
	h.press("Esc")
	h.device.Serial.Type([]byte("for i = 1, 20 do keep[i] = {} end\n"))
	h.pass(clock.Second)
	s := h.act("S")
	if len(saved) != 2 || !strings.Contains(s, "the disk is full") {
		t.Errorf("%d saved:\n%s", len(saved), s)
	}
	if !strings.Contains(s, "against 00:00:0") || !strings.Contains(s, "table") || !strings.Contains(s, "+20") {
		t.Errorf("the difference:\n%s", s)
	}
	h.press("Esc")
	if s := h.act("C"); !strings.Contains(s, "garbage collected") {
		t.Errorf("no word about the collection:\n%s", s)
	}
	if s := h.frame(); !strings.Contains(s, "S") || h.page().model.heap.columns[len(h.page().model.heap.columns)-1].at == 0 {
		t.Errorf("no mark on the graph:\n%s", s)
	}
}

func TestHints(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.c.window.focus = paneLog
	h.frame()
	h.press("H")
	if s := h.frame(); !strings.Contains(s, "none") {
		t.Errorf("no hints:\n%s", s)
	}
	h.press("Esc")
	long := strings.Repeat("this goes on ", 12) + "to its end"
	for range 3 {
		h.event(clock.At(clock.Second), event.Hint{Text: long, Where: "init.lua:7"})
	}
	h.event(clock.At(clock.Second), event.Hint{Text: "something else"})
	h.press("H")
	if s := h.frame(); !strings.Contains(s, "init.lua:7") || !strings.Contains(s, "to its end (3 times)") || !strings.Contains(s, "something else") {
		t.Errorf("hints:\n%s", s)
	}
}

func TestSeveralDevices(t *testing.T) {
	h := newHarness(t, "UTF-8", 100, 30, "second", "third")
	h.output(0, "from the first\r\n")
	h.c.devices.all[1].feed.event(world.Event{Device: "second", Data: event.Output{Text: "from the second\r\n"}})
	if s := h.frame(); !strings.Contains(s, "from the first") || strings.Contains(s, "from the second") {
		t.Errorf("the first device:\n%s", s)
	}
	h.c.window.focus = paneLog
	h.press("D")
	if s := h.frame(); !strings.Contains(s, "third: ") || !strings.Contains(s, "on show") {
		t.Errorf("the list:\n%s", s)
	}
	h.typeText("second")
	h.press("Enter")
	if s := h.frame(); strings.Contains(s, "from the first") || !strings.Contains(s, "from the second") || !strings.HasPrefix(s, " second ") {
		t.Errorf("the second device:\n%s", s)
	}
	// The graphs of those that are not on show go on.
	h.c.world.clock().Pause()
	for _, p := range h.c.devices.all {
		p.pending = false
	}
	for range 5 {
		h.wall = h.wall.Add(columnTime)
		h.c.tick()
		h.pump()
	}
	h.frame()
	for i, p := range h.c.devices.all {
		if !p.model.known {
			t.Errorf("nothing is known of device %d", i)
		}
	}
	h.press("d", "d")
	if s := h.frame(); h.page().device != h.device || !strings.Contains(s, "from the first") {
		t.Errorf("the devices after it:\n%s", s)
	}
}

func TestChangedFiles(t *testing.T) {
	h := newHarness(t, "UTF-8", 100, 30)
	h.c.FilesChanged([]string{"init.lua", "web.lua"})
	if s := h.frame(); !strings.Contains(s, "files changed") || !strings.Contains(s, "what has changed: init.lua web.lua") {
		t.Errorf("no offer:\n%s", s)
	}
	h.c.FilesChanged(nil)
	if s := h.frame(); strings.Contains(s, "files changed") {
		t.Errorf("the offer stays though the device has the files:\n%s", s)
	}
	h.c.cfg.Restart = nil
	h.c.window.focus = paneLog
	h.press("r")
	if s := h.frame(); !strings.Contains(s, "no app directory") {
		t.Errorf("without a directory:\n%s", s)
	}
}

func TestPaletteHasEverything(t *testing.T) {
	h := newHarness(t, "UTF-8", 100, 60)
	h.frame()
	h.press("Ctrl-O")
	list := map[string]string{}
	for _, it := range h.c.boxes.menu.items {
		if _, twice := list[it.text]; twice {
			t.Errorf("%q is there twice", it.text)
		}
		list[it.text] = it.note
	}
	for _, a := range actions {
		if a.motion || a.do == nil || a.where != inPane && a.where != anywhere {
			continue
		}
		for _, k := range a.keyNames() {
			if !strings.Contains(" "+list[a.help]+" ", " "+k+" ") {
				t.Errorf("%q does not name the key %s", a.help, k)
			}
		}
	}
	h.golden("palette-100x60")
	h.typeText("no such thing")
	h.press("Enter") // chooses nothing, stays open
	if s := h.frame(); h.c.boxes.menu == nil || !strings.Contains(s, "nothing matches") {
		t.Errorf("nothing matches:\n%s", s)
	}
	h.press("Esc", "Ctrl-O")
	h.typeText("PAUSE continue")
	h.press("Enter")
	if h.c.boxes.menu != nil || !h.c.world.clock().State().Paused {
		t.Error("the palette does not pause")
	}
}

func TestEveryOverlayFitsAnySize(t *testing.T) {
	h := newHarness(t, "UTF-8", 80, 24)
	h.scene()
	h.c.window.focus = paneSockets
	for _, key := range []string{"Ctrl-O", "H", "L", "D", "Enter", "&"} {
		h.press(key)
		for _, w := range []int{1, 20, 33, 80, 200} {
			for _, ht := range []int{1, 4, 9, 24, 70} {
				h.screen.SetSize(w, ht)
				h.frame()
				h.c.boxes.completion = &completion{[]vm.Name{{Name: "one", Type: "function"}, {Name: "another", Type: "table"}, {Name: "third"}}}
				h.frame()
			}
		}
		h.screen.SetSize(80, 24)
		h.frame()
		h.press("Esc")
		if h.c.boxes.menu != nil || h.c.boxes.overlay != nil || h.c.boxes.question != nil {
			t.Fatalf("Esc does not close what %s opens", key)
		}
		h.c.window.focus = paneSockets
	}
	for i := range 400 {
		h.event(clock.Time(i), event.Socket{ID: i, State: fmt.Sprint(i)})
	}
	h.frame()
	if n := len(h.page().model.sockets.byID); n > socketsKept {
		t.Errorf("events of %d sockets are kept", n)
	}
}

// The board's parts stand behind its pins: a button can be pressed, an LED shows what
// the program does.
func TestPartsOfTheBoard(t *testing.T) {
	h, _ := realApp(t, "gpio.mode(4, gpio.OUTPUT) gpio.write(4, 0)", 140, 40)
	h.frame()
	h.c.window.focus = panePins
	flash, module := 15, 13 // behind the 13 pins
	row := func(n int) {
		h.press("Home")
		for range n {
			h.press("Down")
		}
	}
	row(module)
	if s := h.act("Enter"); !strings.Contains(s, "module ●") || !strings.Contains(s, "the led module is lit: the program decides that") {
		t.Errorf("LED:\n%s", s)
	}
	row(flash)
	if s := h.act("Enter"); !strings.Contains(s, "FLASH ●") || h.device.Pins.Level(3) != 0 {
		t.Errorf("pressed, pin 3 is %d:\n%s", h.device.Pins.Level(3), s)
	}
	if s := h.act("Enter"); !strings.Contains(s, "FLASH ○") || h.device.Pins.Level(3) != 1 {
		t.Errorf("released, pin 3 is %d:\n%s", h.device.Pins.Level(3), s)
	}
	if s := h.act("x"); !strings.Contains(s, "FLASH is a part of the board") {
		t.Errorf("x on a part:\n%s", s)
	}
}
