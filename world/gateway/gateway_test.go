package gateway

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// speed makes the worlds of these tests run faster than the tests.
const speed = 20

// bench is a world in real time with a gateway and one device, which runs setup
// when it boots.
type bench struct {
	t testing.TB
	w *world.World
	g *Gateway
	d *device.Device
}

func start(t testing.TB, o Options, cfg radio.Config, setup func(*lwip.Stack)) *bench {
	t.Helper()
	b := &bench{t: t, w: world.New(1)}
	booted := make(chan struct{})
	b.g = New(b.w, o)
	b.d = device.New(b.w, device.Config{
		Board: &board.Board{Name: "test", CPU: board.CPU{MHz: 80}, FS: board.FS{Size: 0x100000},
			// More than any ESP8266 has: 50 connections at once are a matter for the
			// gateway here, not for the device's memory.
			Heap: board.Heap{Size: 1 << 20}},
		HostCPU: true,
		WiFi:    cfg,
		Startup: func(d *device.Device) { setup(d.Net.Stack()); close(booted) },
	})
	b.d.PowerOn()
	b.w.Clock.SetSpeed(speed)
	done := make(chan struct{})
	go func() {
		b.w.Clock.Run(clock.Forever, false)
		close(done)
	}()
	t.Cleanup(func() {
		b.g.Close()
		b.w.Clock.Stop()
		<-done
	})
	<-booted
	return b
}

// in runs fn in the world and waits for it.
func (b *bench) in(fn func()) {
	done := make(chan struct{})
	b.w.Clock.Look(func() { fn(); close(done) })
	<-done
}

var wired = radio.Config{Wired: netip.MustParsePrefix("192.168.1.20/24")}

func (b *bench) publish(p hostnet.Publication) string {
	b.t.Helper()
	p.Device = b.d.Name()
	at, err := b.g.Publish(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return at.String()
}

func (b *bench) dial(addr string) *net.TCPConn {
	b.t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(20 * time.Second))
	b.t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// listen makes a device's server on port 80.
func listen(s *lwip.Stack, accept func(*lwip.TCPConn)) {
	c := s.NewTCP()
	c.Bind(lwip.AnyAddr, 80)
	c = c.Listen()
	c.OnAccept = func(c *lwip.TCPConn) lwip.Err {
		accept(c)
		return lwip.OK
	}
}

// echo is a device's server that sends back what it gets, holding what it cannot
// send, and closes when the client has.
func echo(s *lwip.Stack) {
	listen(s, func(c *lwip.TCPConn) {
		var pending []byte
		closed := false
		flush := func() {
			n, _ := c.WriteSome(pending)
			pending = pending[n:]
			c.Recved(n)
			c.Output()
			if closed && len(pending) == 0 {
				c.OnRecv, c.OnSent = nil, nil
				c.Close()
			}
		}
		c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
			closed = closed || data == nil
			for _, p := range data {
				pending = append(pending, p...)
			}
			flush()
			return lwip.OK
		}
		c.OnSent = func(*lwip.TCPConn, int) lwip.Err {
			if len(pending) > 0 || closed {
				flush()
			}
			return lwip.OK
		}
	})
}

// roundTrip sends body, ends its direction, and returns what came back.
func roundTrip(c *net.TCPConn, body []byte) ([]byte, error) {
	go func() {
		c.Write(body)
		c.CloseWrite()
	}()
	return io.ReadAll(c)
}

// TestAccessPointDevice publishes a port of a device that is its own network.
func TestAccessPointDevice(t *testing.T) {
	var peer netip.AddrPort
	b := start(t, Options{}, radio.Config{Blank: true}, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			peer = c.RemoteAddr()
			c.Write([]byte("hello"))
			c.Close()
		})
	})
	got, err := roundTrip(b.dial(b.publish(hostnet.Publication{Port: 80})), nil)
	if string(got) != "hello" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	b.in(func() {
		if peer.Addr().String() != "192.168.4.254" {
			t.Errorf("the device's peer is %v", peer)
		}
	})
}

// TestClientWaitsForTheDeviceToConnect publishes a port of a device that still
// looks for its Wi-Fi network.
func TestClientWaitsForTheDeviceToConnect(t *testing.T) {
	b := start(t, Options{}, radio.Config{}, echo)
	if got, err := roundTrip(b.dial(b.publish(hostnet.Publication{Port: 80})), []byte("patience")); string(got) != "patience" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestVirtualTimeWaitsForTheHost runs the world as fast as it can.
func TestVirtualTimeWaitsForTheHost(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	srv := server(t, func(c *net.TCPConn) {
		time.Sleep(300 * time.Millisecond)
		c.Write([]byte("late"))
		c.Close()
	})
	b.w.Clock.SetSpeed(clock.Max)
	if r := b.connect(netip.AddrPortFrom(b.g.addr, srv.Port()), ""); r.data != "late" || r.took > clock.Second {
		t.Errorf("%+v", r)
	}
}

// TestCloseWithEverythingOpen leaves nothing behind, whatever is under way.
func TestCloseWithEverythingOpen(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		b := start(t, Options{}, wired, echo)
		addr := b.publish(hostnet.Publication{Port: 80})
		udp := b.publish(hostnet.Publication{Port: 7, UDP: true})
		srv := server(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) })
		for range 3 {
			b.dial(addr).Write([]byte("hello"))
		}
		if c, err := net.Dial("udp", udp); err == nil {
			c.Write([]byte("x"))
			c.Close()
		}
		b.in(func() {
			c := b.d.Net.Stack()
			if c != nil {
				c.NewTCP().Connect(b.g.addr, srv.Port())
			}
		})
		b.g.Close()
		if _, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			t.Error("the port is still served")
		}
	}
	for range 100 {
		if n := runtime.NumGoroutine(); n <= before+30 { // the worlds and servers of this test still run
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
