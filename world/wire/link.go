package wire

import (
	"math/rand/v2"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Quality is how good a link is. The zero value is a perfect link with the wire's
// own latency. Its fields may be changed between packets.
type Quality struct {
	// Latency is the one-way latency; 0 leaves the wire's. Where several links
	// judge a packet, the latencies add up.
	Latency clock.Duration

	// Jitter adds a random delay of 0 … Jitter. Packets do not overtake each
	// other because of it; see Reorder.
	Jitter clock.Duration

	// Bandwidth in bits per second of IP packets; 0 is unlimited.
	Bandwidth int64

	// QueueLimit is the most time a packet may wait for the bandwidth before it
	// is dropped; 0 is unlimited.
	QueueLimit clock.Duration

	// Loss, Duplicate and Reorder are probabilities from 0 to 1. A reordered
	// packet is held back by ReorderBy, or by twice its delay when that is 0.
	Loss, Duplicate, Reorder float64
	ReorderBy                clock.Duration
}

// Link is a Rule that gives the packets that match the quality of a link. Each
// direction between two hosts is a queue of its own.
type Link struct {
	Match
	Quality

	rand  *rand.Rand
	lanes map[[2]*NIC]*lane
}

// lane is one direction of a link.
type lane struct {
	free clock.Time // when the last bit of the packet before has left
	last clock.Time // when the packet before arrives
}

// NewLink returns a perfect link whose random decisions follow from the seed.
func NewLink(seed uint64) *Link {
	return &Link{rand: rand.New(rand.NewPCG(seed, linkStream))}
}

// linkStream keeps the numbers of links apart from others of the same seed.
const linkStream = 0x6c696e6b

func (l *Link) lane(from, to *NIC) *lane {
	key := [2]*NIC{from, to}
	ln := l.lanes[key]
	if ln == nil {
		if l.lanes == nil {
			l.lanes = map[[2]*NIC]*lane{}
		}
		for k := range l.lanes { // hosts come and go, as devices reset
			if !k[0].attached || !k[1].attached {
				delete(l.lanes, k)
			}
		}
		ln = &lane{}
		l.lanes[key] = ln
	}
	return ln
}

// Judge implements Rule.
func (l *Link) Judge(p Passage, f *Fate) {
	if !l.Matches(p) {
		return
	}
	if l.rand == nil {
		l.rand = rand.New(rand.NewPCG(0, linkStream))
	}
	if l.Loss > 0 && l.rand.Float64() < l.Loss {
		f.Drop = "link loss"
		return
	}
	if l.Latency != 0 {
		if !f.linked {
			f.Delay = 0
		}
		f.Delay += l.Latency
		f.linked = true
	}
	ln := l.lane(p.From, p.To)
	if l.Bandwidth > 0 {
		start := max(ln.free, p.Time)
		if l.QueueLimit > 0 && start.Sub(p.Time) > l.QueueLimit {
			f.Drop = "link queue full"
			return
		}
		ln.free = start.Add(clock.Duration(int64(p.Packet.Len()) * 8 * int64(clock.Second) / l.Bandwidth))
		f.Delay += ln.free.Sub(p.Time)
	}
	if l.Jitter > 0 {
		f.Delay += clock.Duration(l.rand.Int64N(int64(l.Jitter) + 1))
	}
	if l.Reorder > 0 && l.rand.Float64() < l.Reorder {
		by := l.ReorderBy
		if by == 0 {
			by = 2 * f.Delay
		}
		f.Delay += by
	} else {
		f.Delay = max(f.Delay, ln.last.Sub(p.Time))
		ln.last = p.Time.Add(f.Delay)
	}
	if l.Duplicate > 0 && l.rand.Float64() < l.Duplicate {
		f.Copies = append(f.Copies, 0)
	}
}
