package endusersetup

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// portal is the device's address in its own network.
var portal = netip.MustParseAddrPort("192.168.4.1:80")

// bench is a device with a program, two networks around it, and a phone that has joined its
// access point.
type bench struct {
	w      *world.World
	d      *device.Device
	phone  *peer.Host
	out    strings.Builder
	hints  []string
	resets []string
}

func newBench(t testing.TB, lua string) *bench {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{w: world.New(1)}
	b.w.Air.Networks = []air.Network{{SSID: "home", Password: "secret99", Channel: 6, RSSI: -40}, {SSID: "far", Channel: 11, RSSI: -80}}
	b.w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			b.out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			b.hints = append(b.hints, d.Text)
		case event.Reset:
			b.resets = append(b.resets, d.Reason)
		}
	})
	b.d = device.New(b.w, device.Config{Board: board, HostCPU: true,
		Modules: []device.Module{Module, file.Module, net.Module, node.Module, tmr.Module, wifi.Module},
		WiFi:    radio.Config{Blank: true, Mode: radio.StationMode},
		Startup: func(d *device.Device) {
			if d.Boots() > 0 {
				return
			}
			fn, err := d.VM.Load([]byte(lua), "=t.lua")
			if err != nil {
				t.Fatal(err)
			}
			d.Run("t.lua", fn)
		}})
	b.phone = peer.New(b.w.Wire, "phone", netip.MustParsePrefix("192.168.4.2/24"))
	b.d.PowerOn()
	b.run(5 * clock.Second)
	return b
}

func (b *bench) run(d clock.Duration) { b.w.Clock.RunUntil(b.w.Clock.Now().Add(d)) }

// dial connects the phone with the portal.
func (b *bench) dial() *peer.Conn {
	c, err := b.phone.Dial(portal)
	if err != nil {
		panic(err)
	}
	return c
}

// ask sends a request and returns what comes within a while.
func (b *bench) ask(request string, wait clock.Duration) string {
	var got strings.Builder
	c := b.dial()
	c.OnConnect = func() { c.Write([]byte(request)) }
	c.OnData = func(data []byte) { got.Write(data) }
	b.run(wait)
	c.Close()
	b.run(clock.Second)
	return got.String()
}

// TestSetup goes the way of a person: the page, the list, the choice, success; then
// everything is over, and its memory free.
func TestSetup(t *testing.T) {
	b := newBench(t, `enduser_setup.start("Portal", function() print("connected", wifi.sta.getip()) end, print)`)
	if n, _ := b.d.Radio.Beacon(); n.SSID != "Portal" || n.Channel != 6 {
		t.Errorf("access point %+v", n)
	}
	page := b.ask("GET / HTTP/1.1\r\n\r\n", clock.Second)
	_, body, _ := strings.Cut(page, "\r\n\r\n")
	if r, err := gzip.NewReader(strings.NewReader(body)); err != nil {
		t.Errorf("the page: %v", err)
	} else {
		var html bytes.Buffer
		want, _ := os.ReadFile("page.html")
		if html.ReadFrom(r); !bytes.Equal(html.Bytes(), want) {
			t.Error("the page is not page.html: go generate")
		}
	}
	if list := b.ask("GET /aplist HTTP/1.1\r\n\r\n", 3*clock.Second); !strings.Contains(list, `{"ssid":"home","rssi":-40,"chan":6,"auth":3}`) {
		t.Errorf("list %q", list)
	}
	form := "wifi_ssid=home&wifi_password=secret99&place=bath+room"
	post := b.ask(fmt.Sprintf("POST /setwifi HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(form), form), clock.Second)
	if !strings.Contains(post, "302 Moved\r\nLocation: /?trying=true") {
		t.Errorf("answer %q", post)
	}
	b.run(6 * clock.Second)
	if s := b.ask("GET /status.json HTTP/1.1\r\n\r\n", clock.Second); !strings.Contains(s, `{"deviceid":"192.168.1.10", "status":5}`) {
		t.Errorf("status %q", s)
	}
	if out := b.out.String(); !strings.Contains(out, "connected\t192.168.1.10\t") {
		t.Errorf("the program printed %q", out)
	}
	params, _ := b.d.Flash.ReadFile(paramsFile)
	if want := "local p={}\np.wifi_ssid=\"home\"\np.wifi_password=\"secret99\"\np.place=\"bath room\"\nreturn p\n"; string(params) != want {
		t.Errorf("%s: %q", paramsFile, params)
	}
	b.run(15 * clock.Second)
	if b.d.Radio.Mode() != radio.StationMode {
		t.Errorf("mode %v at the end", b.d.Radio.Mode())
	}
	for _, line := range b.d.Snapshot().Sockets {
		t.Errorf("left: %+v", line)
	}
	if kinds := b.d.Snapshot().Heap; kinds.Native > radioBytes {
		t.Errorf("%d bytes of native memory are left", kinds.Native)
	}
}

// radioBytes is the native memory that a connected station has (device/radio).
const radioBytes = 2900

// TestSnapshot finds all memory while the portal runs.
func TestSnapshot(t *testing.T) {
	b := newBench(t, `enduser_setup.start(print)`)
	b.ask("GET /aplist HTTP/1.1\r\n\r\n", clock.Second)
	chiptest.Accounted(t, b.d)
}

// TestHints has the firmware's faults named, each once, and the device reset where the
// firmware crashes.
func TestHints(t *testing.T) {
	const start = `enduser_setup.start(print, print) `
	post := func(form string) string {
		return fmt.Sprintf("POST /setwifi HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(form), form)
	}
	for _, c := range []struct {
		name, lua, request string
		hint               string
		reset              bool
	}{
		{"debug", `enduser_setup.start(print, print, print)`, "", "third function", false},
		{"twice", start + `enduser_setup.start()`, "", "while it runs stops it", false},
		{"port", `s = net.createServer() s:listen(80, function() end) ` + start, "", "port 80 is in use", false},
		{"empty value", start, post("wifi_ssid=far&wifi_password="), "empty value", true},
		{"short page", `file.putcontents("enduser_setup.html", "<p>") ` + start, "GET / HTTP/1.1\r\n\r\n", "memory behind it", false},
		{"chunk", start, "POST /setwifi HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", "a packet that it has freed", true},
		{"negative chunk", start, "POST /setwifi HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n\r\n0\r\n\r\n", "a packet that it has freed", true},
		{"other channel", `enduser_setup.manual(true) wifi.setmode(wifi.STATIONAP) ` + start, "GET /update?wifi_ssid=home&wifi_password=secret99 HTTP/1.1\r\n\r\n", "on channel 6", false},
		{"stored network", `wifi.setmode(wifi.STATION) wifi.sta.config({ssid = "home", pwd = "secret99"}) ` + start, "GET /status HTTP/1.1\r\n\r\n", "the flash stores, \"home\"", false},
		{"stop inside", `enduser_setup.start(function() enduser_setup.stop() end)`, "GET /update?wifi_ssid=home&wifi_password=secret99 HTTP/1.1\r\n\r\n", "calls onConnected again", true},
	} {
		b := newBench(t, c.lua)
		if c.request != "" {
			b.ask(c.request, 8*clock.Second)
		}
		if n := strings.Count(strings.Join(b.hints, "\n"), c.hint); n != 1 {
			t.Errorf("%s: hint %q came %d times: %q", c.name, c.hint, n, b.hints)
		}
		if slices.Contains(b.resets, device.Exception.Text) != c.reset {
			t.Errorf("%s: resets %q", c.name, b.resets)
		}
	}
}

// TestResetWhileWaiting is a client that asks for the list and goes without a word.
func TestResetWhileWaiting(t *testing.T) {
	b := newBench(t, `enduser_setup.start()`)
	c := b.dial()
	c.OnConnect = func() { c.Write([]byte("GET /aplist HTTP/1.1\r\n\r\n")) }
	b.run(clock.Second / 2)
	c.Abort()
	b.run(3 * clock.Second)
	if !slices.Contains(b.resets, device.Exception.Text) {
		t.Errorf("resets %q, hints %q", b.resets, b.hints)
	}
}

// FuzzPortal throws requests, in two pieces, and DNS queries at the portal. Nothing that
// comes may do more to the host than reset the device.
func FuzzPortal(f *testing.F) {
	for _, s := range []string{"GET / HTTP/1.1\r\n\r\n", "GET /aplist HTTP/1.1\r\n\r\n", "GET /status HTTP/1.1\r\n\r\n",
		"GET /update?wifi_ssid=a%20b&wifi_password=%zz HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
		"POST /setwifi HTTP/1.1\r\nContent-Length: 11\r\n\r\nwifi_ssid=a&&=", "POST /setwifi HTTP/1.1\r\nContent-Length:-9\r\n\r\nwifi_ssid=a",
		"POST /setwifi HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nwifi_ssid=a\r\n0\r\n\r\n",
		"POST /setwifi HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n0x7fffffff\r\n\r\n", "\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00"} {
		f.Add([]byte(s), uint16(len(s)/2))
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		if len(data) > 3000 {
			return
		}
		request := slices.Clone(data)
		complete(&request)
		fields(string(data))
		decode(string(data), 32)
		b := newBench(t, `enduser_setup.start(print, print)`)
		u, err := b.phone.ListenUDP(0)
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		_ = u.SendTo(data[:min(len(data), 1400)], netip.AddrPortFrom(portal.Addr(), dnsPort))
		c := b.dial()
		c.OnConnect = func() {
			n := min(int(cut), len(data))
			c.Write(data[:n])
			c.Write(data[n:])
		}
		b.run(clock.Second)
		c.Abort()
		b.run(clock.Second)
	})
}
