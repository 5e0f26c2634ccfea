package http

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/sjson"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// bench is a device with a program, and a server at 192.168.1.20.
type bench struct{ *chiptest.Lab }

// newBench starts the program when the world runs. answer gets what a connection to port
// 80 has received so far and returns what the server says to it, and whether it closes.
func newBench(t testing.TB, lua string, answer func(request string) (response string, last bool)) *bench {
	t.Helper()
	b := &bench{chiptest.NewLab(t, "t.lua", lua, device.Config{Modules: []device.Module{Module, node.Module, sjson.Module, tmr.Module}})}
	server := peer.New(b.World.Wire, "server", netip.MustParsePrefix("192.168.1.20/24"))
	server.Listen(80, func(c *peer.Conn) {
		request := ""
		c.OnData = func(data []byte) {
			request += string(data)
			response, last := answer(request)
			if response != "" {
				c.Write([]byte(response))
			}
			if last {
				c.Close()
			}
		}
	})
	b.D.PowerOn()
	return b
}

// What the documentation shows: a GET, and a POST of JSON with a header.
func TestGetAndPost(t *testing.T) {
	b := newBench(t, `
		http.get("http://192.168.1.20/ip", nil, function(code, data)
			if code < 0 then print("failed") return end
			print(code, data)
			http.post("http://192.168.1.20/post", "Content-Type: application/json\r\n", sjson.encode({hello = "world"}), function(code, data, headers)
				print(code, data, headers["x-size"])
			end)
		end)`,
		func(request string) (string, bool) {
			head, body, whole := strings.Cut(request, "\r\n\r\n")
			switch {
			case !whole:
				return "", false
			case strings.HasPrefix(head, "GET /ip HTTP/1.1\r\nHost: 192.168.1.20\r\n"):
				return "HTTP/1.1 200 OK\r\n\r\n192.168.1.10", true
			case body == "":
				return "", false
			case strings.Contains(head, "\r\nContent-Type: application/json\r\n"):
				return fmt.Sprintf("HTTP/1.1 201 Created\r\nX-Size: %d\r\n\r\n%s", len(body), body), true
			}
			return "HTTP/1.1 400 Bad Request\r\n\r\n" + head, true
		})
	if got, want := b.Run(2*clock.Second), "200\t192.168.1.10\n201\t{\"hello\":\"world\"}\t17\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Requests give back all that they took, whichever way they end.
func TestMemory(t *testing.T) {
	for name, answer := range map[string]string{
		"body":     "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 3000),
		"too long": "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 9000),
		"nothing":  "",
		"not HTTP": "SSH-2.0\r\n",
		"chunked":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"redirect": "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n",
	} {
		b := newBench(t, `http.post("http://192.168.1.20/", "A: b\r\n", "body", function() end)`,
			func(request string) (string, bool) { return answer, strings.HasSuffix(request, "\r\n\r\n") })
		b.Run(90 * clock.Second)
		if n := b.D.Snapshot().Heap.Native; n != 0 {
			t.Errorf("%s: %d bytes of native memory are left", name, n)
		}
	}
}

// A heap snapshot in mid-request accounts for everything, and the connection shows among
// the sockets as the request's.
func TestSnapshot(t *testing.T) {
	b := newBench(t, `http.get("http://192.168.1.20/", nil, print)`, func(string) (string, bool) { return "HTTP/1.1 200 OK\r\n\r\n", false })
	b.Run(2 * clock.Second)
	chiptest.Accounted(t, b.D)
	sockets := b.D.Snapshot().Sockets
	if len(sockets) != 1 || sockets[0].Remote != "192.168.1.20:80" || sockets[0].Site != "t.lua:1" || fmt.Sprint(sockets[0].Handlers) != "[callback]" {
		t.Errorf("sockets: %+v", sockets)
	}
}

// The firmware's faults are named once.
func TestHints(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\n\r\n"
	for _, c := range []struct {
		lua, answer string
		close       bool
		wait        clock.Duration
		hint        string
		resets      int
	}{
		{`http.get("http://192.168.1.20/", print)`, ok, true, clock.Second, "a function as argument 2", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "HTTP/1.1 200 OK\nA: b\n\nbody", true, clock.Second, "without an empty line", 1},
		{`http.get("http://192.168.1.20/", nil, print)`, ok, false, 61 * clock.Second, "keeps the connection open", 0},
		{`http.get("http://192.168.1.20/", nil, print) http.get("http://192.168.1.20/", nil, print)`, ok, true, clock.Second, "one callback for all requests", 0},
		{`http.get("http://192.168.1.20/", "A: b", print)`, ok, true, clock.Second, "must end with", 0},
		{`http.get("http://192.168.1.20:81/", nil, print)`, ok, true, clock.Second, "code -1: the connection failed (-9): refused", 0},
		{`http.get("http://nowhere.test/", nil, print)`, ok, true, 10 * clock.Second, `code -1: "nowhere.test": the name has no address`, 0},
		{`http.get("http://192.168.1.99/", nil, print)`, ok, true, 60 * clock.Second, "code -1: the connection failed (-11): nobody answers", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "", false, 61 * clock.Second, "code -1: the server has not answered for 60 s", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "", true, clock.Second, "code -1: the connection ended without an answer", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "SIP/2.0 200 OK\r\n\r\n", true, clock.Second, "code -1: the answer does not begin with HTTP", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "\x00" + ok, true, clock.Second, "code -1: the answer does not begin with HTTP", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, ok + strings.Repeat("x", 9000), true, clock.Second, "code -1: the answer is longer than 8191 bytes", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", true, 10 * clock.Second, "code -1: 20 redirections were followed", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "HTTP/1.1 302 Found\r\nLocation: /", true, clock.Second, "code -1: the Location header is cut", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "HTTP/1.1 -1 x\r\n\r\n", true, clock.Second, "code -1: that is the number in the server's status line", 0},
		{`http.get("https://192.168.1.20/", nil, print)`, ok, true, clock.Second, "no TLS", 0},
		{`http.post("http://192.168.1.20/", nil, ("x"):rep(3000), print)`, "", false, clock.Second, "freed memory", 0},
		{`http.get("http://192.168.1.20/", nil, print)`, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc", true, clock.Second, "over its stack", 1},
	} {
		b := newBench(t, c.lua, func(request string) (string, bool) {
			if !strings.Contains(request, "\r\n\r\n") {
				return "", false
			}
			return c.answer, c.close
		})
		b.Run(clock.Second + c.wait)
		all := strings.Join(b.Hints, "\n")
		if n := strings.Count(all, c.hint); n != 1 || strings.Count(all, "code -1") > 1 {
			t.Errorf("%s: hint %q came %d times: %q", c.lua, c.hint, n, b.Hints)
		}
		if len(b.Resets) != c.resets {
			t.Errorf("%s: %d resets, want %d", c.lua, len(b.Resets), c.resets)
		}
	}
}

// The same request twice gives the same run, to the byte.
func TestDeterministic(t *testing.T) {
	run := func() string {
		var log strings.Builder
		b := newBench(t, `for i = 1, 3 do http.get("http://192.168.1.20/" .. i, nil, print) end`, func(r string) (string, bool) { return "HTTP/1.1 200 OK\r\nA: b\r\n\r\n" + r, true })
		b.World.Subscribe(func(e world.Event) { fmt.Fprintf(&log, "%v %v\n", e.Time, e.Data) })
		b.Run(3 * clock.Second)
		return log.String()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("two runs differ:\n%s\n%s", a, b)
	}
}

// Whatever a server says, the request ends, or the device resets with a hint.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", "HTTP/1.0 301 x\r\nLocation: /y\r\n\r\n", "HTTP/1.1 302\r\nlocation:a/b\r\n",
		"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "HTTP/1.1 -1\r\n\r\n", "HTTP/1.1 99999999999 \r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n 0xFf;a\r\n", "HTTP/1.1 200 OK\r\n:\r\n:a\r\nb\r\n\r\n", "\x00", "HTTP/1.1 300 \x00Location: ",
	} {
		f.Add([]byte(s), uint16(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		rest := string(data)
		b := newBench(t, `http.get("http://192.168.1.20/a", nil, function(code, body, headers) print(code, body and #body) for k, v in pairs(headers or {}) do print(k, v) end end)`,
			func(string) (string, bool) {
				piece := rest[:min(int(size)+1, len(rest))]
				rest = rest[len(piece):]
				return piece, rest == ""
			})
		b.Run(90 * clock.Second)
		if n := len(b.D.Snapshot().Sockets); n > 1 {
			t.Errorf("%d connections are left", n)
		}
	})
}
