package ui

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/part"
)

var update = flag.Bool("update", false, "write the golden files anew")

// harness is a console on a simulated terminal, with a clock of its own. Nothing
// runs but what the test asks for.
type harness struct {
	t      *testing.T
	screen tcell.SimulationScreen
	world  *world.World
	device *device.Device
	c      *Console
	wall   time.Time

	restarts atomic.Int32 // how often Config.Restart was called
}

func newHarness(t *testing.T, charset string, w, h int, others ...string) *harness {
	t.Helper()
	hs := &harness{t: t, screen: tcell.NewSimulationScreen(charset), wall: time.Unix(1_000_000, 0)}
	hs.world = world.New(1)
	hs.device = device.New(hs.world, device.Config{
		Name:    "device",
		Board:   testBoard(),
		HostCPU: true,
		Startup: func(*device.Device) {},
	})
	for _, name := range others {
		device.New(hs.world, device.Config{Name: name, Board: testBoard(), HostCPU: true, Startup: func(*device.Device) {}})
	}
	c, err := New(Config{
		World: hs.world, Device: hs.device, Title: "hello-http", Screen: hs.screen,
		Published: []string{"127.0.0.1:8080 → 80"}, Restart: func() { hs.restarts.Add(1) }, now: func() time.Time { return hs.wall },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Restore)
	hs.c = c
	hs.screen.SetSize(w, h)
	hs.world.Clock.SetSpeed(1)
	return hs
}

// testBoard has what the console shows of a board, and a chip that can run.
func testBoard() *board.Board {
	b := &board.Board{Name: "test", Title: "NodeMCU DevKit v1.0"}
	b.CPU = board.CPU{MHz: 80, Clocks: []int{80, 160}, Instruction: 1, Call: 1}
	b.ADC = board.ADC{Bits: 10, FullScale: 3.3}
	b.Heap.Size = 50_000
	b.Flash.Size = 4 << 20
	b.FS = board.FS{Address: 1 << 20, Size: 1 << 20}
	for i, silk := range []string{"D0", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "RX", "TX", "SD2", "SD3"} {
		gpio, _ := board.GPIOOf(i)
		b.Pins = append(b.Pins, board.Pin{Index: i, GPIO: gpio, Silk: silk})
	}
	return b
}

// feed gives the console a snapshot of the test's making, as if the world had
// answered; the console asks for none of its own.
func (h *harness) feed(s device.Snapshot) {
	h.page().feed.snapshot(s)
	h.c.takeIn()
	h.settle()
}

// settle keeps the console from asking the device.
func (h *harness) settle() { h.page().pending, h.page().asked = true, h.wall }

// pump runs what the console has posted to the world.
func (h *harness) pump() {
	h.world.Clock.Stop()
	h.world.Clock.Run(clock.Forever, false)
}

func (h *harness) event(at clock.Time, data world.Happening) {
	h.page().feed.event(world.Event{Time: at, Device: "device", Data: data})
}

func (h *harness) output(at clock.Time, text string) {
	h.event(at, event.Output{Text: text})
}

// press presses keys: names of the table of actions, or characters to type.
func (h *harness) press(keys ...string) {
	for _, name := range keys {
		h.c.handle(keyEvent(name))
	}
}

func (h *harness) typeText(s string) {
	for _, r := range s {
		h.c.handle(tcell.NewEventKey(tcell.KeyRune, r, 0))
	}
}

func keyEvent(name string) *tcell.EventKey {
	for _, a := range actions {
		for _, k := range a.keys {
			if k.name == name {
				return tcell.NewEventKey(k.code, k.char, 0)
			}
		}
	}
	panic("no such key: " + name)
}

// frame draws and returns the screen.
func (h *harness) frame() string {
	h.c.takeIn()
	h.settle()
	h.c.draw()
	return h.text()
}

// text is the screen as characters, a line each, without trailing blanks.
func (h *harness) text() string {
	w, ht := h.screen.Size()
	var b strings.Builder
	for y := range ht {
		var line strings.Builder
		for x := 0; x < w; {
			s, _, n := h.screen.Get(x, y)
			if s == "" {
				s = " "
			}
			line.WriteString(s)
			x += max(n, 1)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// styles is the screen as the roles of its cells: a letter each, blank for plain
// text.
func (h *harness) styles() string {
	letters := [roles]byte{text: ' ', dim: '.', strong: 's', accent: 'a', good: 'g', warn: 'w', bad: 'b', alarm: 'A', keyName: 'k', selected: 'k'}
	byStyle := map[tcell.Style]byte{}
	for r := roles - 1; r >= 0; r-- {
		byStyle[h.c.terminal.theme.style[r]] = letters[r]
	}
	for r := range roles {
		if st := h.c.terminal.theme.over(r); byStyle[st] == 0 {
			byStyle[st] = letters[r] - 'a' + 'A'
		}
	}
	w, ht := h.screen.Size()
	var b strings.Builder
	for y := range ht {
		var line strings.Builder
		for x := range w {
			s, st, _ := h.screen.Get(x, y)
			l, ok := byStyle[st]
			if !ok {
				l = '?'
			}
			if s == " " && l != 'k' && l != 'A' {
				l = ' '
			}
			line.WriteByte(l)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// golden compares the screen with testdata/name.txt.
func (h *harness) golden(name string) {
	h.t.Helper()
	got := h.frame() + "\n" + h.styles()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			h.t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	if got != string(want) {
		h.t.Errorf("%s: the screen differs; run go test ./ui -update and look at the change\n%s", name, lineDiff(string(want), got))
	}
}

func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i := range max(len(w), len(g)) {
		var a, z string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			z = g[i]
		}
		if a != z {
			fmt.Fprintf(&b, "%3d -%s\n    +%s\n", i+1, a, z)
		}
	}
	return b.String()
}

// scene fills the console with a device that serves HTTP.
func (h *harness) scene() {
	h.event(0, event.Boot{Raw: 1, Extended: 0, Reason: "power-on"})
	h.output(166_000, "\r\nNodeMCU 3.0.0.0 build sim powered by Lua 5.1.4\r\n")
	h.output(180_200, "starting\r\n> ")
	h.event(1_500_000, event.WiFi{Mode: "station", State: "connected"})
	h.event(2_100_000, event.WiFi{Mode: "station", State: "got IP", IP: "192.168.1.10"})
	h.event(2_100_500, event.Socket{ID: 1, State: "listen", Local: netip.MustParseAddrPort("0.0.0.0:80")})
	for i := range 50 {
		free := 41_216 - i%7*1_200
		if i == 20 {
			free = 9_100
		}
		if i == 21 {
			free = 2_400
			h.event(clock.At(21*clock.Second), event.Memory{Request: 1460, Free: 1210})
		}
		if i == 24 {
			h.event(clock.At(24*clock.Second), event.Hint{Text: "send while the last one is unacknowledged loses data", Where: "init.lua:12"})
		}
		if i == 30 {
			h.output(30_000_000, "=node.heap()\r\n41216\r\n> ")
		}
		s := busySnapshot()
		s.Time, s.Uptime, s.Heap.Free = clock.At(clock.Duration(i)*clock.Second), clock.Duration(i)*clock.Second, free
		s.CPU = clock.Duration(i) * 40_000
		s.Heap.Low = 30_000
		if i >= 21 {
			s.Heap.Low = 2_400
		}
		h.feed(s)
		h.wall = h.wall.Add(time.Second)
	}
	s := busySnapshot()
	s.Time, s.Uptime = clock.At(49*clock.Second), 49*clock.Second
	h.feed(s)
}

func busySnapshot() device.Snapshot {
	s := device.Snapshot{
		Name: "device", Board: "NodeMCU DevKit v1.0", MHz: 80, Boots: 0, Reason: "power-on",
		Release: "3.0.0.0", ChipID: 0xc0ffee, ADC: 512,
		Heap: inspect.HeapUsage{Total: 44_568, Free: 30_016, Low: 2_400, Lua: 9_120, Native: 1_240, Failed: 1,
			Kinds: inspect.HeapKinds{Strings: 2_104, Tables: 1_920, Functions: 3_456, Userdata: 208, Network: 1_240, Other: 5_624}},
		WiFi: radio.Snapshot{Mode: "station", State: "got IP", SSID: "nodemcu-sim", IP: "192.168.1.10"},
		Sockets: []sockets.Snapshot{
			{ID: 1, Proto: "TCP", State: "LISTEN", Local: "0.0.0.0:80", Age: 47 * clock.Second, Site: "init.lua:31"},
			{ID: 7, Proto: "TCP", State: "ESTABLISHED", Local: "192.168.1.10:80", Remote: "192.168.1.1:51234", Queued: 2920, Unacked: 1460, Segments: 2, Window: 5840, RxBytes: 412, TxBytes: 1_048_576, Age: 640 * clock.Millisecond, Handlers: []string{"receive", "sent"}, Retransmits: 2, Site: "init.lua:31"},
			{ID: 6, Proto: "TCP", State: "TIME_WAIT", Local: "192.168.1.10:80", Remote: "192.168.1.1:51230", RxBytes: 83, TxBytes: 120, Age: 4 * clock.Second},
			{ID: 8, Proto: "UDP", State: "open", Local: "0.0.0.0:5353", Age: 31 * clock.Minute},
		},
		Timers: []device.TimerSnapshot{
			{Mode: "auto", Interval: clock.Second, DueIn: 312 * clock.Millisecond, Site: "init.lua:12", Runs: 48, LastCost: 740},
			{Mode: "single", Interval: 30 * clock.Second, DueIn: 12 * clock.Second, Site: "httpserver.lua:88", Runs: 1, LastCost: 31 * clock.Millisecond},
			{Mode: "semi", Interval: 5 * clock.Minute, DueIn: -1, Site: "init.lua:40"},
		},
		Parts: []device.PartSnapshot{
			{Kind: "led", Name: "module", GPIO: 2, Shown: part.Shown{On: true, State: "lit"}},
			{Kind: "button", Name: "FLASH", GPIO: 0, Shown: part.Shown{State: "released", Actions: []string{"press"}}},
		},
		Tasks: [3]int{1, 0, 5},
	}
	for i, p := range testBoard().Pins {
		pin := pin.Snapshot{Index: i, GPIO: p.GPIO, Name: p.Silk, Mode: "input", Trig: "none"}
		switch p.Silk {
		case "D1":
			pin.Mode, pin.Level = "output", 1
		case "D2":
			pin.Mode, pin.Trig, pin.Level, pin.Driven = "interrupt", "both", 1, true
		case "D3":
			pin.Pullup, pin.Level = true, 1
		case "D5":
			pin.Mode = "open drain"
		}
		s.Pins = append(s.Pins, pin)
	}
	return s
}

// page is that of the device on show.
func (h *harness) page() *page { return h.c.devices.shown }
