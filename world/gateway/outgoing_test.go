package gateway

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// result is how a device's connection went.
type result struct {
	data string
	err  lwip.Err
	took clock.Duration
}

// connect makes the device connect, send and read until the end.
func (b *bench) connect(to netip.AddrPort, send string) result {
	b.t.Helper()
	done := make(chan result, 1)
	b.in(func() {
		began, got := b.w.Clock.Now(), ""
		end := func(err lwip.Err) { done <- result{got, err, b.w.Clock.Now().Sub(began)} }
		c := b.d.Net.Stack().NewTCP()
		c.OnConnected = func(c *lwip.TCPConn) lwip.Err { return c.Write([]byte(send)) }
		c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
			if data == nil {
				c.OnError = nil
				c.Close()
				end(lwip.OK)
				return lwip.OK
			}
			for _, p := range data {
				got += string(p)
				c.Recved(len(p))
			}
			return lwip.OK
		}
		c.OnError = end
		if err := c.Connect(to.Addr(), to.Port()); err != lwip.OK {
			b.t.Error(err)
		}
	})
	select {
	case r := <-done:
		return r
	case <-time.After(20 * time.Second):
		b.t.Fatal("the connection does not end")
		return result{}
	}
}

// server is a server of the host.
func server(t *testing.T, serve func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c.(*net.TCPConn))
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestOutgoingConnections(t *testing.T) {
	b := start(t, Options{}, wired, func(*lwip.Stack) {})
	body := random(200_000)
	srv := server(t, func(c *net.TCPConn) {
		buf := make([]byte, 100)
		n, _ := c.Read(buf)
		if string(buf[:n]) == "reset" {
			c.SetLinger(0)
			c.Close()
			return
		}
		c.Write(body)
		c.Close()
	})
	at := netip.AddrPortFrom(b.g.addr, srv.Port())
	if r := b.connect(at, "get"); r.err != lwip.OK || r.data != string(body) {
		t.Errorf("%d bytes, %v", len(r.data), r.err)
	}
	if r := b.connect(at, "reset"); r.err != lwip.ErrReset {
		t.Errorf("reset server: %v", r.err)
	}
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	closed := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	if r := b.connect(netip.AddrPortFrom(b.g.addr, closed.Port()), ""); r.err != lwip.ErrReset || r.took > clock.Second {
		t.Errorf("closed port: %+v", r)
	}
	if r := b.connect(netip.AddrPortFrom(loopback, srv.Port()), ""); r.err != lwip.ErrAbort || r.took < 6*clock.Second {
		t.Errorf("loopback address: %+v", r)
	}
}

// A device that takes 127.0.0.1 or localhost for this computer reaches nobody, whatever the
// host's resolver knows, and is told this computer's name.
func TestLoopback(t *testing.T) {
	for _, policy := range []Policy{Host, Isolated} {
		var notes []string
		b := start(t, Options{Policy: policy, Resolver: resolverOf{"localhost.": "192.0.2.1"}}, wired, func(*lwip.Stack) {})
		b.in(func() {
			b.w.Subscribe(func(e world.Event) {
				if n, ok := e.Data.(event.Note); ok {
					notes = append(notes, n.Text)
				}
			})
		})
		if a := b.resolve("localhost"); a != loopback {
			t.Errorf("localhost is %v", a)
		}
		for range 2 {
			if r := b.connect(netip.AddrPortFrom(loopback, 1883), ""); r.err != lwip.ErrAbort {
				t.Errorf("%+v", r)
			}
		}
		b.in(func() {
			if want := "127.0.0.1 is the device itself, and nobody answers there: this computer is host.internal"; len(notes) != 1 || notes[0] != want {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

func TestIsolated(t *testing.T) {
	var notes []string
	b := start(t, Options{Policy: Isolated, Names: map[string]netip.Addr{"broker.local": netip.MustParseAddr("192.168.1.9")}}, wired, func(*lwip.Stack) {})
	b.in(func() {
		b.w.Subscribe(func(e world.Event) {
			if n, ok := e.Data.(event.Note); ok {
				notes = append(notes, n.Text)
			}
		})
	})
	srv := server(t, func(c *net.TCPConn) { t.Error("a connection got out"); c.Close() })
	if r := b.connect(netip.AddrPortFrom(b.g.addr, srv.Port()), ""); r.err != lwip.ErrReset {
		t.Errorf("router: %+v", r)
	}
	if r := b.connect(netip.MustParseAddrPort("192.0.2.7:80"), ""); r.err != lwip.ErrAbort || r.took < 6*clock.Second {
		t.Errorf("outside: %+v", r)
	}
	if a := b.resolve("host.internal"); a != b.g.addr {
		t.Errorf("host.internal is %v", a)
	}
	if a := b.resolve("broker.local"); a.String() != "192.168.1.9" {
		t.Errorf("broker.local is %v", a)
	}
	if a := b.resolve("example.com"); a.IsValid() {
		t.Errorf("example.com is %v", a)
	}
	b.in(func() {
		if len(notes) != 3 || !strings.Contains(notes[1], "192.0.2.7:80") || !strings.Contains(notes[2], "example.com") {
			t.Errorf("notes %q", notes)
		}
	})
}

// resolve asks the device's DNS client.
func (b *bench) resolve(name string) netip.Addr {
	b.t.Helper()
	done := make(chan netip.Addr, 1)
	b.in(func() {
		a, err := b.d.Net.Stack().Resolve(name, func(a netip.Addr, ok bool) { done <- a })
		if err == lwip.OK {
			done <- a
		} else if err != lwip.ErrProgress {
			b.t.Errorf("%s: %v", name, err)
			done <- a
		}
	})
	select {
	case a := <-done:
		return a
	case <-time.After(20 * time.Second):
		b.t.Fatal("no end to resolving " + name)
		return netip.Addr{}
	}
}

// TestAddressesOfDevicesStayInside checks that packets for a device that is off do not
// reach whoever has its address in the host's network.
func TestAddressesOfDevicesStayInside(t *testing.T) {
	w := world.New(1)
	g := New(w, Options{})
	board := &board.Board{Name: "test", CPU: board.CPU{MHz: 80}, FS: board.FS{Size: 0x100000}}
	for _, cfg := range []radio.Config{{}, {Blank: true}} {
		device.New(w, device.Config{Board: board, WiFi: cfg, Startup: func(*device.Device) {}}).PowerOn()
	}
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	device.In(w)[0].Sleep(0)
	for addr, want := range map[string]string{
		"192.168.1.1":     "127.0.0.1", // the router
		"192.168.1.10":    "",          // the device that sleeps
		"192.168.1.99":    "192.168.1.99",
		"192.168.4.7":     "", // in the second device's own network
		"127.0.0.1":       "",
		"0.0.0.0":         "",
		"224.0.0.251":     "",
		"255.255.255.255": "",
		"192.0.2.1":       "192.0.2.1",
	} {
		to, ok := g.hostAddr(netip.AddrPortFrom(netip.MustParseAddr(addr), 80))
		if got := to.String(); ok != (want != "") || ok && got != want {
			t.Errorf("%s leads to %v, %v", addr, to, ok)
		}
	}
	g.Close()
}

// fakeResolver knows three names.
type fakeResolver struct{}

func (fakeResolver) LookupNetIP(_ context.Context, network, host string) ([]netip.Addr, error) {
	switch host {
	case "example.com.":
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, nil
	case "me.":
		return []netip.Addr{netip.MustParseAddr("127.0.1.1")}, nil
	case "many.":
		return make([]netip.Addr, 1000), nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func TestDNS(t *testing.T) {
	b := start(t, Options{Resolver: fakeResolver{}}, radio.Config{}, func(*lwip.Stack) {})
	time.Sleep(4 * time.Second / speed) // connects to Wi-Fi
	b.in(func() {
		if s := b.d.Net.Stack().DNS(0); s != b.g.addr {
			t.Errorf("the device's DNS server is %v", s)
		}
		b.d.Net.Stack().SetDNS(0, netip.MustParseAddr("208.67.222.222"))
	})
	for name, want := range map[string]string{"example.com": "192.0.2.1", "ME": b.g.addr.String(), "node-000": "192.168.1.10", "nowhere.example": "invalid IP"} {
		if got := b.resolve(name); got.String() != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	for _, test := range []struct {
		name         string
		qtype        uint16
		rcode, count int
	}{
		{"example.com", dns.TypeA, dns.RcodeSuccess, 2},
		{"example.com", dns.TypeAAAA, dns.RcodeSuccess, 0},
		{"nowhere.example", dns.TypeA, dns.RcodeNameError, 0},
		{"many", dns.TypeA, dns.RcodeSuccess, 0},
	} {
		q := new(dns.Msg)
		q.SetQuestion(dns.Fqdn(test.name), test.qtype)
		raw, _ := q.Pack()
		r := new(dns.Msg)
		if err := r.Unpack(b.exchange(netip.MustParseAddrPort("8.8.8.8:53"), raw)); err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if r.Rcode != test.rcode || len(r.Answer) != test.count || r.Id != q.Id {
			t.Errorf("%s: %v", test.name, r)
		}
	}
	b.in(func() { b.send(netip.MustParseAddrPort("8.8.8.8:53"), []byte("no DNS at all")) })
}

// send makes the device send a datagram from a new socket.
func (b *bench) send(to netip.AddrPort, data []byte) *lwip.UDPSocket {
	u := b.d.Net.Stack().NewUDP()
	u.Bind(lwip.AnyAddr, 0)
	if err := u.SendTo(data, to.Addr(), to.Port()); err != lwip.OK {
		b.t.Error(err)
	}
	return u
}

// exchange makes the device send a datagram and returns the answer.
func (b *bench) exchange(to netip.AddrPort, data []byte) []byte {
	b.t.Helper()
	done := make(chan []byte, 10)
	b.in(func() {
		b.send(to, data).OnRecv = func(data []byte, from netip.AddrPort) {
			if from != to {
				b.t.Errorf("answer from %v, not %v", from, to)
			}
			done <- data
		}
	})
	select {
	case a := <-done:
		return a
	case <-time.After(10 * time.Second):
		b.t.Fatal("no answer")
		return nil
	}
}

func TestUDP(t *testing.T) {
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		u := s.NewUDP()
		u.Bind(lwip.AnyAddr, 7)
		u.OnRecv = func(data []byte, from netip.AddrPort) {
			u.SendTo(append([]byte("device "), data...), from.Addr(), from.Port())
		}
	})
	host, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	go func() {
		buf := make([]byte, 2000)
		for {
			n, from, err := host.ReadFrom(buf)
			if err != nil {
				return
			}
			host.WriteTo(append([]byte("host "), buf[:n]...), from)
		}
	}()
	at := netip.MustParseAddrPort(host.LocalAddr().String())
	if got := b.exchange(netip.AddrPortFrom(b.g.addr, at.Port()), []byte("hello")); string(got) != "host hello" {
		t.Errorf("got %q", got)
	}

	addr := b.publish(hostnet.Publication{Port: 7, UDP: true})
	for i := range 3 {
		c, err := net.Dial("udp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(c, "client %d", i)
		buf := make([]byte, 100)
		n, err := c.Read(buf)
		if got := string(buf[:n]); got != fmt.Sprintf("device client %d", i) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	// Flows end when they are idle.
	for range 300 {
		left := 0
		b.in(func() { left = len(b.g.udp) + len(b.g.udpPorts) })
		if left == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%d flows left", len(b.g.udp))
}

// TestUDPFloodIsBounded sends to more places than the gateway keeps flows for.
func TestUDPFloodIsBounded(t *testing.T) {
	b := start(t, Options{}, wired, func(*lwip.Stack) {})
	for i := range 3 * maxUDPFlows {
		b.in(func() {
			u := b.send(netip.AddrPortFrom(b.g.addr, uint16(20000+i)), []byte("x"))
			u.Close()
			if len(b.g.udp) > maxUDPFlows {
				t.Fatalf("%d flows", len(b.g.udp))
			}
		})
	}
}
