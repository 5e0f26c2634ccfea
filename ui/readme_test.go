package ui

import (
	"bytes"
	"html"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
	"github.com/nodemcu-sim/nodemcu-sim/modules"
	"github.com/nodemcu-sim/nodemcu-sim/sim/firmware"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// newRealHarness is a console of a device that runs an app, with a host on its
// network. Its time is the test's.
func newRealHarness(t *testing.T, app string, w, h int) (*harness, *lwip.Stack) {
	t.Helper()
	board, err := boards.Load(boards.Default)
	if err != nil {
		t.Fatal(err)
	}
	cfg := device.Config{Name: "device", Board: board, Embedded: modules.Source, Flash: flash.New(board.FS.Size)}
	if cfg.Modules, err = firmware.Select(board.Firmware.Modules); err != nil {
		t.Fatal(err)
	}
	dir, err := hostdir.Open(app)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if _, err := dir.Load(cfg.Flash, []string{"*.go", "*.md"}); err != nil {
		t.Fatal(err)
	}
	hs := &harness{t: t, screen: tcell.NewSimulationScreen("UTF-8"), wall: time.Unix(1_000_000, 0), world: world.New(1)}
	hs.world.Air.Networks = []air.Network{{SSID: air.DefaultSSID}}
	hs.device = device.New(hs.world, cfg)
	hs.c, err = New(Config{World: hs.world, Title: filepath.Base(app), Screen: hs.screen, Published: []string{"127.0.0.1:8080 → tcp port 80"}, now: func() time.Time { return hs.wall }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hs.c.Restore)
	hs.screen.SetSize(w, h)

	addr := netip.MustParsePrefix("192.168.1.20/24")
	var host *lwip.Stack
	nic := hs.world.Wire.Attach("host", func(p *wire.Packet) { host.Input(0, p) })
	nic.SetPrefix(addr)
	host = lwip.New(lwip.NewClockHost(hs.world.Clock, 7, nic.Send), lwip.Desktop())
	host.SetNetif(0, lwip.Netif{Prefix: addr, Up: true})
	hs.world.Clock.SetSpeed(1)
	hs.device.PowerOn()
	return hs, host
}

// pass lets device time and wall time pass, with a snapshot every quarter second.
func (h *harness) pass(d clock.Duration) {
	const step = 250 * clock.Millisecond
	for end := h.world.Clock.Now().Add(d); h.world.Clock.Now() < end; {
		h.world.Clock.RunUntil(h.world.Clock.Now().Add(step))
		h.wall = h.wall.Add(time.Duration(step) * time.Microsecond)
		h.page().feed.snapshot(h.device.Snapshot())
		h.c.takeIn()
	}
	h.settle()
}

// get asks the device for a page; without patience it reads nothing of the answer
// and does not hang up.
func get(host *lwip.Stack, path string, patience bool) {
	c := host.NewTCP()
	c.OnConnected = func(c *lwip.TCPConn) lwip.Err {
		return c.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: device\r\n\r\n"))
	}
	c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
		if !patience {
			return lwip.OK
		}
		c.Recved(host.Params().Window)
		if data == nil {
			return c.Close()
		}
		return lwip.OK
	}
	c.Connect(netip.MustParseAddr("192.168.1.10"), 80)
}

// The README shows the console of examples/hello-http: the text between these two
// lines, and the picture. Both are made from the screen of a device that runs it.
const (
	readmeBegin = "<!-- console: go test ./ui -run README -update -->\n```text\n"
	readmeEnd   = "```\n<!-- /console -->\n"
	readmeImage = "../docs/console.svg"
)

func TestREADMEShowsARealScreen(t *testing.T) {
	h, host := newRealHarness(t, "../examples/hello-http", 100, 30)
	h.pass(12 * clock.Second)
	for range 9 {
		get(host, "/", true)
		h.pass(2500 * clock.Millisecond)
	}
	h.pass(12 * clock.Second)
	h.device.Serial.Type([]byte("=node.heap(), tmr.time()\n"))
	h.pass(clock.Second)
	if err := h.device.Pins.Apply(3, 0); err != nil {
		t.Fatal(err)
	}
	get(host, "/json", true)
	h.pass(3 * clock.Second)
	get(host, "/", false)
	h.pass(500 * clock.Millisecond)
	screen := h.frame()
	for _, want := range []string{"192.168.1.10", "LISTEN", "ESTABLISHED", "=node.heap()", "free", "hello-http"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen does not show %q:\n%s", want, screen)
		}
	}
	picture := []byte(h.svg())
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(readme), readmeBegin)
	shown, after, ok2 := strings.Cut(rest, readmeEnd)
	if !ok1 || !ok2 {
		t.Fatal("README.md has no place for the console's screen")
	}
	if *update {
		if err := os.WriteFile("../README.md", []byte(before+readmeBegin+screen+readmeEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(readmeImage), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(readmeImage, picture, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	// Figures change with the model of memory and time: they need not be today's.
	if a, b := figures.ReplaceAllString(shown, "0"), figures.ReplaceAllString(screen, "0"); a != b {
		t.Errorf("README.md does not show the console as it is; run go test ./ui -run README -update\n%s", lineDiff(shown, screen))
	}
	old, err := os.ReadFile(readmeImage)
	if err != nil {
		t.Fatal(err)
	}
	drawn := svgText.FindAllStringSubmatch(string(old), -1)
	for _, m := range drawn {
		if words := html.UnescapeString(m[1]); !strings.Contains(shown, words) {
			t.Errorf("the picture shows %q, and the text in README.md does not", words)
		}
	}
	if len(drawn) < 100 || bytes.Count(old, []byte("\n")) < bytes.Count(picture, []byte("\n"))*9/10 {
		t.Errorf("the picture has %d texts only", len(drawn))
	}
}

var (
	figures = regexp.MustCompile(`[-+]?[0-9][0-9,.]*|[▁▂▃▄▅▆▇█]+|  +`)
	svgText = regexp.MustCompile(`>([^<]+)</text>`)
)
