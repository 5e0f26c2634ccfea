// Package wire is the simulated network of a world: hosts are attached by their
// IPv4 address, packets are routed between them, and an ordered list of rules
// decides what becomes of each packet: how long it takes, whether it is lost or
// doubled. Taps see every packet, with what became of it.
//
// The wire only routes. It has no TCP, no addresses to give out and no notion of
// what a host is; latency, loss and partitions are rules and never special cases
// of a host. It depends on sim/clock alone.
package wire

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/sim/clock"
)

// DefaultLatency is the one-way latency of a wire without rules (oracle:
// net-behaviour.md 1).
const DefaultLatency = 2 * clock.Millisecond

// Wire is the network of one world. Its methods must be called on the goroutine
// that runs the world.
type Wire struct {
	clock *clock.Clock
	nics  []*NIC // in order of attachment
	rules []Rule
	taps  []*tap

	// Latency is the one-way latency where no rule says otherwise.
	Latency clock.Duration
}

type tap struct{ fn func(Event) }

// New returns an empty wire.
func New(c *clock.Clock) *Wire { return &Wire{clock: c, Latency: DefaultLatency} }

// Clock returns the clock of the world the wire belongs to.
func (w *Wire) Clock() *clock.Clock { return w.clock }

// NIC is a host's place on the wire. A host may have several.
type NIC struct {
	// Name is for logs and captures.
	Name string

	wire     *Wire
	receive  func(*Packet)
	prefix   netip.Prefix
	catchAll bool
	attached bool
}

// Attach puts a host on the wire. It receives no unicast packets until it has an
// address. receive runs as an event of the world, once per packet.
func (w *Wire) Attach(name string, receive func(*Packet)) *NIC {
	n := &NIC{Name: name, wire: w, receive: receive, attached: true}
	w.nics = append(w.nics, n)
	return n
}

// AttachDefault puts a host on the wire that gets every unicast packet for an
// address that nobody owns: the gateway to other networks. The first one
// attached wins.
func (w *Wire) AttachDefault(name string, receive func(*Packet)) *NIC {
	n := w.Attach(name, receive)
	n.catchAll = true
	return n
}

// SetPrefix gives the NIC its address and network; the zero Prefix takes it away.
func (n *NIC) SetPrefix(p netip.Prefix) { n.prefix = p }

// Prefix returns the NIC's address and network.
func (n *NIC) Prefix() netip.Prefix { return n.prefix }

// Detach takes the host off the wire. Packets under way to it are lost.
func (n *NIC) Detach() {
	n.attached = false
	for i, o := range n.wire.nics {
		if o == n {
			n.wire.nics = append(n.wire.nics[:i:i], n.wire.nics[i+1:]...)
			return
		}
	}
}

// Owner returns the NIC that a packet to addr goes to, or nil.
func (w *Wire) Owner(addr netip.Addr) *NIC {
	var fallback *NIC
	for _, n := range w.nics {
		if n.prefix.IsValid() && n.prefix.Addr() == addr {
			return n
		}
		if n.catchAll && fallback == nil {
			fallback = n
		}
	}
	return fallback
}

// IsGroup reports whether a packet to addr goes to more than one host: a
// multicast group, 255.255.255.255, or the broadcast address of the prefix.
func IsGroup(addr netip.Addr, prefix netip.Prefix) bool {
	return addr.IsMulticast() || IsBroadcast(addr, prefix)
}

// IsBroadcast reports whether addr is 255.255.255.255 or the broadcast address
// of the prefix.
func IsBroadcast(addr netip.Addr, prefix netip.Prefix) bool {
	if addr == limitedBroadcast {
		return true
	}
	if !prefix.IsValid() || prefix.Bits() >= 31 || !addr.Is4() || !prefix.Contains(addr) {
		return false
	}
	a := addr.As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		if a[bit/8]&(0x80>>(bit%8)) == 0 {
			return false
		}
	}
	return true
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Send puts a packet on the wire. The packet belongs to the wire from then on.
// A group packet goes to every other host, and it is up to the host to ignore it.
func (n *NIC) Send(p *Packet) {
	w := n.wire
	w.emit(Event{Time: w.clock.Now(), Kind: Sent, Packet: p, From: n})
	if !n.attached {
		w.drop(p, n, nil, "sender detached")
		return
	}
	if IsGroup(p.Dst, n.prefix) {
		for _, to := range append([]*NIC(nil), w.nics...) {
			if to != n {
				w.carry(p, n, to)
			}
		}
		return
	}
	to := w.Owner(p.Dst)
	if to == nil || to == n {
		w.drop(p, n, nil, "no host "+p.Dst.String())
		return
	}
	w.carry(p, n, to)
}

// carry asks the rules about one packet to one host and lets it happen.
func (w *Wire) carry(p *Packet, from, to *NIC) {
	f := Fate{Delay: w.Latency}
	passage := Passage{Packet: p, From: from, To: to, Time: w.clock.Now()}
	for _, r := range w.rules {
		r.Judge(passage, &f)
		if f.Drop != "" {
			w.drop(p, from, to, f.Drop)
			return
		}
	}
	w.deliver(p, from, to, f.Delay)
	for _, extra := range f.Copies {
		w.deliver(p, from, to, f.Delay+extra)
	}
}

func (w *Wire) deliver(p *Packet, from, to *NIC, delay clock.Duration) {
	w.clock.After(max(delay, 0), func() {
		if !to.attached {
			w.drop(p, from, to, "receiver detached")
			return
		}
		w.emit(Event{Time: w.clock.Now(), Kind: Delivered, Packet: p, From: from, To: to})
		to.receive(p)
	})
}

func (w *Wire) drop(p *Packet, from, to *NIC, reason string) {
	w.emit(Event{Time: w.clock.Now(), Kind: Dropped, Packet: p, From: from, To: to, Reason: reason})
}

// EventKind says what happened to a packet.
type EventKind uint8

// What can happen to a packet. Every packet is Sent once, then Delivered or
// Dropped once per receiver (and Delivered again per duplicate).
const (
	Sent EventKind = iota
	Delivered
	Dropped
)

// String returns the kind in lower case.
func (k EventKind) String() string {
	return [...]string{"sent", "delivered", "dropped"}[k]
}

// Event is what a tap sees.
type Event struct {
	Time   clock.Time
	Kind   EventKind
	Packet *Packet
	From   *NIC
	To     *NIC   // nil for Sent, and for Dropped when nobody owns the address
	Reason string // Dropped: why
}

// Tap calls fn for everything that happens on the wire, until the returned
// function is called. fn must not change the packet.
func (w *Wire) Tap(fn func(Event)) (stop func()) {
	t := &tap{fn}
	w.taps = append(w.taps, t)
	return func() {
		for i, o := range w.taps {
			if o == t {
				w.taps = append(w.taps[:i:i], w.taps[i+1:]...)
				return
			}
		}
	}
}

func (w *Wire) emit(e Event) {
	for _, t := range w.taps {
		t.fn(e)
	}
}
