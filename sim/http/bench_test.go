package http

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// BenchmarkGet makes requests one after the other: how many a second the host can
// simulate, with the server.
func BenchmarkGet(b *testing.B) {
	done := 0
	x := newBench(b, `
		local function go() http.get("http://192.168.1.20/", nil, function() tmr.create():alarm(1, tmr.ALARM_SINGLE, go) end) end
		go()`, func(request string) (string, bool) {
		done++
		return "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 500), true
	})
	x.Run(clock.Second)
	done = 0
	b.ResetTimer()
	for done < b.N {
		x.Run(10 * clock.Millisecond)
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "GET/s")
	b.ReportMetric(float64(x.D.Snapshot().Heap.Low), "least-free-bytes")
	if len(x.Resets) > 0 {
		b.Errorf("%d resets, %q", len(x.Resets), x.Hints)
	}
}
