package wire

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestParseQuality(t *testing.T) {
	tests := []struct {
		text string
		want Quality
	}{
		{"latency=40ms", Quality{Latency: 40 * clock.Millisecond}},
		{"latency=40ms,jitter=5ms,bandwidth=1mbit,loss=1%,dup=0.1%,reorder=2%",
			Quality{Latency: 40 * clock.Millisecond, Jitter: 5 * clock.Millisecond, Bandwidth: 1000000, Loss: 0.01, Duplicate: 0.001, Reorder: 0.02}},
		{" loss = 0.5 , queue = 1.5s ", Quality{Loss: 0.5, QueueLimit: 1500 * clock.Millisecond}},
		{"bandwidth=9600bit,reorder_by=100us", Quality{Bandwidth: 9600, ReorderBy: 100}},
		{"bandwidth=2.5Mbit", Quality{Bandwidth: 2500000}},
		{"loss=100%", Quality{Loss: 1}},
		{"loss=0", Quality{}},
	}
	for _, test := range tests {
		if got, err := ParseQuality(test.text); err != nil || got != test.want {
			t.Errorf("%q: %+v, %v; want %+v", test.text, got, err, test.want)
		}
	}
}

func TestParseQualityErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `"" is not KEY=VALUE: write for example latency=40ms,loss=1%`},
		{"fast", `"fast" is not KEY=VALUE`},
		{"latency=40ms,", `"" is not KEY=VALUE`},
		{"delay=40ms", `a link has no "delay": use latency, jitter, bandwidth, queue, loss, dup, reorder, reorder_by`},
		{"loss=1%,loss=2%", `loss is given twice`},
		{"latency=40", `latency = "40": write a time such as 40ms`},
		{"latency=-1ms", `latency = "-1ms": write a time`},
		{"latency=0", `latency = "0": packets take some time`},
		{"latency=10ns", `latency = "10ns": write a time`},
		{"jitter=2h", `jitter = "2h": write a time`},
		{"loss=101%", `loss = "101%": write a percentage`},
		{"loss=2", `loss = "2": write a percentage`},
		{"dup=NaN", `dup = "NaN": write a percentage`},
		{"reorder=-1%", `reorder = "-1%": write a percentage`},
		{"bandwidth=0mbit", `bandwidth = "0mbit": write bits per second`},
		{"bandwidth=1000", `bandwidth = "1000": write bits per second`},
		{"bandwidth=1e300gbit", `bandwidth = "1e300gbit": write bits per second`},
	}
	for _, test := range tests {
		if q, err := ParseQuality(test.text); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %+v, %v; want %s", test.text, q, err, test.want)
		}
	}
}

func TestParseSpan(t *testing.T) {
	tests := []struct{ text, want string }{
		{"10s-20s", "{10000000 20000000} <nil>"},
		{"0s-1ms", "{0 1000} <nil>"},
		{"1h-", fmt.Sprint(Span{clock.At(3600 * clock.Second), clock.Forever}, nil)},
		{"20s-10s", "{0 0} from 20s to 10s: write two times since power-on, the second later than the first"},
		{"-20s", `{0 0} "-20s": write FROM-TO, two times since power-on such as 10s-20s, or 10s- for no end`},
		{"10s", `{0 0} "10s": write FROM-TO, two times since power-on such as 10s-20s, or 10s- for no end`},
		{"10-20", `{0 0} "10-20": write FROM-TO, two times since power-on such as 10s-20s, or 10s- for no end`},
		{"", `{0 0} "": write FROM-TO, two times since power-on such as 10s-20s, or 10s- for no end`},
		{"2000000h-", `{0 0} from 2000000h0m0s: write a time since power-on, such as 10s`},
	}
	for _, test := range tests {
		s, err := ParseSpan(test.text)
		if got := fmt.Sprint(s, err); got != test.want {
			t.Errorf("%q: %s, want %s", test.text, got, test.want)
		}
	}
}

// TestTwoLinks checks that the latencies of two links on the way add up, and that
// a link tied to a host leaves others alone.
func TestTwoLinks(t *testing.T) {
	b := newBench()
	for i, host := range []string{"a", "b"} {
		l := NewLink(1)
		l.Host = host
		l.Latency = clock.Duration(i+1) * 10 * clock.Millisecond
		b.w.AddRule(l)
	}
	b.send("a", addr(2), "both")
	b.send("a", addr(3), "first")
	b.send("c", addr(2), "second")
	b.send("c", addr(254), "none")
	b.c.RunUntil(clock.At(clock.Second))
	if got, want := strings.Join(b.log, ", "), "2000 g none, 10000 c first, 20000 b second, 30000 b both"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOutage(t *testing.T) {
	b := newBench()
	b.w.AddRule(&Outage{Match: Match{Host: "a"}, Spans: []Span{{clock.At(5 * clock.Second), clock.At(6 * clock.Second)}, {clock.At(8 * clock.Second), clock.Forever}}})
	for _, s := range []string{"4", "5", "6", "8"} {
		var at clock.Duration
		fmt.Sscan(s, &at)
		b.c.At(clock.At(at*clock.Second), func() {
			b.send("a", addr(2), s)
			b.send("b", addr(3), s)
		})
	}
	b.c.RunUntil(clock.At(20 * clock.Second))
	if got, want := strings.Join(b.log, ", "), "4002000 b 4, 4002000 c 4, 5002000 c 5, 6002000 b 6, 6002000 c 6, 8002000 c 8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
