package httpserver_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/devtest"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// busy makes what a server makes: a table and closures for each request, and keys that
// come and go in tables that stay.
const busy = `
local seen, n, last = {}, 0, {}
require("httpserver").createServer(80, function(req, res)
  n = n + 1
  local size, key = 0, {}
  seen[n], seen[n - 5], seen[key], seen[req.url] = key, nil, n, n
  if last.key then seen[last.key], seen[last.url] = nil, nil end
  last.key, last.url = key, req.url
  req.onheader = function(_, name, value) size = size + #name + #value end
  req.ondata = function(_, chunk)
    if chunk then size = size + #chunk else res:finish(n .. " " .. size) end
  end
end)
`

// hostHeap is what Go holds after a collection.
func hostHeap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// serveMany has a device answer so many requests, of any kind, and returns how much
// more the host holds at the end than after a tenth of them.
func serveMany(t *testing.T, requests int) (grown int64) {
	b := devtest.New(t, busy)
	before := int64(0)
	for i := range requests {
		if i == requests/10 {
			before = hostHeap()
		}
		p := b.Dial(80)
		for try := 0; !p.Established && try < 3; try++ {
			p.Abort()
			p = b.Dial(80) // the port before may be one that the device has in TIME_WAIT
		}
		if i%3 == 0 {
			p.Send(fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: device\r\nContent-Length: 5\r\n\r\n", i), "hello")
		} else {
			p.Send(get(fmt.Sprint("/", i)))
		}
		for wait := 0; !p.Closed && !p.Reset && wait < 100; wait++ {
			b.Run(10 * clock.Millisecond)
		}
		if answer := p.Data.String(); !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, fmt.Sprint("\n", i+1, " ")) {
			t.Fatalf("request %d: closed %v, reset %v, %s", i, p.Closed, p.Reset, devtest.Short(answer))
		}
		b.Output()
	}
	grown = hostHeap() - before
	runtime.KeepAlive(b)
	return grown
}

// The short form of TestSoakRequests: a leak of 100 bytes a request would show.
func TestHostMemoryIsFlat(t *testing.T) {
	if n := serveMany(t, 3000); n > 256<<10 {
		t.Errorf("the host holds %d bytes more after 2,700 requests", n)
	}
}
