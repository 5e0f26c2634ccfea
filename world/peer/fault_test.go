package peer_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// sentBy records the times, in ms, at which a host sends TCP packets with
// payload, or SYN, or RST.
func sentBy(w *lab, host string) *[]string {
	var times []string
	w.Wire.Tap(func(e wire.Event) {
		if e.Kind != wire.Sent || e.From.Host != host || e.Packet.Proto != wire.TCP {
			return
		}
		if p := e.Packet; len(p.Payload) > 0 || p.Flags&(wire.SYN|wire.RST) != 0 {
			times = append(times, fmt.Sprintf("%d:%s%d", e.Time.Sub(0)/clock.Millisecond, p.Flags, len(p.Payload)))
		}
	})
	return &times
}

// gaps returns the times between the entries of a record that start alike.
func gaps(times []string, kind string) []int {
	var out []int
	last := -1
	for _, s := range times {
		var ms int
		var what string
		fmt.Sscanf(s, "%d:%s", &ms, &what)
		if what != kind {
			continue
		}
		if last >= 0 {
			out = append(out, ms-last)
		}
		last = ms
	}
	return out
}

// down cuts the device off during a span.
func (w *lab) down(from, to clock.Time) {
	w.Wire.AddRule(&wire.Outage{Match: wire.Match{Host: "device1"}, Spans: []wire.Span{{From: from, To: to}}})
}

// TestRetransmission cuts the device off while what it sent is not acknowledged
// (oracle: net-behaviour.md 6.4, 9).
func TestRetransmission(t *testing.T) {
	program := func(timeout int) string {
		return fmt.Sprintf(`net.createServer(%d):listen(80, function(c)
			c:on("receive", function(c, data) c:send("0123456789") end)
			c:on("sent", function() print("sent") end)
			c:on("disconnection", function(c, code) print("disconnection", code, tmr.now()/1000) end)
		end)`, timeout)
	}
	start := func(w *lab, from, to clock.Time) *peer.Conn {
		w.down(from, to)
		w.run(clock.Second)
		c := must[*peer.Conn](t)(w.host().Dial(netip.AddrPortFrom(deviceAddr(0), 80)))
		w.Clock.RunUntil(clock.At(5 * clock.Second))
		c.Write([]byte("?"))
		return c
	}
	t.Run("the link comes back", func(t *testing.T) {
		w := newWorld(t, program(3600))
		times := sentBy(w, "device1")
		// 1 ms after the request has arrived, the answer is under way.
		c := start(w, clock.At(5*clock.Second+3*clock.Millisecond), clock.At(20*clock.Second))
		got := 0
		c.OnData = func(data []byte) { got += len(data) }
		w.run(60 * clock.Second)
		// The first was sent before the link went down, but its ACK was lost.
		want := []int{1500, 3000, 6000, 12000}
		g := gaps(*times, "PA10")
		if len(g) != 5 || g[0] < 500 || g[0] > 750 || !slices.Equal(g[1:], want) {
			t.Errorf("retransmitted after %v ms, want 500…750, %v", g, want)
		}
		if got != 10 || w.output() != "sent\n" {
			t.Errorf("%d bytes arrived", got)
		}
	})
	t.Run("keepalive ends it first", func(t *testing.T) {
		w := newWorld(t, program(30))
		times := sentBy(w, "device1")
		c := start(w, clock.At(5*clock.Second+3*clock.Millisecond), clock.Forever)
		w.run(100 * clock.Second)
		var code, ms float64
		if _, err := fmt.Sscanf(w.output(), "disconnection %v %v", &code, &ms); err != nil || code != -8 || ms < 45000 || ms > 45400 {
			t.Errorf("code %v at %v ms", code, ms)
		}
		if g := gaps(*times, "PA10"); len(g) != 5 {
			t.Errorf("retransmitted after %v ms", g)
		}
		if c.Open() == false {
			t.Error("the peer knows of it")
		}
	})
}

// TestConnectDuringOutage: six SYNs more, a second apart, then -8 (oracle:
// net-behaviour.md 6.4).
func TestConnectDuringOutage(t *testing.T) {
	w := newWorld(t, `tmr.create():alarm(2000, tmr.ALARM_SINGLE, function()
		local t0, c = tmr.now(), net.createConnection()
		c:on("connection", function() print("connected") end)
		c:on("disconnection", function(c, code) print(code, (tmr.now() - t0) / 1000) end)
		c:connect(80, "10.0.0.1")
	end)`)
	times := sentBy(w, "device1")
	host := w.host()
	must[*peer.Listener](t)(host.Listen(80, func(*peer.Conn) {}))
	w.down(0, clock.At(60*clock.Second))
	w.run(30 * clock.Second)
	var code, ms float64
	if _, err := fmt.Sscan(w.output(), &code, &ms); err != nil || code != -8 || ms < 6000 || ms > 6250 {
		t.Errorf("code %v after %v ms", code, ms)
	}
	if g := gaps(*times, "S0"); len(g) != 6 || !slices.Equal(g[1:], []int{1000, 1000, 1000, 1000, 1000}) {
		t.Errorf("SYNs after %v ms", g)
	}
}

// TestZeroWindow has the device send to a peer that does not read, for two
// minutes, over a good link, a lossy one, and one that is down for a while in the
// middle: probes after 3, 6, 12 … slow ticks, and nothing is lost (oracle:
// net-behaviour.md 6.4).
func TestZeroWindow(t *testing.T) {
	for _, test := range []struct {
		name string
		rule wire.Rule
	}{
		{"clean", nil},
		{"lossy", lossy(t, "loss=10%")},
		{"down", &wire.Outage{Spans: []wire.Span{{From: clock.At(30 * clock.Second), To: clock.At(100 * clock.Second)}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, `net.createServer(3600):listen(80, function(c)
				local n = 0
				local function more(c)
					n = n + 1
					if n <= 200 then c:send((("%03d"):format(n) .. "|"):rep(365)) else c:close() end
				end
				c:on("sent", more) more(c)
			end)`)
			if test.rule != nil {
				w.Wire.AddRule(test.rule)
			}
			w.run(clock.Second)
			times := sentBy(w, "device1")
			var got, want bytes.Buffer
			for i := range 200 {
				want.WriteString(strings.Repeat(fmt.Sprintf("%03d|", i+1), 365))
			}
			host := w.host()
			c := must[*peer.Conn](t)(host.Dial(netip.AddrPortFrom(deviceAddr(0), 80)))
			c.OnData = func(data []byte) { got.Write(data) }
			c.Hold(true)
			w.run(120 * clock.Second)
			if got.Len() > 65535 || got.Len() < 60000 {
				t.Errorf("%d bytes while nothing was read", got.Len())
			}
			if test.rule == nil {
				// The byte of the first probe still fits the window and is
				// acknowledged, which restarts the series.
				g := gaps(*times, "A1")
				if len(g) < 7 || !slices.Equal(g[:7], []int{750, 1500, 3000, 6000, 12000, 24000, 30000}) {
					t.Errorf("probes after %v ms", g)
				}
			}
			c.Hold(false)
			w.run(600 * clock.Second)
			if !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Errorf("%d of %d bytes, or not the same", got.Len(), want.Len())
			}
		})
	}
}

func lossy(t *testing.T, spec string) *wire.Link {
	l := wire.NewLink(1)
	l.Quality = must[wire.Quality](t)(wire.ParseQuality(spec))
	return l
}

// TestKeepalive: a short outage that the probe falls into ends the connection, as
// there is only one probe; one that it does not fall into goes unnoticed (oracle:
// net-behaviour.md 9).
func TestKeepalive(t *testing.T) {
	for _, test := range []struct {
		name     string
		from, to clock.Duration // of the outage, in s; the last segment comes at 2 s
		want     string
	}{
		{"no outage", 0, 1, ""},
		{"over before the probe", 3, 6, ""},
		{"probe lost", 5, 9, "-8"},
		{"back after the end", 5, 60, "-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, `net.createServer(5):listen(80, function(c)
				c:on("disconnection", function(c, code) print(code, tmr.now() / 1e6) end)
			end)`)
			w.run(2 * clock.Second)
			w.down(clock.At(test.from*clock.Second), clock.At(test.to*clock.Second))
			c := must[*peer.Conn](t)(w.host().Dial(netip.AddrPortFrom(deviceAddr(0), 80)))
			end := ""
			c.OnClose = func(err error) { end = err.Error() }
			w.run(60 * clock.Second)
			got := w.output()
			if test.want == "" {
				if got != "" || !c.Open() {
					t.Errorf("got %q, open %v", got, c.Open())
				}
				return
			}
			var code, at float64
			if _, err := fmt.Sscan(got, &code, &at); err != nil || code != -8 || at < 17 || at > 17.4 {
				t.Errorf("got %q, want -8 15 s after the last segment", got)
			}
			if reset := test.to < 17; reset != (end == "connection reset") {
				t.Errorf("the peer got %q", end)
			}
		})
	}
}

// TestBadLink moves data both ways over a link that does everything at once, and
// checks that the same seed gives the same run.
func TestBadLink(t *testing.T) {
	run := func(seed uint64) (trace string) {
		w := newWorld(t, `net.createServer(3600):listen(80, function(c)
			c:on("receive", function(c, data) c:send(data) end)
		end)`)
		l := wire.NewLink(seed)
		l.Host = "device1"
		l.Quality = must[wire.Quality](t)(wire.ParseQuality("latency=15ms,jitter=10ms,bandwidth=500kbit,loss=3%,dup=3%,reorder=5%"))
		w.Wire.AddRule(l)
		w.run(clock.Second)
		var b strings.Builder
		w.Wire.Tap(func(e wire.Event) { fmt.Fprintln(&b, e.Time, e.Kind, e.Packet, e.Reason) })
		c := must[*peer.Conn](t)(w.host().Dial(netip.AddrPortFrom(deviceAddr(0), 80)))
		var sent, got bytes.Buffer
		next := func() {
			part := strings.Repeat(fmt.Sprintf("%d,", sent.Len()), 50)
			sent.WriteString(part)
			c.Write([]byte(part))
		}
		c.OnConnect = next
		c.OnData = func(data []byte) {
			if got.Write(data); got.Len() == sent.Len() && got.Len() < 30000 {
				next()
			}
		}
		w.run(600 * clock.Second)
		if got.Len() < 30000 || !bytes.Equal(got.Bytes(), sent.Bytes()) {
			t.Errorf("seed %d: %d of %d bytes came back, or not the same", seed, got.Len(), sent.Len())
		}
		return b.String()
	}
	one := run(1)
	if again := run(1); again != one {
		t.Error("two runs with the same seed differ")
	}
	if run(2) == one {
		t.Error("two seeds, one run")
	}
}
