package httpserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/devtest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// count answers with the length of what it gets.
const count = `
require("httpserver").createServer(80, function(req, res)
  local n = 0
  req.ondata = function(_, chunk)
    if chunk then n = n + #chunk else res:finish(n) end
  end
end)
`

const rounds = 20

// growth fails the test when there is less free heap than in earlier rounds.
type growth struct{ lua, free int }

func (g *growth) check(t *testing.T, b *devtest.Bench, round int) {
	t.Helper()
	if n := b.Sockets(); n != 0 {
		t.Errorf("round %d: %d connections left", round, n)
	}
	lua, free := b.LuaBytes(), b.FreeHeap()
	// The stack and the string table keep the size of their last use.
	const slack = 1000
	switch {
	case round == 0:
		g.lua, g.free = lua, free
	case lua > g.lua || free < g.free-slack:
		t.Errorf("round %d: %d bytes of Lua, %d free; after the first round %d and %d", round, lua, free, g.lua, g.free)
	}
}

// TestLongLines has a client send lines that are too long in pieces of any size. It
// goes on after the answer until the device closes, so that a piece may be under way
// then and reset the connection.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("a", 5000)
	requests := []struct{ text, status string }{
		{"GET /" + long + " HTTP/1.1\r\n\r\n", "414 URI Too Long"},
		{"GET / HTTP/1.1\r\nA: " + long + "\r\n\r\n", "431 Request Header Fields Too Large"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;" + long + "\r\n", "431 Request Header Fields Too Large"},
		{"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + long + "\r\n", "431 Request Header Fields Too Large"},
	}
	b := devtest.New(t, count)
	var g growth
	low := b.FreeHeap()
	before := low
	for round := range rounds {
		for _, r := range requests {
			for _, size := range []int{1, 7, 100, 1460} {
				if size == 1 && round > 0 {
					continue // takes its time
				}
				p := b.Dial(80)
				for i, s := range split(r.text, size) {
					if !p.Open() {
						break
					}
					p.Queue(s)
					b.Run(5 * clock.Millisecond)
					if i%16 == 0 || size > 7 {
						low = min(low, b.FreeHeap())
					}
				}
				b.Run(clock.Second)
				if got := parse(t, r.text[:4], p.Data.String()); got.Status != r.status || !p.Closed {
					t.Fatalf("round %d, pieces of %d bytes: %q, want %q; closed %v", round, size, got.Status, r.status, p.Closed)
				}
			}
		}
		b.Run(devtest.Quiet)
		g.check(t, b, round)
	}
	t.Logf("%d bytes free before, %d at the least", before, low)
}

// crowd has five clients at a time send long headers and bodies, in turn and all at
// once, and returns what each has got.
func crowd(b *devtest.Bench, size int, low *int) []*devtest.Peer {
	const clients = 5 // established connections; oracle: net-constants.json
	request := fmt.Sprintf("POST / HTTP/1.1\r\nX-Long: %s\r\nContent-Length: 4096\r\n\r\n%s", strings.Repeat("h", 1024), text(4096))
	var peers []*devtest.Peer
	for range clients {
		peers = append(peers, b.Dial(80))
	}
	for _, s := range split(request, size) {
		for _, p := range peers {
			p.Queue(s)
		}
		b.Run(clock.Millisecond)
		*low = min(*low, b.FreeHeap())
	}
	for range 1000 {
		b.Run(10 * clock.Millisecond)
		*low = min(*low, b.FreeHeap())
	}
	b.Run(devtest.Quiet)
	return peers
}

// TestCrowds: all of a crowd are answered, again and again.
func TestCrowds(t *testing.T) {
	for _, size := range []int{100, 1460, 6000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := devtest.New(t, count)
			var g growth
			low := b.FreeHeap()
			before := low
			for round := range rounds {
				for n, p := range crowd(b, size, &low) {
					if r := parse(t, "POST", p.Data.String()); r.body != "4096" || !p.Closed || p.Reset {
						t.Fatalf("round %d, client %d: %q %q, closed %v, reset %v", round, n, r.Status, r.body, p.Closed, p.Reset)
					}
				}
				g.check(t, b, round)
			}
			t.Logf("%d bytes free before, %d at the least", before, low)
		})
	}
}

// TestCrowdIsEchoed: what five clients send is more than fits into the device. It
// may turn some away, and goes on; what it answers is right as far as it goes.
func TestCrowdIsEchoed(t *testing.T) {
	b := devtest.New(t, echo)
	var g growth
	low := b.FreeHeap()
	before, whole := low, 0
	for round := range rounds {
		for n, p := range crowd(b, 6000, &low) {
			switch {
			case p.Open():
				t.Errorf("round %d, client %d: the connection is open", round, n)
			case strings.HasSuffix(p.Data.String(), "0\r\n\r\n"):
				whole++
				if r := parse(t, "POST", p.Data.String()); r.body != text(4096) {
					t.Errorf("round %d, client %d: %q, body of %d bytes", round, n, r.Status, len(r.body))
				}
			}
		}
		g.check(t, b, round)
	}
	t.Logf("%d bytes free before, %d at the least; %d of %d answered", before, low, whole, 5*rounds)
	if whole < 5*rounds/2 {
		t.Errorf("only %d of %d were answered", whole, 5*rounds)
	}
	if r := exchange(t, b, post("still there")); r.body != "still there" {
		t.Errorf("afterwards: %q %q", r.Status, r.body)
	}
}

// TestScarce: when the program leaves little, a client that does not confirm its
// response keeps the others waiting for half a second at most.
func TestScarce(t *testing.T) {
	b := devtest.New(t, `require("httpserver").createServer(80, function(req, res) res:finish("hello") end)`)
	b.Eval(`hoard = {} while node.heap() > 10700 do hoard[#hoard + 1] = ("x"):rep(200) .. #hoard end`)
	for range rounds {
		host := b.Host(lwip.Desktop())
		silent := b.DialFrom(host, 80)
		silent.Queue(get("/"))
		b.Run(3 * clock.Millisecond)
		silent.Vanish(host)
		p := b.Dial(80)
		p.Send(get("/"))
		b.Run(2 * clock.Second)
		if r := parse(t, "GET", p.Data.String()); r.body != "hello" {
			t.Fatalf("%q %q, %d bytes free, output %q", r.Status, r.body, b.FreeHeap(), b.Output())
		}
		b.Run(15 * clock.Minute) // as in ends
	}
}

// TestClientCloses: a client that closes after the response, as it was told, leaves
// nothing on the device, where a connection that the device closes first stays for
// 10 s.
func TestClientCloses(t *testing.T) {
	b := devtest.New(t, program)
	for range 200 {
		p := b.Dial(80)
		p.Send(get("/"))
		if r := parse(t, "GET", p.Data.String()); r.body != "hello" || p.Closed {
			t.Fatalf("%q %q, closed %v", r.Status, r.body, p.Closed)
		}
		p.Close()
		if n := b.Sockets(); n != 0 {
			t.Fatalf("%d connections left", n)
		}
	}
}
