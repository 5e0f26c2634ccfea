package fifosock_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/devtest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// server is a program that wraps each connection, prints every send and sent
// in the order in which they happen, and runs what comes in as Lua with ssend
// and sock in its environment.
const server = `
local fifosock = require("fifosock")
net.createServer():listen(7, function(sock)
  local ssend = fifosock(sock)
  sock:on("receive", function(s, source)
    local chunk = assert(loadstring(source, "=chunk"))
    chunk(ssend)
  end)
end)
`

func TestOrder(t *testing.T) {
	tests := []struct{ name, program, want, output string }{
		{"strings", `local s = ... s("hello, ") s("") s("world\n")`, "hello, world\n", ""},
		{"one longer than a segment", `local s = ... s(("0123456789"):rep(400)) s("end")`, strings.Repeat("0123456789", 400) + "end", ""},
		{"many small ones", `local s = ... for i = 1, 300 do s(i .. ",") end`, numbers(300), ""},
		{"a function is called when all before it has arrived",
			`local s = ... s(("x"):rep(2000)) s(function() print("arrived") end) s("y")`,
			strings.Repeat("x", 2000) + "y", "arrived\n"},
		{"what a function returns is sent", `local s = ... s("a") s(function() return "b" end) s("c")`, "abc", ""},
		{"a function that offers another",
			`local s, n = ..., 0
			 local function part() n = n + 1 if n <= 3 then return "part" .. n .. " ", part end end
			 s("begin ") s(part) s("end")`,
			"begin part1 part2 part3 end", ""},
		{"a function that returns more than a segment", `local s = ... s(function() return ("z"):rep(4000) end)`, strings.Repeat("z", 4000), ""},
		{"a function that queues", `local s = ... s("early ") s(function() s("late") end)`, "early late", ""},
		{"it tells that it took it", `local s = ... print(s("x"), s("y"))`, "xy", "true\ttrue\n"},
		{"not a string", `local s = ... print(pcall(s, 5)) print(pcall(s)) s("ok")`, "ok",
			"false\tstring or function expected\nfalse\tstring or function expected\n"},
	}
	b := devtest.New(t, server)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b.Use(t)
			b.Output()
			p := b.Dial(7)
			p.Send(test.program)
			b.Run(10 * clock.Second)
			if got := p.Data.String(); got != test.want {
				t.Errorf("sent %s, want %s", devtest.Short(got), devtest.Short(test.want))
			}
			if got := b.Output(); got != test.output {
				t.Errorf("printed %q, want %q", got, test.output)
			}
			p.Close()
			b.Run(devtest.Quiet)
		})
	}
}

func numbers(n int) string {
	var s strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&s, "%d,", i)
	}
	return s.String()
}

// TestOneAtATime checks that no send comes before the sent of the one before
// it, that sends are full segments where there is enough to send, and that
// closing after the last sent loses nothing.
func TestOneAtATime(t *testing.T) {
	b := devtest.New(t, server)
	p := b.Dial(7)
	p.Send(`local s = ... for i = 1, 500 do s("123456789\n") end s(function(sock) sock:close() end)`)
	b.Run(10 * clock.Second)
	if got, want := p.Data.String(), strings.Repeat("123456789\n", 500); got != want {
		t.Errorf("sent %d bytes, want %d", len(got), len(want))
	}
	if !p.Closed || p.Reset {
		t.Errorf("closed %v, reset %v", p.Closed, p.Reset)
	}
	// The first string goes alone, as nothing else is there yet; then 4990
	// bytes in segments of 1460.
	want := []int{10, 1460, 1460, 1460, 610}
	if got := p.Segments; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("segments of %v bytes, want %v", got, want)
	}
}

// TestSmallSegments has a peer that takes 400 bytes at a time, so that one send
// gives several sents.
func TestSmallSegments(t *testing.T) {
	b := devtest.New(t, server)
	params := lwip.Desktop()
	params.MSS = 400
	p := b.DialFrom(b.Host(params), 7)
	p.Send(`local s = ... for i = 1, 1000 do s("123456789\n") end s(function(sock) sock:close() end)`)
	b.Run(30 * clock.Second)
	if got, want := p.Data.String(), strings.Repeat("123456789\n", 1000); got != want {
		t.Errorf("sent %d bytes, want %d", len(got), len(want))
	}
	if !p.Closed || p.Reset {
		t.Errorf("closed %v, reset %v", p.Closed, p.Reset)
	}
}

// TestNothingStays checks that a queue goes with its connection, in whatever way
// that ends, also when the program keeps ssend or a handler captures it.
func TestNothingStays(t *testing.T) {
	const fill = `local s = ... kept = s for i = 1, 8 do s(("x"):rep(900) .. i) end `
	tests := []struct {
		name, program string
		end           func(p *devtest.Peer)
	}{
		{"peer closes", fill, (*devtest.Peer).Close},
		{"peer resets", fill, (*devtest.Peer).Abort},
		{"program closes", `local s = ... kept = s s("x") s(function(sock) sock:close() end) for i = 1, 8 do s(("x"):rep(900) .. i) end`, (*devtest.Peer).Close},
		{"functions are queued", fill + `s(function(sock) s("more") end)`, (*devtest.Peer).Abort},
	}
	b := devtest.New(t, server)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b.Use(t)
			base := 0
			for i := range 5 {
				p := b.Dial(7)
				p.Stall(true)
				p.Send(test.program)
				test.end(p)
				b.Run(devtest.Quiet)
				if n := b.Sockets(); n != 0 {
					t.Errorf("%d connections left", n)
				}
				used := b.LuaBytes()
				if i == 1 { // tables have the size they need
					base = used
				}
				if i > 1 && used > base {
					t.Errorf("connection %d: %d bytes more than after the second", i+1, used-base)
				}
				if got := b.Eval(`print(kept("x"))`); got != "nil\n" {
					t.Errorf("send to a connection that ended: %q", got)
				}
			}
			// With the queue kept it would be more than 6 KB.
			b.Eval(`kept = nil`)
			if n := base - b.LuaBytes(); n > 300 {
				t.Errorf("a kept send function keeps %d bytes", n)
			}
		})
	}
}

// TestEnded checks the second argument: it sees the end, and frees what even a
// queued function that captured the socket would have kept.
func TestEnded(t *testing.T) {
	b := devtest.New(t, `
local fifosock = require("fifosock")
net.createServer():listen(7, function(sock)
  local ssend = fifosock(sock, function(s, code) print("ended", code, s == sock) end)
  for i = 1, 8 do ssend(("x"):rep(900) .. i) end
  ssend(function() sock:close() end)
end)`)
	base := 0
	for i := range 5 {
		p := b.Dial(7)
		p.Stall(true)
		p.Abort()
		b.Run(devtest.Quiet)
		if got := b.Output(); !strings.Contains(got, "ended\t-9\ttrue\n") {
			t.Errorf("printed %q", got)
		}
		if i == 1 {
			base = b.LuaBytes()
		}
	}
	if grown := b.LuaBytes() - base; grown > 0 {
		t.Errorf("%d bytes more than before", grown)
	}
}
