package peer_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// BenchmarkTenMegabytes moves 10 MB from one device to another, in Lua. It reports
// how long that took in device time.
func BenchmarkTenMegabytes(b *testing.B) {
	const size = 10_000_000 / 1460 * 1460
	for b.Loop() {
		w := newWorld(b, fmt.Sprintf(`
			local data = string.rep("x", 1460)
			srv = net.createServer() srv:listen(80, function(c)
				local n = 0
				local function more(c)
					n = n + 1460
					if n > %d then c:close() else c:send(data) end
				end
				c:on("sent", more) more(c)
			end)`, size), `
			local n = 0
			s = net.createConnection()
			s:on("receive", function(s, d) n = n + #d end)
			s:on("disconnection", function() print(n) end)
			s:connect(80, "10.0.1.0")`)
		for w.out.Len() == 0 && w.Clock.Now() < clock.At(1000*clock.Second) {
			w.run(clock.Second)
		}
		if got := w.output(); got != fmt.Sprintln(size) {
			b.Fatalf("got %q", got)
		}
		b.SetBytes(size)
		b.ReportMetric(w.Clock.Now().Seconds(), "device-s/op")
	}
}

// BenchmarkHTTPPeer is a device's HTTP server as a Go peer on the wire sees it:
// one operation is a connection, a request of 60 bytes and an answer of 1 KB. The
// peer closes first: the device would otherwise run out of memory for connections
// in TIME_WAIT, as real ones do.
func BenchmarkHTTPPeer(b *testing.B) {
	w := newWorld(b, `
		local page = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" .. string.rep("0123456789", 100)
		srv = net.createServer() srv:listen(80, function(c)
			c:on("receive", function(c, request) c:send(page) end)
		end)`)
	client := w.host()
	w.run(clock.Second)
	b.ReportAllocs()
	for b.Loop() {
		c := must[*peer.Conn](b)(client.Dial(netip.AddrPortFrom(deviceAddr(0), 80)))
		got, over := 0, false
		c.OnData = func(data []byte) {
			if got += len(data); got >= 1000 {
				c.Close()
			}
		}
		c.OnClose = func(err error) { over = err == nil }
		c.Write([]byte("GET / HTTP/1.0\r\nHost: device\r\nUser-Agent: benchmark\r\n\r\n"))
		for c.Open() {
			w.run(clock.Millisecond)
		}
		if !over || got < 1000 {
			b.Fatalf("%d bytes, over %v", got, over)
		}
	}
	b.ReportMetric(w.Clock.Now().Seconds()/float64(b.N), "device-s/op")
}

// BenchmarkDevices has n devices send each other a datagram each second; one
// operation is a second of the world, and the time for a message is reported.
func BenchmarkDevices(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var programs []string
			for i := range n {
				programs = append(programs, fmt.Sprintf(`
					u = net.createUDPSocket()
					u:on("receive", function() end)
					u:listen(4000)
					tmr.create():alarm(1000, tmr.ALARM_AUTO, function() u:send(4000, "%v", "hello") end)`, deviceAddr((i+1)%n)))
			}
			w := newWorld(b, programs...)
			w.run(2 * clock.Second)
			for b.Loop() {
				w.run(clock.Second)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
			if s := w.output(); strings.TrimSpace(s) != "" {
				b.Fatalf("printed %q", s)
			}
		})
	}
}
