package ui

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// socketActions are what can be done with the selected socket, and with its link.
type socketActions struct{ actor }

// selected returns the selected socket; when there is none it says so.
func (a *socketActions) selected() (sockets.Snapshot, bool) {
	k, ok := a.devices.shown.sockets().selected()
	if !ok {
		a.say("no socket is selected")
	}
	return k, ok
}

// openDetails shows all that is known of the selected socket, while it exists.
func (a *socketActions) openDetails() {
	if k, ok := a.selected(); ok {
		a.boxes.overlay = a.devices.shown.socketBox(k)
	}
}

// reset makes both ends of the selected connection get a reset.
func (a *socketActions) reset() {
	k, ok := a.selected()
	if !ok {
		return
	}
	local, err1 := netip.ParseAddrPort(k.Local)
	remote, err2 := netip.ParseAddrPort(k.Remote)
	if err1 != nil || err2 != nil || !strings.EqualFold(k.Proto, "tcp") {
		a.say("only a TCP connection can be reset")
		return
	}
	a.world.send(a.devices.shown.device.Name(), input.ResetConnection{Local: local, Remote: remote}, nil)
}

// toggleCut cuts the link of the selected socket, or mends it.
func (a *socketActions) toggleCut() {
	p := a.devices.shown
	k, ok := a.selected()
	if !ok {
		return
	}
	f, ok := flowOf(&p.model.snap, k)
	if !ok {
		a.say("the socket has no address yet")
		return
	}
	if p.cuts[f] {
		if a.world.send(world.Surroundings, world.SetCut{Flow: f}, func(string, error) { p.note("mended: " + socketName(k)) }) {
			delete(p.cuts, f)
		}
		return
	}
	if a.world.send(world.Surroundings, world.SetCut{On: true, Flow: f}, func(string, error) { p.note("cut: " + socketName(k)) }) {
		p.cuts[f] = true
	}
}

// mendClosed forgets the cuts of sockets that no longer exist.
func (a *socketActions) mendClosed() {
	p := a.devices.shown
	if len(p.cuts) == 0 || !p.model.known {
		return
	}
	open := map[wire.Flow]bool{}
	for _, k := range p.model.snap.Sockets {
		if f, ok := flowOf(&p.model.snap, k); ok {
			open[f] = true
		}
	}
	cuts := slices.SortedFunc(maps.Keys(p.cuts), func(a, b wire.Flow) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) // inputs have a fixed order
	})
	for _, f := range cuts {
		if !open[f] && !a.world.full() && a.world.send(world.Surroundings, world.SetCut{Flow: f}, nil) {
			delete(p.cuts, f)
		}
	}
}

// flowOf returns the flow of a socket. ok is false for one without an address.
func flowOf(s *device.Snapshot, k sockets.Snapshot) (f wire.Flow, ok bool) {
	f = wire.Flow{Host: s.Name, UDP: strings.EqualFold(k.Proto, "udp")}
	local, err := netip.ParseAddrPort(k.Local)
	if err != nil || local.Port() == 0 {
		return f, false
	}
	f.Local = local
	f.Remote, _ = netip.ParseAddrPort(k.Remote)
	return f, true
}

func socketName(k sockets.Snapshot) string {
	return spaced(strings.ToLower(k.Proto), k.Local, k.Remote)
}
