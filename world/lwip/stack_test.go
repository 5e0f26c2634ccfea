package lwip

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

var (
	addrA = netip.MustParseAddr("192.168.1.10")
	addrB = netip.MustParseAddr("192.168.1.20")
	addrC = netip.MustParseAddr("192.168.1.30")
)

// pair is a device stack and a desktop stack on one wire.
type pair struct {
	c          *clock.Clock
	w          *wire.Wire
	dev, desk  *Stack
	devH, desH *ClockHost
}

func attach(w *wire.Wire, name string, ip netip.Addr, p Params) (*Stack, *ClockHost) {
	var s *Stack
	nic := w.Attach(name, func(p *wire.Packet) { s.Input(0, p) })
	prefix := testPrefix(ip)
	nic.SetPrefix(prefix)
	h := NewClockHost(w.Clock(), uint64(len(name)), nic.Send)
	s = New(h, p)
	s.SetNetif(0, Netif{Prefix: prefix, Up: true})
	return s, h
}

func testPrefix(ip netip.Addr) netip.Prefix { return netip.PrefixFrom(ip, 24) }

func newPair() *pair {
	c := clock.New()
	p := &pair{c: c, w: wire.New(c)}
	p.dev, p.devH = attach(p.w, "dev", addrA, Device())
	p.desk, p.desH = attach(p.w, "desk", addrB, Desktop())
	c.RunUntil(clock.At(clock.Second))
	return p
}

// sink collects what a connection receives.
type sink struct {
	bytes.Buffer
	fin, err int
}

func (k *sink) attach(c *TCPConn) {
	c.OnRecv = func(c *TCPConn, data [][]byte) Err {
		if data == nil {
			k.fin++
			return c.Close()
		}
		for _, d := range data {
			k.Write(d)
			c.Recved(len(d))
		}
		return OK
	}
	c.OnError = func(Err) { k.err++ }
}

func listen(t *testing.T, s *Stack, port uint16, accept func(*TCPConn)) {
	t.Helper()
	c := s.NewTCP()
	if err := c.Bind(AnyAddr, port); err != OK {
		t.Fatal(err)
	}
	l := c.Listen()
	if l == nil {
		t.Fatal("no listener")
	}
	l.OnAccept = func(c *TCPConn) Err { accept(c); return OK }
}

// TestBulk moves data both ways between the device and the desktop, over a good
// wire and a bad one.
func TestBulk(t *testing.T) {
	tests := []struct {
		name string
		rule func() wire.Rule
	}{
		{"clean", nil},
		{"lossy", func() wire.Rule {
			l := wire.NewLink(7)
			l.Loss, l.Duplicate, l.Reorder, l.Jitter = 0.05, 0.05, 0.05, 3*clock.Millisecond
			return l
		}},
	}
	const size = 40000
	want := make([]byte, size)
	for i := range want {
		want[i] = byte(i * 7)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newPair()
			if test.rule != nil {
				p.w.AddRule(test.rule())
			}
			var atDev, atDesk sink
			feed := func(c *TCPConn, data []byte, done func()) {
				step := func() {
					n, _ := c.WriteSome(data)
					data = data[n:]
					c.Output()
					if len(data) == 0 && c.Queued() == 0 {
						done()
					}
				}
				c.OnSent = func(*TCPConn, int) Err { step(); return OK }
				step()
			}
			listen(t, p.dev, 80, func(c *TCPConn) {
				atDev.attach(c)
				feed(c, want, func() {})
			})
			c := p.desk.NewTCP()
			atDesk.attach(c)
			c.OnConnected = func(c *TCPConn) Err { feed(c, want, func() {}); return OK }
			if err := c.Connect(addrA, 80); err != OK {
				t.Fatal(err)
			}
			p.c.RunUntil(clock.At(10 * clock.Minute))
			if !bytes.Equal(atDev.Bytes(), want) || !bytes.Equal(atDesk.Bytes(), want) {
				t.Errorf("device got %d, desktop got %d of %d bytes", atDev.Len(), atDesk.Len(), size)
			}
			c.Shutdown()
			p.c.RunUntil(p.c.Now().Add(10 * clock.Minute))
			if atDev.fin != 1 || atDesk.fin != 1 || atDev.err+atDesk.err != 0 {
				t.Errorf("device: %d FIN, %d errors; desktop: %d FIN, %d errors", atDev.fin, atDev.err, atDesk.fin, atDesk.err)
			}
			if p.devH.InUse != 136+36 || p.desH.InUse != 136 {
				t.Errorf("heap in use: device %d, want 172; desktop %d, want 136", p.devH.InUse, p.desH.InUse)
			}
		})
	}
}

// TestIdleIsFree checks that a stack without connections burns no events, and
// that the tick still starts where it would have with all polls run.
func TestIdleIsFree(t *testing.T) {
	p := newPair()
	if at := p.c.Next(); at != clock.Forever {
		t.Errorf("idle world has an event at %d", at)
	}
	var ticks []clock.Duration
	p.dev.OnTick = func(bool) { ticks = append(ticks, p.c.Now().Sub(0)/clock.Millisecond) }
	p.c.RunUntil(clock.At(clock.Hour + 45*clock.Millisecond))
	c := p.dev.NewTCP()
	c.Connect(addrB, 9) // refused
	p.c.RunUntil(clock.At(2 * clock.Hour))
	// SYN at 45 ms past a multiple of 100 ms: first tick at 125 ms.
	if len(ticks) != 1 || ticks[0] != 3600125 {
		t.Errorf("ticks at %v, want one at 3600125", ticks)
	}
}

func TestParseAddr(t *testing.T) {
	tests := []struct{ in, want string }{
		{"1.2.3.4", "1.2.3.4"}, {"1", "0.0.0.1"}, {"1.2.3", "1.2.0.3"}, {"0x7f.1", "127.0.0.1"},
		{"010.1", "8.0.0.1"}, {"1.2.3.4 x", "1.2.3.4"}, {"256.1.1.1", ""}, {"1.2.3.4.5", ""}, {"", ""},
		{"a.b", ""}, {"1.2.3.256", ""}, {"1..2", ""}, {"255.255.255.255", "255.255.255.255"},
	}
	for _, test := range tests {
		a, ok := ParseAddr(test.in)
		if got := a.String(); ok != (test.want != "") || ok && got != test.want {
			t.Errorf("ParseAddr(%q) = %s, %v; want %q", test.in, got, ok, test.want)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	p := newPair()
	p.devH.Limit = 136 + 36 + 176
	listen(t, p.dev, 80, func(*TCPConn) {})
	c := p.desk.NewTCP()
	c.Connect(addrA, 80)
	p.c.RunUntil(clock.At(2 * clock.Second))
	if c.State() != SynSent {
		t.Errorf("state %v, want SYN_SENT: the device has no memory for the answer", c.State())
	}
	p.devH.Limit = 0
	p.c.RunUntil(clock.At(4 * clock.Second))
	if c.State() != Established {
		t.Errorf("state %v, want ESTABLISHED", c.State())
	}
	if err := p.dev.NewUDP().SendTo(make([]byte, 10), addrB, 9); err != OK {
		t.Errorf("SendTo: %v", err)
	}
	p.devH.Limit = 1
	if p.dev.NewTCP() != nil || p.dev.NewUDP() != nil {
		t.Error("a PCB out of nothing")
	}
}

// TestAddressLost checks that connections of an address that goes away end, and
// that this happens outside the call that takes it away.
func TestAddressLost(t *testing.T) {
	p := newPair()
	var k sink
	listen(t, p.dev, 80, k.attach)
	c := p.desk.NewTCP()
	c.Connect(addrA, 80)
	p.c.RunUntil(p.c.Now().Add(clock.Second))
	p.dev.SetNetif(0, Netif{})
	if k.err != 0 {
		t.Error("aborted within SetNetif")
	}
	p.c.RunUntil(p.c.Now().Add(clock.Second))
	if k.err != 1 || p.dev.active != nil {
		t.Errorf("%d errors, connection left: %v", k.err, p.dev.active != nil)
	}
	if err := p.dev.NewTCP().Connect(addrB, 9); err != ErrRoute {
		t.Errorf("Connect without an address: %v, want ErrRoute", err)
	}
}

// A desktop that has ended a connection takes a new one from the same port at once; when
// the number of its SYN is older than what came before, at the second attempt. A device
// refuses it.
func TestReopen(t *testing.T) {
	for _, test := range []struct {
		name          string
		iss           uint32 // added to the client's sequence numbers before the second connection
		deviceServes  bool
		connected     bool
		least, within clock.Duration
	}{
		{"newer number", 1000, false, true, 0, clock.Second},
		{"older number", ^uint32(99_999), false, true, 100 * clock.Millisecond, 10 * clock.Second},
		{"a device", 1000, true, false, 0, 10 * clock.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPair()
			client, server, to := p.dev, p.desk, addrB
			if test.deviceServes {
				client, server, to = p.desk, p.dev, addrA
			}
			listen(t, server, 80, func(c *TCPConn) {
				new(sink).attach(c)
				c.Write([]byte("hello"))
				c.Close()
			})
			var at clock.Time
			refused := 0
			connect := func() {
				c := client.NewTCP()
				var k sink
				k.attach(c)
				c.OnError = func(Err) { refused++ }
				c.OnConnected = func(*TCPConn) Err { at = p.c.Now(); return OK }
				if err := c.Bind(AnyAddr, 50000); err != OK {
					t.Fatal(err)
				}
				if err := c.Connect(to, 80); err != OK {
					t.Fatal(err)
				}
				p.c.RunUntil(p.c.Now().Add(10 * clock.Second))
			}
			connect()
			if at == 0 {
				t.Fatal("no first connection")
			}
			at = 0
			client.iss += test.iss
			began := p.c.Now()
			connect()
			if took := at.Sub(began); (at != 0) != test.connected || at != 0 && (took < test.least || took > test.within) || !test.connected && refused != 1 {
				t.Errorf("connected after %v (0: not), %d errors", took, refused)
			}
		})
	}
}
