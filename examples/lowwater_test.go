// Package examples measures how much heap each example leaves free at its worst, and
// holds README.md to it.
package examples

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/internal/tlspeer"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// address is that of the device that is looked at, which it is given by the router.
var address = netip.MustParseAddr("192.168.1.10")

// settled is when the devices have booted and are on the network.
const settled = 10 * clock.Second

// scenario is what an example goes through, from power-on, in virtual time.
type scenario struct {
	dirs    []string // the devices', under examples/; the figure is the first one's
	what    string   // for people
	length  clock.Duration
	setUp   func(t *testing.T, a *app.App)
	replace [2]string // in the program
	ca      bool      // with a file ca.pem
	dies    bool      // of want of memory, as its README says
}

// scenarios has each example at least once.
var scenarios = []scenario{
	{dirs: []string{"blink"}, what: "ten minutes", length: 10 * clock.Minute},
	{dirs: []string{"hello-http"}, what: "a page every five seconds, for a minute", length: 75 * clock.Second, setUp: func(t *testing.T, a *app.App) {
		host := newHost(t, a)
		for i := range 12 {
			a.World.Clock.After(settled+clock.Duration(i)*5*clock.Second, func() { request(t, host, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200) })
		}
	}},
	{dirs: []string{"hello-http"}, what: "five browsers at once", length: clock.Minute, setUp: func(t *testing.T, a *app.App) {
		host := newHost(t, a)
		a.World.Clock.After(settled, func() {
			for range 5 {
				request(t, host, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 200)
			}
		})
	}},
	{dirs: []string{"hello-http"}, what: "an echo of 100 KB", length: clock.Minute, setUp: func(t *testing.T, a *app.App) {
		host := newHost(t, a)
		body := strings.Repeat("0123456789abcde\n", 100<<10/16)
		a.World.Clock.After(settled, func() {
			request(t, host, fmt.Sprintf("POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body), len(body))
		})
	}},
	{dirs: []string{"https-status"}, what: "five minutes, with a certificate to trust", length: 5 * clock.Minute, setUp: status, replace: [2]string{"host.internal", "192.168.1.20"}, ca: true},
	{dirs: []string{"memory-pressure/server", "memory-pressure/crowd"}, what: "one browser, then five at once: it dies", length: 30 * clock.Second, dies: true},
	{dirs: []string{"memory-pressure/fixed", "memory-pressure/crowd"}, what: "the same, mended", length: 30 * clock.Second},
	{dirs: []string{"mqtt-lamp"}, what: "switched every second, for a minute", length: 75 * clock.Second, setUp: broker, replace: [2]string{"host.internal", "192.168.1.20"}},
	{dirs: []string{"ota-lfs"}, what: "five minutes, and no server", length: 5 * clock.Minute},
	{dirs: []string{"tested-app"}, what: "three requests at once every five seconds, for a minute, and no broker", length: 75 * clock.Second, setUp: func(t *testing.T, a *app.App) {
		host := newHost(t, a)
		for i := range 36 {
			a.World.Clock.After(settled+clock.Duration(i/3)*5*clock.Second, func() { request(t, host, "GET / HTTP/1.1\r\n\r\n", 80) })
		}
	}},
	{dirs: []string{"two-devices/hub", "two-devices/sensor"}, what: "the hub, for five minutes", length: 5 * clock.Minute},
	{dirs: []string{"two-devices/sensor", "two-devices/hub"}, what: "the sensor", length: 5 * clock.Minute},
	{dirs: []string{"udp-echo"}, what: "ten datagrams of 1,472 bytes at once", length: 20 * clock.Second, setUp: func(t *testing.T, a *app.App) {
		u, err := newHost(t, a).ListenUDP(7000)
		if err != nil {
			t.Fatal(err)
		}
		back := 0
		u.OnData = func([]byte, netip.AddrPort) { back++ }
		a.World.Clock.After(settled, func() {
			for range 10 {
				u.SendTo(make([]byte, 1472), netip.AddrPortFrom(address, 7777))
			}
		})
		t.Cleanup(func() {
			if back == 0 {
				t.Error("no datagram came back")
			}
		})
	}},
}

// newHost returns somebody else on the network.
func newHost(t *testing.T, a *app.App) *peer.Host {
	t.Helper()
	return peer.New(a.World.Wire, "client", netip.MustParsePrefix("192.168.1.20/24"))
}

// request sends an HTTP request and fails the test if less than so many bytes come back.
func request(t *testing.T, host *peer.Host, text string, least int) {
	c, err := host.Dial(netip.AddrPortFrom(address, 80))
	if err != nil {
		t.Error(err)
		return
	}
	got := 0
	c.OnData = func(data []byte) { got += len(data) }
	c.OnEnd = func() { c.Close() }
	if _, err := c.Write([]byte(text)); err != nil {
		t.Error(err)
	}
	t.Cleanup(func() {
		if got < least {
			t.Errorf("%d bytes came back for %.20q…, want %d or more", got, text, least)
		}
	})
}

// broker is as much of an MQTT broker as one client needs. It switches the lamp.
func broker(t *testing.T, a *app.App) {
	switched := 0
	_, err := newHost(t, a).Listen(1883, func(c *peer.Conn) {
		var in []byte
		c.OnData = func(data []byte) {
			in = append(in, data...)
			for len(in) >= 2 {
				length, n := binary.Uvarint(in[1:])
				if n <= 0 || len(in) < 1+n+int(length) {
					return
				}
				head, body := in[0], in[1+n:1+n+int(length)]
				in = in[1+n+int(length):]
				switch head >> 4 {
				case 1: // CONNECT
					c.Write([]byte{0x20, 2, 0, 0})
				case 3: // PUBLISH; those with QoS 1 want an answer
					topic := int(binary.BigEndian.Uint16(body))
					if strings.HasPrefix(string(body[2:]), "lamp/state") {
						switched++
					}
					if head&6 != 0 {
						c.Write(append([]byte{0x40, 2}, body[2+topic:4+topic]...))
					}
				case 8: // SUBSCRIBE
					c.Write([]byte{0x90, 3, body[0], body[1], 1})
				case 12: // PINGREQ
					c.Write([]byte{0xd0, 0})
				}
			}
		}
		for i := range 60 {
			a.World.Clock.After(clock.Duration(5+i)*clock.Second, func() {
				body := append([]byte{0, 8}, "lamp/set"...)
				body = append(binary.BigEndian.AppendUint16(body, uint16(i+1)), []string{"on", "off"}[i%2]...)
				c.Write(append([]byte{0x32, byte(len(body))}, body...))
			})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if switched < 60 {
			t.Errorf("the lamp has told its state %d times", switched)
		}
	})
}

// status is a server with TLS that tells a temperature.
func status(t *testing.T, a *app.App) {
	asked := 0
	config := &tls.Config{Certificates: []tls.Certificate{tlspeer.Certificate(t, "ecdsa")}}
	err := tlspeer.Listen(newHost(t, a), 8443, config, func(c *tls.Conn) {
		if _, err := c.Read(make([]byte, 1000)); err != nil {
			return
		}
		asked++
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"temperature\": %d}", asked)
		c.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if asked < 9 {
			t.Errorf("the server was asked %d times", asked)
		}
	})
}

// run returns the first device's heap at the end, with what was least.
func (s scenario) run(t *testing.T) inspect.HeapUsage {
	dirs := slices.Clone(s.dirs)
	if s.replace[0] != "" {
		dirs[0] = filepath.Join(t.TempDir(), dirs[0])
		if err := os.CopyFS(dirs[0], os.DirFS(s.dirs[0])); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(dirs[0], "*.lua"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(s.replace[0]), []byte(s.replace[1])), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.ca {
		if err := os.WriteFile(filepath.Join(dirs[0], "ca.pem"), []byte(tlspeer.PEM(t, "ca.pem")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.New(app.Options{Dir: dirs[0], Others: dirs[1:], Publish: []string{}, Net: "isolated", OnPanic: "halt", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	died := false
	a.World.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Panic:
			died = true
			if !s.dies {
				t.Errorf("%s: panic: %s", e.Device, d.Message)
			}
		case event.LuaError:
			t.Errorf("%s: %s", e.Device, d.Message)
		}
	})
	if s.setUp != nil {
		s.setUp(t, a)
	}
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(s.length))
	if died != s.dies {
		t.Errorf("it died: %v", died)
	}
	return a.Device.Snapshot().Heap
}

// marks are where the table stands in README.md.
const begins, ends = "<!-- TestLowWater writes what follows, with UPDATE=1. -->\n", "<!-- So far. -->\n"

// TestLowWater prints the least free heap of each example and compares README.md's table
// with it. With the environment variable UPDATE set, the table is rewritten.
func TestLowWater(t *testing.T) {
	var table strings.Builder
	table.WriteString("| example | what happens | least free | at the end |\n|--|--|--|--|\n")
	measured := map[string]bool{}
	for _, s := range scenarios {
		name := s.dirs[0]
		example, _, _ := strings.Cut(name, "/")
		measured[example] = true
		t.Run(name, func(t *testing.T) {
			heap := s.run(t)
			t.Logf("%s, %s: least free heap %d bytes, %d at the end", name, s.what, heap.Low, heap.Free)
			fmt.Fprintf(&table, "| [%s](%s) | %s | %d | %d |\n", name, name, s.what, heap.Low, heap.Free)
		})
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !measured[e.Name()] {
			t.Errorf("%s is in no scenario", e.Name())
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), begins)
	old, after, ok2 := strings.Cut(rest, ends)
	if !ok || !ok2 {
		t.Fatal("README.md has no place for the table")
	}
	switch {
	case old == table.String():
	case os.Getenv("UPDATE") != "":
		if err := os.WriteFile("README.md", []byte(before+begins+table.String()+ends+after), 0o666); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("README.md has\n%s\nmeasured is (UPDATE=1 writes it)\n%s", old, table.String())
	}
}
