package peer_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// log is what happened to a connection.
type log struct {
	world *lab
	lines []string
	data  bytes.Buffer
}

// watch makes a connection tell everything.
func watch(w *lab, c *peer.Conn) *log {
	l := &log{world: w}
	say := func(format string, args ...any) { l.lines = append(l.lines, fmt.Sprintf(format, args...)) }
	c.OnConnect = func() { say("connected") }
	c.OnData = func(data []byte) { l.data.Write(data) }
	c.OnSent = func(n int) { say("sent %d", n) }
	c.OnEnd = func() { say("end") }
	c.OnClose = func(err error) { say("close %v", err) }
	return l
}

func (l *log) String() string { return strings.Join(l.lines, ", ") }

// TestConnections has two hosts end connections in every way there is.
func TestConnections(t *testing.T) {
	tests := []struct {
		name                  string
		client, server        func(*peer.Conn)
		wantClient, wantServe string
	}{
		{"client ends",
			func(c *peer.Conn) { c.Write([]byte("hello")); c.Close() }, nil,
			"connected, sent 5, end, close <nil>", "end, close <nil>"},
		{"server ends",
			nil, func(c *peer.Conn) { c.Write([]byte("hello")); c.Close() },
			"connected, end, close <nil>", "sent 5, end, close <nil>"},
		{"server stays half open",
			func(c *peer.Conn) { c.Close() },
			func(c *peer.Conn) {
				c.HalfOpen = true
				end := c.OnEnd
				c.OnEnd = func() { end(); c.Write([]byte("late")); c.Close() }
			},
			"connected, end, close <nil>", "end, close <nil>"}, // over before the last ACK
		{"client aborts",
			func(c *peer.Conn) {
				was := c.OnConnect
				c.OnConnect = func() { was(); c.Abort() }
			}, nil,
			"connected", ""},
		{"server aborts when it has data",
			func(c *peer.Conn) { c.Write([]byte("x")) },
			func(c *peer.Conn) { c.OnData = func([]byte) { c.Abort() } },
			"connected, close connection reset", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			a, b := w.host(), w.host()
			var server *log
			l := must[*peer.Listener](t)(b.Listen(7, func(c *peer.Conn) {
				server = watch(w, c)
				if test.server != nil {
					test.server(c)
				}
			}))
			c := must[*peer.Conn](t)(a.Dial(netip.AddrPortFrom(b.Addr(), 7)))
			client := watch(w, c)
			if test.client != nil {
				test.client(c)
			}
			w.run(20 * clock.Second)
			if client.String() != test.wantClient {
				t.Errorf("client: %s; want %s", client, test.wantClient)
			}
			if server != nil && server.String() != test.wantServe {
				t.Errorf("server: %s; want %s", server, test.wantServe)
			}
			if test.name == "server stays half open" && client.data.String() != "late" {
				t.Errorf("the client got %q", client.data.String())
			}
			if left := a.Stack().Netstat(); len(left) > 1 { // the DNS client's socket
				t.Errorf("client's host has %+v", left)
			}
			l.Close()
			refused := must[*peer.Conn](t)(a.Dial(netip.AddrPortFrom(b.Addr(), 7)))
			r := watch(w, refused)
			w.run(clock.Second)
			if r.String() != "close connection reset" {
				t.Errorf("to a closed port: %s", r)
			}
			if _, err := refused.Write([]byte("x")); !errors.Is(err, lwip.ErrClosed) {
				t.Errorf("write to a connection that is over: %v", err)
			}
		})
	}
}

// TestBulk moves more than any buffer holds, to a reader that pauses.
func TestBulk(t *testing.T) {
	w := newWorld(t)
	a, b := w.host(), w.host()
	var got bytes.Buffer
	var reader *peer.Conn
	must[*peer.Listener](t)(b.Listen(7, func(c *peer.Conn) {
		reader = c
		c.OnData = func(data []byte) { got.Write(data) }
	}))
	c := must[*peer.Conn](t)(a.Dial(netip.AddrPortFrom(b.Addr(), 7)))
	over := false
	c.OnClose = func(err error) { over = err == nil }
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	c.Write(want)
	c.Close()
	w.run(20 * clock.Millisecond)
	reader.Hold(true)
	w.run(10 * clock.Second)
	if n := got.Len(); n == 0 || n > 300000 || c.Pending() == 0 {
		t.Errorf("%d bytes while the reader held, %d pending", n, c.Pending())
	}
	reader.Hold(false)
	w.run(60 * clock.Second)
	if !bytes.Equal(got.Bytes(), want) || !over {
		t.Errorf("%d of %d bytes, over %v", got.Len(), len(want), over)
	}
}

func TestUDPAndPing(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.host(), w.host(), w.host()
	group := netip.MustParseAddr("239.0.0.7")
	got := map[*peer.Host]string{}
	for _, h := range []*peer.Host{b, c} {
		u := must[*peer.UDP](t)(h.ListenUDP(9))
		u.OnData = func(data []byte, from netip.AddrPort) { got[h] += string(data) }
	}
	if _, err := b.ListenUDP(9); err == nil {
		t.Error("a port taken twice")
	}
	if err := c.Join(group); err != nil {
		t.Error(err)
	}
	u := must[*peer.UDP](t)(a.ListenUDP(0))
	send := func(text string, to netip.Addr) {
		t.Helper()
		if err := u.SendTo([]byte(text), netip.AddrPortFrom(to, 9)); err != nil {
			t.Error(err)
		}
		w.run(10 * clock.Millisecond)
	}
	send("1", b.Addr())
	send("2", netip.MustParseAddr("255.255.255.255"))
	send("3", netip.MustParseAddr("10.0.255.255"))
	send("4", group)
	if err := c.Leave(group); err != nil {
		t.Error(err)
	}
	send("5", group)
	if c.Leave(group) == nil {
		t.Error("left a group twice")
	}
	b.Close()
	send("6", b.Addr())
	if got[b] != "123" || got[c] != "234" {
		t.Errorf("b has %q, c has %q", got[b], got[c])
	}
	took := clock.Duration(0)
	if err := a.Ping(c.Addr(), 56, func(d clock.Duration) { took = d }); err != nil {
		t.Error(err)
	}
	w.run(clock.Second)
	if took != 4*clock.Millisecond {
		t.Errorf("ping took %d µs", took)
	}
}
