package wire

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
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

	// Late is how much later than that it comes, whatever further rules make of Delay.
	Late clock.Duration

	// Copies are duplicates, each that much later than the packet.
	Copies []clock.Duration

	linked bool // a Link has judged: the delay is no longer the wire's own
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

// Match selects passages. The zero Match is every packet on the wire.
type Match struct {
	// Host is the name of a host (NIC.Host); the match holds for what it sends and
	// what it receives. Empty: any.
	Host string
	// Peer is the name of the host at the other end, seen from Host. Empty: any.
	Peer string
	// PeerNet is where the address of the other end is, seen from Host: behind the
	// gateway there are many. A zero prefix matches everything.
	PeerNet netip.Prefix
	// Src and Dst are where the packet comes from and goes to, by its addresses. A
	// zero prefix matches everything. With Both set the match also holds in the
	// other direction.
	Src, Dst netip.Prefix
	Both     bool
}

// Matches reports whether the passage is meant.
func (m Match) Matches(p Passage) bool {
	if m.Host != "" && !m.ends(p.From, p.To, p.Packet.Dst) && !m.ends(p.To, p.From, p.Packet.Src) {
		return false
	}
	hit := func(src, dst netip.Addr) bool {
		return (!m.Src.IsValid() || m.Src.Contains(src)) && (!m.Dst.IsValid() || m.Dst.Contains(dst))
	}
	return hit(p.Packet.Src, p.Packet.Dst) || m.Both && hit(p.Packet.Dst, p.Packet.Src)
}

// ends reports whether a packet between mine and other, whose address is addr, is
// one between Host and Peer.
func (m Match) ends(mine, other *NIC, addr netip.Addr) bool {
	return mine.Host == m.Host && (m.Peer == "" || other.Host == m.Peer) && (!m.PeerNet.IsValid() || m.PeerNet.Contains(addr))
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
