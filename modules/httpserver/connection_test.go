package httpserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/devtest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// echo sends the body of a request back as it comes, and has handlers that
// capture all there is to capture.
const echo = `
require("httpserver").createServer(80, function(req, res)
  local conn = req.conn
  req.onheader = function(_, name) conn:ttl() end
  req.ondata = function(_, chunk)
    if chunk then res:send(chunk) else res:finish() end
  end
end)
`

func post(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// text is n bytes in which every place can be told from the others.
func text(n int) string {
	var s strings.Builder
	for i := 0; s.Len() < n; i++ {
		fmt.Fprintf(&s, "%07d ", i)
	}
	return s.String()[:n]
}

// TestFlatMemory moves much more than fits into the device through it, in both
// directions, and looks at its heap meanwhile.
func TestFlatMemory(t *testing.T) {
	small := lwip.Desktop()
	small.MSS = 536
	tests := []struct {
		name   string
		params lwip.Params
	}{{"full segments", lwip.Desktop()}, {"small segments", small}}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := devtest.New(t, echo)
			body := text(200_000)
			p := b.DialFrom(b.Host(test.params), 80)
			free := b.FreeHeap()
			low := free
			p.Queue(post(body))
			for i := 0; i < 6000 && !p.Closed && !p.Reset; i++ {
				b.Run(20 * clock.Millisecond)
				low = min(low, b.FreeHeap())
			}
			r := parse(t, "POST", p.Data.String())
			if r.StatusCode != 200 || r.body != body || p.Reset {
				t.Errorf("%q, body of %d bytes, want %d; reset %v", r.Status, len(r.body), len(body), p.Reset)
			}
			t.Logf("at most %d bytes of heap", free-low)
			if free-low > 16000 {
				t.Errorf("up to %d bytes of heap in use", free-low)
			}
		})
	}
}

// TestSlowReader has a client that stops reading for a minute.
func TestSlowReader(t *testing.T) {
	small := lwip.Desktop()
	small.Window = 4000
	b := devtest.New(t, program)
	p := b.DialFrom(b.Host(small), 80)
	p.Stall(true)
	p.Send(get("/pull"))
	free := b.FreeHeap()
	b.Run(clock.Minute)
	if got := b.FreeHeap(); got < free-3000 {
		t.Errorf("%d bytes more in use after a minute", free-got)
	}
	p.Stall(false)
	b.Run(2 * clock.Minute)
	if r := parse(t, "GET", p.Data.String()); r.StatusCode != 200 || len(r.body) != 20*700+9*2+11*3 {
		t.Errorf("%q, %d bytes", r.Status, len(r.body))
	}
}

// ends are the ways in which a connection can end before its time.
var ends = []struct {
	name string
	end  func(b *devtest.Bench, host *lwip.Stack, p *devtest.Peer)
}{
	{"FIN", func(_ *devtest.Bench, _ *lwip.Stack, p *devtest.Peer) { p.Close() }},
	{"RST", func(_ *devtest.Bench, _ *lwip.Stack, p *devtest.Peer) { p.Abort() }},
	{"silence", func(b *devtest.Bench, host *lwip.Stack, p *devtest.Peer) {
		p.Vanish(host)
		// Keepalive needs 40 s; a FIN that nobody answers is repeated for
		// 13 minutes (oracle: net-behaviour.md 6.4).
		b.Run(15 * clock.Minute)
	}},
}

// TestNothingStays breaks requests off at every stage in every way, and looks
// for what stays behind.
func TestNothingStays(t *testing.T) {
	stages := []struct{ name, data string }{
		{"connected", ""},
		{"in the request line", "GET /lo"},
		{"in the headers", "POST / HTTP/1.1\r\nHost: x\r\nConte"},
		{"before the body", "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"},
		{"before the body, with 100", "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"},
		{"in the body", "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n" + text(3000)},
		{"in a chunk", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + text(3000)},
		{"in the response", post(text(5000))},
		{"after an error", "junk\r\n"},
	}
	for _, end := range ends {
		t.Run(end.name, func(t *testing.T) {
			b := devtest.New(t, echo)
			exchange(t, b, post("warm up"))
			base := 0
			for i, stage := range append(stages[:1:1], stages...) { // the first twice, for the base
				host := b.Host(lwip.Desktop())
				p := b.DialFrom(host, 80)
				p.Stall(true)
				p.Queue(stage.data)
				b.Run(5 * clock.Millisecond)
				end.end(b, host, p)
				b.Run(devtest.Quiet)
				if n := b.Sockets(); n != 0 {
					t.Errorf("%s: %d connections left", stage.name, n)
				}
				used := b.LuaBytes()
				if i == 0 {
					base = used
				} else if used > base {
					t.Errorf("%s: %d bytes more than before", stage.name, used-base)
				}
			}
			if r := exchange(t, b, post("still there")); r.body != "still there" {
				t.Errorf("afterwards: %q %q", r.Status, r.body)
			}
		})
	}
}

// TestProgramCloses has a handler that closes the connection by itself: nobody
// tells the server, which finds out when the next client comes.
func TestProgramCloses(t *testing.T) {
	b := devtest.New(t, `
require("httpserver").createServer(80, function(req, res)
  req.ondata = function()
    if req.url == "/bye" then res:send("x") req.conn:close() res:send("y") res:finish("z") else res:finish("ok") end
  end
end)`)
	base := 0
	for i := range 8 {
		p := b.Dial(80)
		p.Send(get("/bye"))
		b.Run(devtest.Quiet)
		if p.Open() {
			t.Error("the connection is open")
		}
		if r := exchange(t, b, get("/")); r.body != "ok" {
			t.Errorf("afterwards: %q %q", r.Status, r.body)
		}
		if used := b.LuaBytes(); i == 0 {
			base = used
		} else if used > base {
			t.Errorf("%d bytes more after %d rounds", used-base, i)
		}
	}
}

func TestSequential(t *testing.T) {
	b := devtest.New(t, program)
	base := 0
	for i := range 100 {
		if r := exchange(t, b, get("/stream")); r.body != "one two 3 four" {
			t.Fatalf("request %d: %q %q", i, r.Status, r.body)
		}
		if i == 1 {
			base = b.LuaBytes()
		}
	}
	if grown := b.LuaBytes() - base; grown > 0 {
		t.Errorf("%d bytes more after 100 requests", grown)
	}
}

// TestParallel interleaves as many requests as the device takes connections, and
// one more, which waits.
func TestParallel(t *testing.T) {
	const limit = 5 // established connections; oracle: net-constants.json
	b := devtest.New(t, echo)
	var peers []*devtest.Peer
	for range limit {
		peers = append(peers, b.Dial(80))
	}
	late := b.Dial(80)
	late.Queue(post("late"))
	for i := range 40 {
		for n, p := range peers {
			body := strings.Repeat(fmt.Sprint(n), 20)
			if s := post(body); i < len(s) {
				p.Send(s[i : i+1])
				if i == 39 {
					p.Send(s[40:])
				}
			}
		}
	}
	b.Run(20 * clock.Second)
	for n, p := range peers {
		if r := parse(t, "POST", p.Data.String()); r.body != strings.Repeat(fmt.Sprint(n), 20) {
			t.Errorf("client %d: %q %q", n, r.Status, r.body)
		}
	}
	if r := parse(t, "POST", late.Data.String()); r.body != "late" {
		t.Errorf("the sixth client: %q %q", r.Status, r.body)
	}
}

func TestServers(t *testing.T) {
	b := devtest.New(t, `
local http = require("httpserver")
a = http.createServer(80, function(req, res) res:finish("eighty") end)
b = http.createServer(81, function(req, res) res:finish("eighty-one") end)
print(pcall(http.createServer, 80, function() end))
`)
	if got := b.Output(); !strings.Contains(got, "false\t") || !strings.Contains(got, ": out of memory\n") { // what the firmware says of a port in use
		t.Errorf("second server on a port: %q", got)
	}
	for port, want := range map[uint16]string{80: "eighty", 81: "eighty-one"} {
		p := b.Dial(port)
		p.Send(get("/"))
		if r := parse(t, "GET", p.Data.String()); r.body != want {
			t.Errorf("port %d: %q %q", port, r.Status, r.body)
		}
	}
	if got := b.Eval(`print(a:getaddr()) a:close() a = nil`); !strings.HasPrefix(got, "80\t") {
		t.Errorf("createServer returned a server on %q", got)
	}
	if p := b.Dial(80); !p.Reset {
		t.Error("port 80 is open after close")
	}
	if p := b.Dial(81); !p.Established {
		t.Error("port 81 is closed")
	}
}

// TestRelease checks that the module's memory comes back, and that a server runs
// on without the name.
func TestRelease(t *testing.T) {
	b := devtest.New(t, ``)
	before := b.LuaBytes()
	b.Eval(`require("httpserver")`)
	loaded := b.LuaBytes()
	t.Logf("loaded: %d bytes of Lua memory", loaded-before)
	b.Eval(`package.loaded["httpserver"] = nil`)
	if kept := b.LuaBytes() - before; kept > 100 { // package.loaded has grown

		t.Errorf("%d bytes of %d stay", kept, loaded-before)
	}
	b.Eval(`server = require("httpserver").createServer(80, function(_, res) res:finish("ok") end) package.loaded["httpserver"] = nil`)
	if r := exchange(t, b, get("/")); r.body != "ok" {
		t.Errorf("released with a server: %q %q", r.Status, r.body)
	}
	b.Eval(`server:close() server = nil`)
	if kept := b.LuaBytes() - before; kept > 200 {
		t.Errorf("%d bytes stay when the last server is closed", kept)
	}
}

// TestHandlerFails: an error in a handler is one in a callback of the net module,
// and that is the end of the device.
func TestHandlerFails(t *testing.T) {
	for name, program := range map[string]string{
		"handler":  `function(req, res) error("oops") end`,
		"onheader": `function(req, res) req.onheader = function() error("oops") end end`,
		"ondata":   `function(req, res) req.ondata = function() error("oops") end end`,
		"pull":     `function(req, res) res:finish(function() error("oops") end) end`,
	} {
		b := devtest.New(t, `require("httpserver").createServer(80, `+program+`)`)
		b.ExpectError("panic: init.lua:1: oops")
		b.Dial(80).Send(get("/"))
		if len(b.Errors()) == 0 {
			t.Errorf("%s: no panic", name)
		}
	}
}

// TestCosts measures what the module costs, and fails when that grows much.
func TestCosts(t *testing.T) {
	b := devtest.New(t, ``)
	free := b.FreeHeap()
	used := b.Chip.VM.LuaBytes()
	b.Chip.VM.ResetMemoryStats()
	b.Eval(`require("httpserver")`)
	if peak := b.Chip.VM.MemoryStats().Peak - used; peak > 22000 {
		t.Errorf("loading takes %d bytes of Lua memory", peak)
	} else {
		t.Logf("loading: up to %d bytes of Lua memory", peak)
	}
	b.LuaBytes()
	cost := func(what string, limit int) {
		n := free - b.FreeHeap()
		t.Logf("%s: %d bytes of heap", what, n)
		if n > limit {
			t.Errorf("%s: %d bytes of heap, limit %d", what, n, limit)
		}
	}
	cost("loaded", 16400)
	b.Eval(`require("httpserver").createServer(80, function(req, res) keep = res end)`)
	exchange := func(data string) *devtest.Peer {
		p := b.Dial(80)
		p.Send(data)
		return p
	}
	exchange(get("/")).Abort() // tables get the size they need
	b.Run(devtest.Quiet)
	b.LuaBytes()
	free = b.FreeHeap()
	p := exchange("")
	cost("idle connection", 600)
	p.Abort()
	b.Run(devtest.Quiet)
	p = exchange("POST / HTTP/1.1\r\nHost: 192.168.1.10\r\nContent-Length: 5\r\n\r\n")
	b.LuaBytes()
	cost("request that waits for its body", 1100)
	p.Send("hello")
	p.Stall(true)
	b.Eval(`keep:finish(("x"):rep(1000))`)
	b.Eval(`keep = nil`)
	cost("response under way", 2800)
	p.Abort()
	b.Run(devtest.Quiet)
	b.LuaBytes()
	cost("afterwards", 0)
}
