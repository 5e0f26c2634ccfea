package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Limits of what may be written. They keep sums of times far from overflow.
const (
	maxSpecTime  = time.Hour
	maxBandwidth = 100e9 // bit/s
	minBandwidth = 100   // bit/s: a full packet takes two minutes
	maxSpan      = 100 * 365 * 24 * time.Hour
)

// QualityKeys are the keys of a link's specification, in the order in which they
// are explained.
var QualityKeys = []string{"latency", "jitter", "bandwidth", "queue", "loss", "dup", "reorder", "reorder_by"}

// ParseQuality reads a link's quality as flags write it: KEY=VALUE, separated by
// commas, such as
//
//	latency=40ms,jitter=5ms,bandwidth=1mbit,loss=1%,dup=0.1%,reorder=2%
//
// latency, jitter, queue (most time to wait for the bandwidth) and reorder_by
// are times; bandwidth is bit, kbit, mbit or gbit per second; loss, dup and
// reorder are percentages or fractions. An error is one line that says what to
// write.
func ParseQuality(text string) (Quality, error) {
	var q Quality
	seen := map[string]bool{}
	for _, part := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(part, "=")
		if key = strings.TrimSpace(key); !ok {
			return q, fmt.Errorf("%q is not KEY=VALUE: write for example latency=40ms,loss=1%%", strings.TrimSpace(part))
		}
		if seen[key] {
			return q, fmt.Errorf("%s is given twice", key)
		}
		seen[key] = true
		if err := q.Set(key, strings.TrimSpace(value)); err != nil {
			return q, err
		}
	}
	return q, nil
}

// Set sets one of QualityKeys to a value as ParseQuality reads it.
func (q *Quality) Set(key, value string) (err error) {
	switch key {
	case "latency":
		if q.Latency, err = parseTime(key, value); err == nil && q.Latency == 0 {
			err = fmt.Errorf("latency = %q: packets take some time; write 1us or more, or leave it out for the usual %v",
				value, time.Duration(DefaultLatency)*time.Microsecond)
		}
	case "jitter":
		q.Jitter, err = parseTime(key, value)
	case "bandwidth":
		q.Bandwidth, err = parseBandwidth(value)
	case "queue":
		q.QueueLimit, err = parseTime(key, value)
	case "loss":
		q.Loss, err = parseChance(key, value)
	case "dup":
		q.Duplicate, err = parseChance(key, value)
	case "reorder":
		q.Reorder, err = parseChance(key, value)
	case "reorder_by":
		q.ReorderBy, err = parseTime(key, value)
	default:
		return fmt.Errorf("a link has no %q: use %s", key, strings.Join(QualityKeys, ", "))
	}
	return err
}

// Check says what is wrong with a quality that nobody has parsed: the limits are those
// of ParseQuality.
func (q Quality) Check() error {
	for _, t := range []struct {
		key string
		d   clock.Duration
	}{{"latency", q.Latency}, {"jitter", q.Jitter}, {"queue", q.QueueLimit}, {"reorder_by", q.ReorderBy}} {
		if limit := clock.Duration(maxSpecTime.Microseconds()); t.d < 0 || t.d > limit {
			return fmt.Errorf("%s of %d µs: 0 to %d", t.key, t.d, limit)
		}
	}
	for _, c := range []struct {
		key string
		x   float64
	}{{"loss", q.Loss}, {"dup", q.Duplicate}, {"reorder", q.Reorder}} {
		if !(c.x >= 0 && c.x <= 1) {
			return fmt.Errorf("%s of %v: 0 to 1", c.key, c.x)
		}
	}
	if q.Bandwidth != 0 && (float64(q.Bandwidth) < minBandwidth || float64(q.Bandwidth) > maxBandwidth) {
		return fmt.Errorf("bandwidth of %d bit/s: %d to %d, or 0 for no limit", q.Bandwidth, int64(minBandwidth), int64(maxBandwidth))
	}
	return nil
}

func parseTime(key, text string) (clock.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxSpecTime || d%time.Microsecond != 0 {
		return 0, fmt.Errorf("%s = %q: write a time such as 40ms, from 1us to %v", key, text, maxSpecTime)
	}
	return clock.Duration(d.Microseconds()), nil
}

func parseChance(key, text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(number, 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x >= 0 && x <= 1) {
		return 0, fmt.Errorf("%s = %q: write a percentage such as 1%%, or a fraction from 0 to 1", key, text)
	}
	return x, nil
}

var bandwidthUnits = []struct {
	suffix string
	factor float64
}{{"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"bit", 1}}

func parseBandwidth(text string) (int64, error) {
	for _, u := range bandwidthUnits {
		number, ok := strings.CutSuffix(strings.ToLower(text), u.suffix)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(number, 64)
		if x *= u.factor; err == nil && x >= minBandwidth && x <= maxBandwidth {
			return int64(math.Round(x)), nil
		}
		break
	}
	return 0, fmt.Errorf("bandwidth = %q: write bits per second such as 250kbit or 1mbit, from %dbit to %ggbit",
		text, int(minBandwidth), maxBandwidth/1e9)
}

// Span is a stretch of virtual time: From is in it, To is not.
type Span struct{ From, To clock.Time }

// NewSpan returns the span between two times since the world began, in the units
// of the standard library; an error says what to write.
func NewSpan(from, to time.Duration) (Span, error) {
	if from < 0 || to <= from || to > maxSpan {
		return Span{}, fmt.Errorf("from %v to %v: write two times since power-on, the second later than the first", from, to)
	}
	return Span{clock.Time(from.Microseconds()), clock.Time(to.Microseconds())}, nil
}

// NewOpenSpan is NewSpan without end.
func NewOpenSpan(from time.Duration) (Span, error) {
	if from < 0 || from > maxSpan {
		return Span{}, fmt.Errorf("from %v: write a time since power-on, such as 10s", from)
	}
	return Span{clock.Time(from.Microseconds()), clock.Forever}, nil
}

// ParseSpan reads a span as flags write it: "FROM-TO", such as "10s-20s", or
// "FROM-" for one without end.
func ParseSpan(text string) (Span, error) {
	a, b, dash := strings.Cut(text, "-")
	from, err := time.ParseDuration(a)
	to, err2 := time.ParseDuration(b)
	switch {
	case dash && err == nil && b == "":
		return NewOpenSpan(from)
	case dash && err == nil && err2 == nil:
		return NewSpan(from, to)
	}
	return Span{}, fmt.Errorf("%q: write FROM-TO, two times since power-on such as 10s-20s, or 10s- for no end", text)
}

// Within reports whether t is in one of the spans.
func Within(t clock.Time, spans []Span) bool {
	for _, s := range spans {
		if t >= s.From && t < s.To {
			return true
		}
	}
	return false
}

// Outage is a Rule that loses every packet that matches and is sent during one
// of the spans. Nobody is told: what is at the ends goes on as if the others had
// fallen silent.
type Outage struct {
	Match
	Spans []Span
}

// Judge implements Rule.
func (r *Outage) Judge(p Passage, f *Fate) {
	if Within(p.Time, r.Spans) && r.Matches(p) {
		f.Drop = "link down"
	}
}
