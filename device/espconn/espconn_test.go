package espconn_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// log is a Handler that writes down what happens.
type log struct {
	lines     []string
	connected func(c *espconn.Conn)
}

func (l *log) add(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}
func (l *log) Sent(*espconn.Conn)                    { l.add("sent") }
func (l *log) Disconnected(*espconn.Conn)            { l.add("disconnected") }
func (l *log) Failed(_ *espconn.Conn, e espconn.Err) { l.add("failed %d", e) }
func (l *log) Connected(c *espconn.Conn) {
	l.add("connected")
	if l.connected != nil {
		l.connected(c)
	}
}
func (l *log) Received(_ *espconn.Conn, data []byte) {
	l.add("received %d", len(data))
}

// setup boots a device and a server at 192.168.1.20, and calls fn when the device runs.
func setup(t *testing.T, serve func(*peer.Conn), fn func(l *espconn.Layer)) *world.World {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(1)
	var layer *espconn.Layer
	open := func(d *device.Device) *device.Lib { layer = d.Espconn(); return &device.Lib{} }
	d := device.New(w, device.Config{Board: board, HostCPU: true, Modules: []device.Module{{Name: "test", Open: open}},
		WiFi:    radio.Config{Wired: netip.MustParsePrefix("192.168.1.10/24")},
		Startup: func(*device.Device) { fn(layer) }})
	server := peer.New(w.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
	server.Listen(80, serve)
	echo, err := server.ListenUDP(7)
	if err != nil {
		t.Fatal(err)
	}
	echo.OnData = func(data []byte, from netip.AddrPort) { echo.SendTo(slices.Clone(data), from) }
	d.PowerOn()
	return w
}

func dial(l *espconn.Layer, h espconn.Handler) *espconn.Conn {
	c := l.NewConn(h, nil)
	c.RemoteIP, c.RemotePort = netip.MustParseAddr("192.168.1.20"), 80
	return c
}

// One send at a time; of a long one the stack gets 2920 bytes at once, and the rest when
// they are acknowledged.
func TestSend(t *testing.T) {
	var got bytes.Buffer
	l := &log{}
	data := bytes.Repeat([]byte("0123456789"), 500)
	l.connected = func(c *espconn.Conn) {
		l.add("%d %d", c.Send(data), c.Send([]byte("lost")))
	}
	w := setup(t, func(c *peer.Conn) {
		c.OnData = func(data []byte) {
			if got.Write(data); got.Len() == 5000 {
				c.Write([]byte("thanks"))
				c.Close()
			}
		}
	}, func(layer *espconn.Layer) { dial(layer, l).Connect() })
	w.Clock.RunUntil(clock.At(5 * clock.Second))
	if !bytes.Equal(got.Bytes(), data) {
		t.Errorf("%d bytes arrived", got.Len())
	}
	if want := "[connected 0 -7 sent received 6 disconnected]"; fmt.Sprint(l.lines) != want {
		t.Errorf("%v, want %s", l.lines, want)
	}
}

// Five connections are the limit. The end of one is under way when it is asked for twice,
// and when its handler hears of it, it can make the next.
func TestLimit(t *testing.T) {
	var results []espconn.Err
	w := setup(t, func(*peer.Conn) {}, func(layer *espconn.Layer) {
		for i := range 6 {
			c := dial(layer, &log{})
			if i == 0 {
				c.Handler = &again{log: log{connected: func(c *espconn.Conn) { results = append(results, c.Disconnect(), c.Disconnect()) }},
					over: func() { results = append(results, dial(layer, &log{}).Connect()) }}
			}
			results = append(results, c.Connect())
		}
	})
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if want := "[0 0 0 0 0 -15 0 -5 0]"; fmt.Sprint(results) != want {
		t.Errorf("%v, want %s", results, want)
	}
}

// again is a log that does something when the connection is over.
type again struct {
	log
	over func()
}

func (a *again) Disconnected(*espconn.Conn) { a.over() }

// Two connections can't have the same port of the device.
func TestSamePort(t *testing.T) {
	var results []espconn.Err
	w := setup(t, func(*peer.Conn) {}, func(layer *espconn.Layer) {
		a, b := dial(layer, &log{}), dial(layer, &log{})
		b.LocalPort = a.LocalPort
		results = append(results, a.Connect(), b.Connect(), b.Send([]byte("x")), b.Disconnect())
	})
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if want := "[0 -15 -12 -12]"; fmt.Sprint(results) != want {
		t.Errorf("%v, want %s", results, want)
	}
}

// Disconnect in SYN_SENT ends the connection without the peer; a refused one fails.
func TestEnds(t *testing.T) {
	waiting, refused := &log{}, &log{}
	w := setup(t, func(*peer.Conn) {}, func(layer *espconn.Layer) {
		c := dial(layer, waiting)
		c.Connect()
		c.Disconnect()
		waiting.add("returned")
		c = dial(layer, refused)
		c.RemotePort = 81
		c.Connect()
	})
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if fmt.Sprint(waiting.lines) != "[returned disconnected]" || fmt.Sprint(refused.lines) != "[failed -9]" {
		t.Errorf("%v, %v", waiting.lines, refused.lines)
	}
}

// UDP: a long datagram leaves as several.
func TestUDP(t *testing.T) {
	var got []int
	w := setup(t, func(*peer.Conn) {}, func(layer *espconn.Layer) {
		u, err := layer.ListenUDP(5683, nil, func(data []byte, from netip.AddrPort) {
			got = append(got, len(data), int(from.Port()))
		})
		if err != espconn.OK {
			t.Fatal(err)
		}
		u.SendTo(make([]byte, 2000), netip.MustParseAddrPort("192.168.1.20:7"))
	})
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if want := "[1470 7 530 7]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
}
