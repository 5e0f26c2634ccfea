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
	name    string
	quality wire.Quality
}

// linkFaults are the choices; the first one is no fault.
var linkFaults = []linkFault{
	{"as the project says", wire.Quality{}},
	{"far: 150 ms one way, 50 ms of jitter", wire.Quality{Latency: 150 * clock.Millisecond, Jitter: 50 * clock.Millisecond}},
	{"slow: 64 kbit/s each way", wire.Quality{Bandwidth: 64_000, QueueLimit: 2 * clock.Second}},
	{"lossy: one packet in ten is lost", wire.Quality{Loss: 0.1}},
	{"bad: a third is lost, 100 ms, out of order", wire.Quality{Loss: 0.33, Reorder: 0.1, Latency: 100 * clock.Millisecond}},
	{"doubled: one packet in ten comes twice", wire.Quality{Duplicate: 0.1}},
	{"cut: nothing passes", wire.Quality{Loss: 1}},
}

// flowOf returns the flow of a socket. ok is false for one without an address.
func flowOf(s *device.Snapshot, k device.SocketSnapshot) (f wire.Flow, ok bool) {
	f = wire.Flow{Host: s.Name, UDP: strings.EqualFold(k.Proto, "udp")}
	local, err := netip.ParseAddrPort(k.Local)
	if err != nil || local.Port() == 0 {
		return f, false
	}
	f.Local = local
	f.Remote, _ = netip.ParseAddrPort(k.Remote)
	return f, true
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
	c.boxes.openMenu("The network", items)
}

func (c *Console) setLink(i int) {
	p := c.devices.shown
	in := world.SetLink{On: i > 0, Quality: linkFaults[i].quality, Seed: uint64(i)}
	if c.world.send(world.Surroundings, in, func(string, error) { p.note("the network: " + linkFaults[i].name) }) {
		c.link = i
	}
}

// toggleCut cuts the link of the selected socket, or mends it.
func (c *Console) toggleCut() {
	p := c.devices.shown
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
		if c.world.send(world.Surroundings, world.SetCut{Flow: f}, func(string, error) { p.note("mended: " + socketName(k)) }) {
			delete(p.cuts, f)
		}
		return
	}
	if c.world.send(world.Surroundings, world.SetCut{On: true, Flow: f}, func(string, error) { p.note("cut: " + socketName(k)) }) {
		p.cuts[f] = true
	}
}

// mendClosed forgets the cuts of sockets that no longer exist.
func (c *Console) mendClosed() {
	if len(c.devices.shown.cuts) == 0 || !c.devices.shown.model.known {
		return
	}
	open := map[wire.Flow]bool{}
	for _, k := range c.devices.shown.model.snap.Sockets {
		if f, ok := flowOf(&c.devices.shown.model.snap, k); ok {
			open[f] = true
		}
	}
	for f := range c.devices.shown.cuts {
		if !open[f] && !c.world.full() && c.world.send(world.Surroundings, world.SetCut{Flow: f}, nil) {
			delete(c.devices.shown.cuts, f)
		}
	}
}

func socketName(k device.SocketSnapshot) string {
	return spaced(strings.ToLower(k.Proto), k.Local, k.Remote)
}
