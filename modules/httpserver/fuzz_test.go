package httpserver_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/devtest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// fuzzed echoes bodies, and everything else it is told.
const fuzzed = `
require("httpserver").createServer(80, function(req, res)
  res:send_header("X-Method", req.method)
  local n = 0
  req.onheader = function(_, name, value)
    n = n + 1
    if n < 10 then res:send_header("X-" .. n, name:sub(1, 50) .. value:sub(1, 50)) end
  end
  req.ondata = function(_, chunk)
    if chunk then res:send(chunk) else res:finish(req.url) end
  end
end)
`

// FuzzRequest sends data to the device in segments of the given size and closes.
// Whatever it is, the device goes on: it answers or waits for more, the connection
// ends with the client, and nothing of it stays.
func FuzzRequest(f *testing.F) {
	for _, r := range requests {
		f.Add(r.text, uint16(1000))
		f.Add(r.text, uint16(3))
	}
	for _, s := range []string{
		"", "\n", "\r\n\r\n\r\n", "GET / HTTP/1.1", "HEAD / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n" + strings.Repeat("x", 4000),
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1\r\nyz\r\n",
		"POST / HTTP/1.0\r\nContent-Length: 4000\r\n\r\n" + strings.Repeat("\x00\xff", 2500),
		"GET /%" + strings.Repeat("%s%n", 900) + " HTTP/1.1\r\n\r\n",
		"GET / HTTP/1.1\r\n" + strings.Repeat("a:b\n", 800),
	} {
		f.Add(s, uint16(1460))
		f.Add(s, uint16(11))
	}
	const most = 6000 // bytes: more than any limit of the head
	b := devtest.New(f, fuzzed)
	base := 0
	f.Fuzz(func(t *testing.T, data string, segment uint16) {
		data = data[:min(len(data), most)]
		size := max(int(segment)%1461, 1, len(data)/200)
		b.Use(t)
		if base == 0 {
			exchange(t, b, post("warm up"))
			exchange(t, b, "junk\r\n")
			base = b.LuaBytes()
		}
		p := b.Dial(80)
		for _, s := range split(data, size) {
			p.Queue(s)
			b.Run(5 * clock.Millisecond)
		}
		b.Run(clock.Second)
		p.Close()
		b.Run(devtest.Quiet)
		got := p.Data.String()
		if got != "" && !strings.HasPrefix(got, "HTTP/1.1 ") {
			t.Errorf("answered %s", devtest.Short(got))
		}
		if n := b.Sockets(); n != 0 {
			t.Errorf("%d connections left", n)
		}
		if grown := b.LuaBytes() - base; grown > 0 {
			t.Errorf("%d bytes stay", grown)
		}
	})
}
