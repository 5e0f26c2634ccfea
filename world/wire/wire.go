// Package wire is the simulated network of a world: hosts are attached by their
// IPv4 address, packets are routed between them, and an ordered list of rules
// decides what becomes of each packet: how long it takes, whether it is lost or
// doubled. Taps see every packet, with what became of it.
//
// The wire only routes. It has no TCP, no addresses to give out and no notion of
// what a host is; latency, loss and partitions are rules and never special cases
// of a host. It depends on world/clock alone.
package wire

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
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

	owners map[netip.Addr]*NIC // nil when it has to be made anew
	sent   uint64              // packets so far
	spare  []*delivery         // to be used again

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

	// Host is whose NIC it is, for Match; the Name unless it is set.
	Host string

	// MAC is its Ethernet address, for captures; zero: one made from the address.
	MAC [6]byte

	// Gate, if set, is asked for each packet when it leaves and when it arrives.
	// When it returns a reason, the packet is lost. It is the radio of a host that
	// hears nothing at the moment.
	Gate func() (lost string)

	// Full, if set, is asked for each packet when it arrives, after the Gate: it is a
	// host that has no room for it.
	Full func() (lost string)

	// Airtime, if set, is how long a packet to this host keeps the medium: the next one
	// to it arrives no sooner.
	Airtime func(*Packet) clock.Duration

	airFree  clock.Time // when the medium is free again
	wire     *Wire
	receive  func(*Packet)
	prefix   netip.Prefix
	catchAll bool
	attached bool
}

// Attach puts a host on the wire. It receives no unicast packets until it has an
// address. receive runs as an event of the world, once per packet.
func (w *Wire) Attach(name string, receive func(*Packet)) *NIC {
	n := &NIC{Name: name, Host: name, wire: w, receive: receive, attached: true}
	w.nics = append(w.nics, n)
	w.owners = nil
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
func (n *NIC) SetPrefix(p netip.Prefix) {
	n.prefix = p
	n.wire.owners = nil
}

// Prefix returns the NIC's address and network.
func (n *NIC) Prefix() netip.Prefix { return n.prefix }

// Detach takes the host off the wire. Packets under way to it are lost.
func (n *NIC) Detach() {
	n.attached = false
	n.wire.owners = nil
	for i, o := range n.wire.nics {
		if o == n {
			n.wire.nics = append(n.wire.nics[:i:i], n.wire.nics[i+1:]...)
			return
		}
	}
}

// Owner returns the NIC that a packet to addr goes to, or nil. Of several with
// the same address it is the one attached first.
func (w *Wire) Owner(addr netip.Addr) *NIC {
	if w.owners == nil {
		w.owners = make(map[netip.Addr]*NIC, len(w.nics))
		for _, n := range w.nics {
			if n.prefix.IsValid() && w.owners[n.prefix.Addr()] == nil {
				w.owners[n.prefix.Addr()] = n
			}
			if n.catchAll && w.owners[netip.Addr{}] == nil {
				w.owners[netip.Addr{}] = n // the gateway, under no address
			}
		}
	}
	if n := w.owners[addr]; n != nil {
		return n
	}
	return w.owners[netip.Addr{}]
}

// IsGroup reports whether a packet to addr goes to more than one host: a
// multicast group, 255.255.255.255, or the broadcast address of the prefix.
func IsGroup(addr netip.Addr, prefix netip.Prefix) bool {
	return addr.IsMulticast() || IsBroadcast(addr, prefix)
}

// IsBroadcast reports whether addr is 255.255.255.255 or the broadcast address
// of the prefix.
func IsBroadcast(addr netip.Addr, prefix netip.Prefix) bool {
	if addr == Broadcast {
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

// Broadcast is 255.255.255.255: everybody on the network.
var Broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// Send puts a packet on the wire. The packet belongs to the wire from then on.
// A group packet goes to every other host in the sender's network, and it is up
// to the host to ignore it.
func (n *NIC) Send(p *Packet) {
	w := n.wire
	w.sent++
	s := sending{w: w, id: w.sent, packet: p, from: n}
	s.emit(Sent, nil, "")
	s.route()
	if len(w.taps) > 0 {
		w.emit(Event{Time: w.clock.Now(), Kind: Routed, ID: s.id, Packet: p, From: n, Arrivals: s.arrivals})
	}
}

// sending is one packet on its way.
type sending struct {
	w        *Wire
	id       uint64
	packet   *Packet
	from     *NIC
	arrivals int // how often it is going to arrive
}

// route hands the packet to whom it is for.
func (s *sending) route() {
	w, n, p := s.w, s.from, s.packet
	if !n.attached {
		s.emit(Dropped, nil, "sender detached")
		return
	}
	if why := n.shut(); why != "" {
		s.emit(Dropped, nil, why)
		return
	}
	if IsGroup(p.Dst, n.prefix) {
		for _, to := range append([]*NIC(nil), w.nics...) {
			if to != n && sameNetwork(n.prefix, to.prefix) {
				s.carry(to)
			}
		}
		return
	}
	to := w.Owner(p.Dst)
	if to == nil || to == n {
		s.emit(Dropped, nil, "no host "+p.Dst.String())
		return
	}
	s.carry(to)
}

// sameNetwork reports whether a group packet from one network reaches the other. A
// host without an address hears everything.
func sameNetwork(a, b netip.Prefix) bool {
	return !a.IsValid() || !b.IsValid() || a.Overlaps(b)
}

// carry asks the rules about the packet to one host and lets it happen.
func (s *sending) carry(to *NIC) {
	if len(s.w.rules) == 0 {
		s.deliver(to, s.w.Latency)
		return
	}
	f := Fate{Delay: s.w.Latency}
	passage := Passage{Packet: s.packet, From: s.from, To: to, Time: s.w.clock.Now()}
	for _, r := range s.w.rules {
		r.Judge(passage, &f)
		if f.Drop != "" {
			s.emit(Dropped, to, f.Drop)
			return
		}
	}
	delay := f.Delay + f.Late
	s.deliver(to, delay)
	for _, extra := range f.Copies {
		s.deliver(to, delay+extra)
	}
}

func (s *sending) deliver(to *NIC, delay clock.Duration) {
	s.arrivals++
	w := s.w
	var d *delivery
	if n := len(w.spare); n > 0 {
		d = w.spare[n-1]
		w.spare = w.spare[:n-1]
	} else {
		d = &delivery{}
		d.onTheWay, d.there = d.approach, d.arrive
	}
	d.sending, d.to = *s, to
	w.clock.Do(max(delay, 0), d.onTheWay)
}

// delivery is a packet on its way to one host.
type delivery struct {
	sending
	to *NIC

	onTheWay, there func() // approach and arrive, made once
}

// approach is the arrival where the medium is free; otherwise it comes when that is so.
func (d *delivery) approach() {
	now := d.w.clock.Now()
	if d.to.Airtime == nil {
		d.arrive()
		return
	}
	at := max(now, d.to.airFree)
	d.to.airFree = at.Add(d.to.Airtime(d.packet))
	if at == now {
		d.arrive()
		return
	}
	d.w.clock.Do(at.Sub(now), d.there)
}

func (d *delivery) arrive() {
	s, to := d.sending, d.to
	d.sending, d.to = sending{}, nil
	s.w.spare = append(s.w.spare, d)
	why := to.shut()
	if why == "" && to.Full != nil && to.attached {
		why = to.Full()
	}
	switch {
	case !to.attached:
		s.emit(Dropped, to, "receiver detached")
	case why != "":
		s.emit(Dropped, to, why)
	default:
		s.emit(Delivered, to, "")
		to.receive(s.packet)
	}
}

// shut is why the NIC's host hears nothing, empty when it does.
func (n *NIC) shut() string {
	if n.Gate == nil {
		return ""
	}
	return n.Gate()
}

func (s *sending) emit(k EventKind, to *NIC, reason string) {
	if len(s.w.taps) > 0 {
		s.w.emit(Event{Time: s.w.clock.Now(), Kind: k, ID: s.id, Packet: s.packet, From: s.from, To: to, Reason: reason})
	}
}

// EventKind says what happened to a packet.
type EventKind uint8

// What can happen to a packet. Every packet is Sent once; the rules that lose it
// have it Dropped, once per receiver; then it is Routed, and after that Delivered
// (or Dropped after all) as often as the event Routed says.
const (
	Sent EventKind = iota
	Delivered
	Dropped
	Routed
)

// String returns the kind in lower case.
func (k EventKind) String() string {
	return [...]string{"sent", "delivered", "dropped", "routed"}[k]
}

// Event is what a tap sees.
type Event struct {
	Time   clock.Time
	Kind   EventKind
	ID     uint64 // of the packet on this wire, counted from 1
	Packet *Packet
	From   *NIC
	To     *NIC   // nil for Sent and Routed, and for Dropped when it is lost to all
	Reason string // Dropped: why

	// Arrivals: Routed: how often the packet is going to arrive somewhere.
	Arrivals int
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
