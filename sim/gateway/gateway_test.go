package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/sim"
	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
	"github.com/nodemcu-sim/nodemcu-sim/sim/net/lwip"
)

// speed makes the worlds of these tests run faster than the tests.
const speed = 20

// bench is a world in real time with a gateway and one device, which runs setup
// when it boots.
type bench struct {
	t *testing.T
	w *sim.World
	g *Gateway
	d *sim.Device
}

func start(t *testing.T, o Options, cfg sim.WiFiConfig, setup func(*lwip.Stack)) *bench {
	t.Helper()
	b := &bench{t: t, w: sim.NewWorld(1)}
	booted := make(chan struct{})
	b.g = New(b.w, o)
	b.d = b.w.AddDevice(sim.Config{
		Board: &sim.Board{Name: "test", CPU: sim.BoardCPU{MHz: 80}, FS: sim.BoardFS{Size: 0x100000},
			// More than any ESP8266 has: 50 connections at once are a matter for the
			// gateway here, not for the device's memory.
			Heap: sim.BoardHeap{Size: 1 << 20}},
		HostCPU: true,
		WiFi:    cfg,
		Startup: func(d *sim.Device) { setup(d.Net()); close(booted) },
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
	b.w.Clock.Post(func() { fn(); close(done) })
	<-done
}

var wired = sim.WiFiConfig{Wired: netip.MustParsePrefix("192.168.1.20/24")}

func (b *bench) publish(p Publication) string {
	b.t.Helper()
	p.Device = b.d
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

func TestManySequentialConnections(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	addr := b.publish(Publication{Port: 80})
	for i := range 1000 {
		want := fmt.Sprintf("request %d", i)
		c := b.dial(addr)
		got, err := roundTrip(c, []byte(want))
		c.Close()
		if string(got) != want || err != nil {
			t.Fatalf("request %d: got %q, %v", i, got, err)
		}
	}
	b.settled()
}

// settled checks that nothing is left of connections that have ended.
func (b *bench) settled() {
	b.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		open := 0
		b.in(func() {
			for _, c := range append(b.g.stack.Netstat(), b.d.Net().Netstat()...) {
				if c.State != "" && c.State != "LISTEN" {
					open++
				}
			}
			open += len(b.g.flows) + len(b.g.accepted) - 1 // one waits in Accept
		})
		if open == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.in(func() {
				b.t.Errorf("%d connections left: gateway %+v, device %+v", open, b.g.stack.Netstat(), b.d.Net().Netstat())
			})
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestParallelConnections(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	addr := b.publish(Publication{Port: 80})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(30 * time.Second))
			want, got := bytes.Repeat([]byte{byte(i)}, 3000), make([]byte, 3000)
			go c.Write(want)
			if n, err := io.ReadFull(c, got); !bytes.Equal(got, want) || err != nil {
				t.Errorf("connection %d: %d bytes back, %v", i, n, err)
			}
		}()
	}
	wg.Wait()
	b.settled()
}

func random(n int) []byte {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestBigBodiesArriveIntact(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	addr := b.publish(Publication{Port: 80})
	body := random(1 << 20)
	// Not half-closed: the device's stack gives up a direction when the other ends
	// (oracle: net-behaviour.md 7.3).
	c := b.dial(addr)
	go c.Write(body)
	back := make([]byte, len(body))
	if n, err := io.ReadFull(c, back); err != nil {
		t.Fatalf("%d of %d bytes back: %v", n, len(body), err)
	}
	if sha256.Sum256(back) != sha256.Sum256(body) {
		t.Error("the bytes that came back differ")
	}
	c.Close()
	b.settled()
}

func TestSlowReaderHoldsTheDeviceUp(t *testing.T) {
	sent := 0 // the world's
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			block := make([]byte, 1460)
			more := func(*lwip.TCPConn, int) lwip.Err {
				for c.Write(block) == lwip.OK {
					sent += len(block)
				}
				c.Output()
				return lwip.OK
			}
			c.OnSent = more
			more(nil, 0)
		})
	})
	addr := b.publish(Publication{Port: 80})
	c := b.dial(addr)
	c.SetReadBuffer(hostBuffer)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	last := -1
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		now := 0
		b.in(func() { now = sent })
		if now == last && now > 0 {
			break
		}
		last = now
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if last > 1<<20 {
		t.Errorf("the device could send %d bytes to a client that reads nothing", last)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	b.in(func() {
		for _, conn := range b.g.stack.Netstat() {
			if conn.RecvWindow < 0 || conn.Unread > b.g.stack.Params().Window {
				t.Errorf("%+v", conn)
			}
		}
	})
	// The client wakes up: everything goes on.
	if n, err := io.CopyN(io.Discard, c, int64(last)+500_000); err != nil {
		t.Errorf("%d bytes, then %v", n, err)
	}
}

func TestSlowDeviceHoldsTheHostUp(t *testing.T) {
	var conn *lwip.TCPConn
	got := 0
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			conn = c
			c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
				for _, p := range data {
					got += len(p)
				}
				return lwip.OK // never gives the window back
			}
		})
	})
	c := b.dial(b.publish(Publication{Port: 80}))
	c.SetWriteBuffer(hostBuffer)
	c.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := c.Write(make([]byte, 16<<20))
	if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(fmt.Sprint(err), "timeout") || n > 2<<20 {
		t.Errorf("wrote %d bytes to a device that takes none: %v", n, err)
	}
	b.in(func() {
		if got != 5840 {
			t.Errorf("the device got %d bytes, its window is 5840", got)
		}
		conn.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
			for _, p := range data {
				got += len(p)
				c.Recved(len(p))
			}
			return lwip.OK
		}
		conn.Recved(5840)
	})
	c.CloseWrite()
	for range 500 {
		time.Sleep(20 * time.Millisecond)
		now := 0
		b.in(func() { now = got })
		if now == n {
			return
		}
	}
	t.Errorf("the device got %d of %d bytes", got, n)
}

func TestResetsArePassedOn(t *testing.T) {
	ended := make(chan lwip.Err, 1)
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
				if data != nil && string(data[0]) == "reset me" {
					c.OnError = nil
					c.Abort()
					return lwip.ErrAbort
				}
				return lwip.OK
			}
			c.OnError = func(err lwip.Err) { ended <- err }
		})
	})
	addr := b.publish(Publication{Port: 80})

	c := b.dial(addr)
	c.Write([]byte("hello"))
	time.Sleep(20 * time.Millisecond)
	c.SetLinger(0)
	c.Close()
	select {
	case err := <-ended:
		if err != lwip.ErrReset {
			t.Errorf("the device saw %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the device saw nothing of the reset")
	}

	c = b.dial(addr)
	c.Write([]byte("reset me"))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client saw %v", err)
	}

	// Nobody listens there: the client, already accepted, is reset.
	c = b.dial(b.publish(Publication{Port: 81}))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client of a closed port saw %v", err)
	}
	b.settled2(2)
}

// settled2 is settled with that many ports published.
func (b *bench) settled2(published int) {
	b.t.Helper()
	for range 200 {
		n := 0
		b.in(func() { n = len(b.g.accepted) })
		if n == published {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b.t.Errorf("%d connections of the host are left", len(b.g.accepted)-published)
}

func TestHalfClose(t *testing.T) {
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
				if data == nil {
					c.Write([]byte("answer after the end"))
					c.Close()
					return lwip.OK
				}
				c.Recved(len(data[0]))
				return lwip.OK
			}
		})
	})
	got, err := roundTrip(b.dial(b.publish(Publication{Port: 80})), []byte("question"))
	if string(got) != "answer after the end" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	b.settled()
}

func TestPublishErrors(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	for _, udp := range []bool{false, true} {
		at := netip.MustParseAddrPort(b.publish(Publication{Port: 80, UDP: udp}))
		_, err := b.g.Publish(Publication{Device: b.d, HostPort: int(at.Port()), Port: 80, UDP: udp})
		want := fmt.Sprintf("cannot publish on 127.0.0.1 port %d: another program uses it; stop that one or choose another port, as --publish %d:80", at.Port(), at.Port()+1)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := b.g.Publish(Publication{Device: b.d, Host: "192.0.2.1", HostPort: 8080, Port: 80})
	if err == nil || !strings.Contains(err.Error(), "no such address") {
		t.Errorf("foreign address: %v", err)
	}
}

func TestParsePublication(t *testing.T) {
	for text, want := range map[string]string{
		"8080:80":           "127.0.0.1:8080:80",
		"8080":              "127.0.0.1:8080:8080",
		"0:80":              "127.0.0.1:0:80",
		"0.0.0.0:8080:80":   "0.0.0.0:8080:80",
		"*:1:2":             "0.0.0.0:1:2",
		"localhost:1:2/tcp": "127.0.0.1:1:2",
		"5000:5000/udp":     "127.0.0.1:5000:5000/udp",
		"":                  `publish "": "" is no port (1 to 65535)`,
		"0":                 `publish "0": "0" is no port (1 to 65535)`,
		"80:0":              `publish "80:0": "0" is no port (1 to 65535)`,
		"80:65536":          `publish "80:65536": "65536" is no port (1 to 65535)`,
		"x:80":              `publish "x:80": "x" is no port (1 to 65535)`,
		"here:1:2":          `publish "here:1:2": "here" is no IP address of this computer`,
		"1:2/sctp":          `publish "1:2/sctp": after the slash comes tcp or udp, not "sctp"`,
		"1:2:3:4":           `publish "1:2:3:4": write [HOST:]HOSTPORT:PORT[/udp], as 8080:80`,
	} {
		p, err := ParsePublication(text)
		got := p.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

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
		end := func(err lwip.Err) { done <- result{got, err, b.w.Clock.Now() - began} }
		c := b.d.Net().NewTCP()
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
	closed := server(t, func(*net.TCPConn) {})
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	closed = netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	if r := b.connect(netip.AddrPortFrom(b.g.addr, closed.Port()), ""); r.err != lwip.ErrReset || r.took > clock.Second {
		t.Errorf("closed port: %+v", r)
	}
	if r := b.connect(netip.AddrPortFrom(loopback, srv.Port()), ""); r.err != lwip.ErrAbort || r.took < 6*clock.Second {
		t.Errorf("loopback address: %+v", r)
	}
}

func TestIsolated(t *testing.T) {
	var notes []string
	b := start(t, Options{Policy: Isolated, Names: map[string]netip.Addr{"broker.local": netip.MustParseAddr("192.168.1.9")}}, wired, func(*lwip.Stack) {})
	b.in(func() {
		b.w.Subscribe(func(e sim.Event) {
			if n, ok := e.Data.(sim.NoteData); ok {
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
		a, err := b.d.Net().Resolve(name, func(a netip.Addr, ok bool) { done <- a })
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
	b := start(t, Options{Resolver: fakeResolver{}}, sim.WiFiConfig{}, func(*lwip.Stack) {})
	time.Sleep(4 * time.Second / speed) // connects to Wi-Fi
	b.in(func() {
		if s := b.d.Net().DNS(0); s != b.g.addr {
			t.Errorf("the device's DNS server is %v", s)
		}
		b.d.Net().SetDNS(0, netip.MustParseAddr("208.67.222.222"))
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
	u := b.d.Net().NewUDP()
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

	addr := b.publish(Publication{Port: 7, UDP: true})
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

// TestAccessPointDevice publishes a port of a device that is its own network.
func TestAccessPointDevice(t *testing.T) {
	var peer netip.AddrPort
	b := start(t, Options{}, sim.WiFiConfig{Blank: true}, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			peer = c.RemoteAddr()
			c.Write([]byte("hello"))
			c.Close()
		})
	})
	got, err := roundTrip(b.dial(b.publish(Publication{Port: 80})), nil)
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
	b := start(t, Options{}, sim.WiFiConfig{}, echo)
	if got, err := roundTrip(b.dial(b.publish(Publication{Port: 80})), []byte("patience")); string(got) != "patience" {
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
		addr := b.publish(Publication{Port: 80})
		udp := b.publish(Publication{Port: 7, UDP: true})
		srv := server(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) })
		for range 3 {
			b.dial(addr).Write([]byte("hello"))
		}
		if c, err := net.Dial("udp", udp); err == nil {
			c.Write([]byte("x"))
			c.Close()
		}
		b.in(func() {
			c := b.d.Net()
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
