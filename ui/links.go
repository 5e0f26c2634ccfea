package ui

import (
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// linkFault is a quality that the network of the world can be given.
type linkFault struct {
	name string
	set  func(*wire.Link)
}

// linkFaults are the choices; the first one is no fault.
var linkFaults = []linkFault{
	{"as the project says", nil},
	{"far: 150 ms one way, 50 ms of jitter", func(l *wire.Link) {
		l.Latency, l.Jitter = 150*clock.Millisecond, 50*clock.Millisecond
	}},
	{"slow: 64 kbit/s each way", func(l *wire.Link) { l.Bandwidth, l.QueueLimit = 64_000, 2*clock.Second }},
	{"lossy: one packet in ten is lost", func(l *wire.Link) { l.Loss = 0.1 }},
	{"bad: a third is lost, 100 ms, out of order", func(l *wire.Link) {
		l.Loss, l.Reorder, l.Latency = 0.33, 0.1, 100*clock.Millisecond
	}},
	{"doubled: one packet in ten comes twice", func(l *wire.Link) { l.Duplicate = 0.1 }},
	{"cut: nothing passes", func(l *wire.Link) { l.Loss = 1 }},
}

// flow is what packets of one socket have in common: a connection, or everything
// to and from a local port when remote is not valid.
type flow struct {
	device        string
	udp           bool
	local, remote netip.AddrPort
}

// flowOf returns the flow of a socket. ok is false for one without an address.
func flowOf(s *device.Snapshot, k device.SocketSnapshot) (f flow, ok bool) {
	f = flow{device: s.Name, udp: strings.EqualFold(k.Proto, "udp")}
	local, err := netip.ParseAddrPort(k.Local)
	if err != nil || local.Port() == 0 {
		return f, false
	}
	f.local = local
	f.remote, _ = netip.ParseAddrPort(k.Remote)
	return f, true
}

// Judge implements wire.Rule: packets of the flow, either way, are dropped.
func (f flow) Judge(p wire.Passage, fate *wire.Fate) {
	k := p.Packet
	if f.udp != (k.Proto == wire.UDP) || !f.udp && k.Proto != wire.TCP {
		return
	}
	src, dst := netip.AddrPortFrom(k.Src, k.SrcPort), netip.AddrPortFrom(k.Dst, k.DstPort)
	here := func(a netip.AddrPort, n *wire.NIC) bool {
		if f.local.Addr().IsUnspecified() {
			return a.Port() == f.local.Port() && n != nil && (n.Name == f.device || strings.HasPrefix(n.Name, f.device+"-"))
		}
		return a == f.local
	}
	there := func(a netip.AddrPort) bool { return !f.remote.IsValid() || a == f.remote }
	if here(src, p.From) && there(dst) || here(dst, p.To) && there(src) {
		fate.Drop = "link cut at the console"
	}
}

// faults are the rules that the console has added to the wire. They belong to the
// world's goroutine.
type faults struct {
	world *world.World
	link  func() // takes the link's rule away; nil: there is none
	cuts  map[flow]func()
}

func newFaults(w *world.World) *faults { return &faults{world: w, cuts: map[flow]func(){}} }

func (f *faults) setLink(i int) {
	if f.link != nil {
		f.link()
		f.link = nil
	}
	if set := linkFaults[i].set; set != nil {
		l := wire.NewLink(uint64(i))
		set(l)
		f.link = f.world.Wire.AddRule(l)
	}
}

func (f *faults) cut(k flow) {
	if f.cuts[k] == nil {
		f.cuts[k] = f.world.Wire.AddRule(k)
	}
}

func (f *faults) mend(k flow) {
	if remove := f.cuts[k]; remove != nil {
		remove()
		delete(f.cuts, k)
	}
}

// openLinks lists what the network can be made.
func (c *Console) openLinks() {
	var items []menuItem
	for i, l := range linkFaults {
		note := ""
		if i == c.link {
			note = "in force"
		}
		items = append(items, menuItem{l.name, note, func() { c.setLink(i) }})
	}
	c.openMenu("The network", items)
}

func (c *Console) setLink(i int) {
	p := c.page
	if c.post(func() {
		c.faults.setLink(i)
		p.note("the network: " + linkFaults[i].name)
	}) {
		c.link = i
	}
}

// toggleCut cuts the link of the selected socket, or mends it.
func (c *Console) toggleCut() {
	p := c.page
	k, ok := p.sockets().selected()
	if !ok {
		c.say("no socket is selected")
		return
	}
	f, ok := flowOf(&p.model.snap, k)
	if !ok {
		c.say("the socket has no address yet")
		return
	}
	if p.cuts[f] {
		if c.post(func() { c.faults.mend(f); p.note("mended: " + socketName(k)) }) {
			delete(p.cuts, f)
		}
		return
	}
	if c.post(func() { c.faults.cut(f); p.note("cut: " + socketName(k)) }) {
		p.cuts[f] = true
	}
}

// mendClosed forgets the cuts of sockets that no longer exist.
func (c *Console) mendClosed() {
	if len(c.cuts) == 0 || !c.model.known {
		return
	}
	open := map[flow]bool{}
	for _, k := range c.model.snap.Sockets {
		if f, ok := flowOf(&c.model.snap, k); ok {
			open[f] = true
		}
	}
	for f := range c.cuts {
		if !open[f] && c.posted.Load() < maxPosted && c.post(func() { c.faults.mend(f) }) {
			delete(c.cuts, f)
		}
	}
}

func socketName(k device.SocketSnapshot) string {
	return spaced(strings.ToLower(k.Proto), k.Local, k.Remote)
}
