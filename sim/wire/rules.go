package wire

import (
	"math/rand/v2"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
)

// Passage is one packet on its way to one host.
type Passage struct {
	Packet   *Packet
	From, To *NIC
	Time     clock.Time // when it was sent
}

// Fate is what becomes of a passage. Rules change it one after the other; the
// first that sets Drop ends the matter.
type Fate struct {
	// Drop is why the packet is lost; empty when it is not.
	Drop string

	// Delay is how long the packet takes.
	Delay clock.Duration

	// Copies are duplicates, each that much later than the packet.
	Copies []clock.Duration
}

// Rule decides about packets. Rules are asked in the order in which they were
// added, once per packet and receiver.
type Rule interface {
	Judge(Passage, *Fate)
}

// RuleFunc is a Rule made of a function.
type RuleFunc func(Passage, *Fate)

// Judge calls f.
func (f RuleFunc) Judge(p Passage, fate *Fate) { f(p, fate) }

// AddRule appends a rule and returns a function that takes it away again.
func (w *Wire) AddRule(r Rule) (remove func()) {
	h := &heldRule{r}
	w.rules = append(w.rules, h)
	return func() {
		for i, o := range w.rules {
			if o == Rule(h) {
				w.rules = append(w.rules[:i:i], w.rules[i+1:]...)
				return
			}
		}
	}
}

// heldRule gives every added rule an identity, so that the same value may be
// added twice and functions can be removed.
type heldRule struct{ Rule }

// Match selects passages by the addresses of the packet. A zero prefix matches
// everything. With Both set the match also holds in the other direction.
type Match struct {
	Src, Dst netip.Prefix
	Both     bool
}

// Matches reports whether the passage is meant.
func (m Match) Matches(p Passage) bool {
	hit := func(src, dst netip.Addr) bool {
		return (!m.Src.IsValid() || m.Src.Contains(src)) && (!m.Dst.IsValid() || m.Dst.Contains(dst))
	}
	return hit(p.Packet.Src, p.Packet.Dst) || m.Both && hit(p.Packet.Dst, p.Packet.Src)
}

// Link gives the packets that match the quality of a link. Its fields may be
// changed between packets. Each direction of a link is a queue of its own.
type Link struct {
	Match

	// Latency replaces the one-way latency when it is not zero.
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
	// packet is held back by ReorderBy, or by twice the latency when that is 0.
	Loss, Duplicate, Reorder float64
	ReorderBy                clock.Duration

	rand  *rand.Rand
	lanes []lane
}

// lane is one direction of a link.
type lane struct {
	from, to *NIC
	free     clock.Time // when the last bit of the packet before has left
	last     clock.Time // when the packet before arrives
}

// NewLink returns a perfect link whose random decisions follow from the seed.
func NewLink(seed uint64) *Link {
	return &Link{rand: rand.New(rand.NewPCG(seed, 0x6c696e6b))}
}

func (l *Link) lane(from, to *NIC) *lane {
	for i := range l.lanes {
		if l.lanes[i].from == from && l.lanes[i].to == to {
			return &l.lanes[i]
		}
	}
	l.lanes = append(l.lanes, lane{from: from, to: to})
	return &l.lanes[len(l.lanes)-1]
}

// Judge implements Rule.
func (l *Link) Judge(p Passage, f *Fate) {
	if !l.Matches(p) {
		return
	}
	if l.rand == nil {
		l.rand = rand.New(rand.NewPCG(0, 0x6c696e6b))
	}
	if l.Loss > 0 && l.rand.Float64() < l.Loss {
		f.Drop = "link loss"
		return
	}
	if l.Latency != 0 {
		f.Delay = l.Latency
	}
	ln := l.lane(p.From, p.To)
	if l.Bandwidth > 0 {
		start := max(ln.free, p.Time)
		if l.QueueLimit > 0 && start-p.Time > l.QueueLimit {
			f.Drop = "link queue full"
			return
		}
		ln.free = start + clock.Duration(int64(p.Packet.Len())*8*int64(clock.Second)/l.Bandwidth)
		f.Delay += ln.free - p.Time
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
		f.Delay = max(f.Delay, ln.last-p.Time)
		ln.last = p.Time + f.Delay
	}
	if l.Duplicate > 0 && l.rand.Float64() < l.Duplicate {
		f.Copies = append(f.Copies, 0)
	}
}

// Partition drops every packet that matches, while it is on.
type Partition struct {
	Match
	On bool
}

// Judge implements Rule.
func (r *Partition) Judge(p Passage, f *Fate) {
	if r.On && r.Matches(p) {
		f.Drop = "partition"
	}
}

// LoseNth drops the packets with the given numbers among those that match,
// counted from 1.
type LoseNth struct {
	Match
	Numbers []int
	seen    int
}

// Judge implements Rule.
func (r *LoseNth) Judge(p Passage, f *Fate) {
	if !r.Matches(p) {
		return
	}
	r.seen++
	for _, n := range r.Numbers {
		if n == r.seen {
			f.Drop = "lost by number"
		}
	}
}
