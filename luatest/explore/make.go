package explore

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Cases at random. Each fault strikes one thing, by its number among those that a run without
// faults has had: so what is left of a case when some faults are taken away is a case, too.

// atRandom returns what makes the faults of a kind that come so; nil: there is nothing to
// strike, or they do not.
func atRandom(k Kind, n Counts) func(*rand.Rand) Case {
	switch k {
	case Timers:
		return func(r *rand.Rand) Case { return busy(r, timer, n.Handlers) }
	case Tasks:
		return func(r *rand.Rand) Case { return busy(r, task, n.Works) }
	case Link:
		if n.Packets == 0 {
			return nil
		}
		return (&link{packets: n.Packets, decks: map[string][]int{}}).strike
	}
	return nil
}

// How much is tried.
const (
	mostBusy    = 3 * clock.Millisecond // see MaxBusy
	busyUnit    = clock.Millisecond / 10
	mostHold    = 500 * clock.Millisecond
	mostLatency = 200 * clock.Millisecond
	mostJitter  = 50 * clock.Millisecond
	linkUnit    = clock.Millisecond
	// A case strikes so many packets at most. TCP sends a lost one again after seconds: a test
	// that waits for ten can stand a few.
	mostPackets = 4
	// maxPackets are the first ones: no others are struck.
	maxPackets = 100_000
	// A case has so many delays of one kind at most, and one of 1, 2, 4 … as often as another.
	busyDoublings = 6
)

// positions draws up to n different numbers from 1 to count, in their order; all of them if
// there are no more.
func positions(r *rand.Rand, n, count int) []int {
	var list []int
	if n >= count {
		for i := range count {
			list = append(list, i+1)
		}
		return list
	}
	seen := map[int]bool{}
	for len(list) < n { // n may be below 0
		if at := 1 + r.IntN(count); !seen[at] {
			seen[at] = true
			list = append(list, at)
		}
	}
	slices.Sort(list)
	return list
}

// span draws a time from unit to most, a multiple of unit: short ones as often as long ones
// by their order of magnitude.
func span(r *rand.Rand, unit, most clock.Duration) clock.Duration {
	x := math.Exp(r.Float64() * math.Log(float64(most/unit)))
	return max(clock.Duration(x), 1) * unit
}

// busy keeps the CPU from some of count pieces of work.
func busy(r *rand.Rand, name string, count int) Case {
	var c Case
	for _, at := range positions(r, 1<<r.IntN(busyDoublings+1), count) {
		c = append(c, Fault{Name: name, At: at, By: span(r, busyUnit, mostBusy)})
	}
	return c
}

// link strikes packets. Each one is lost before another is lost a second time, and so on: with
// as many cases as there are packets nearly all have had their turn.
type link struct {
	packets int
	decks   map[string][]int // numbers that have not been drawn, by the fault's name
}

// strike makes the link slow, and strikes some packets.
func (l *link) strike(r *rand.Rand) Case {
	var c Case
	if r.IntN(3) == 0 {
		c = append(c, Fault{Name: "latency", By: span(r, linkUnit, mostLatency)})
	}
	if r.IntN(3) == 0 {
		c = append(c, Fault{Name: "jitter", By: span(r, linkUnit, mostJitter)})
	}
	for range 1 + r.IntN(mostPackets) {
		f := Fault{Name: []string{lose, double, hold}[r.IntN(3)]}
		if f.At = l.draw(r, f.Name); c.has(f.Name, f.At) {
			continue
		}
		if f.Name == hold {
			f.By = span(r, linkUnit, mostHold)
		}
		c = append(c, f)
	}
	return c
}

// draw takes a packet for a fault.
func (l *link) draw(r *rand.Rand, name string) int {
	deck := l.decks[name]
	if len(deck) == 0 {
		deck = r.Perm(min(l.packets, maxPackets))
	}
	l.decks[name] = deck[1:]
	return deck[0] + 1
}
