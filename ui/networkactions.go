package ui

import (
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

// networkActions change what is around the device: its access points and the
// network behind them.
type networkActions struct {
	actor
	fault int // of linkFaults, the one in force
}

// toggleAir switches the access points off or on.
func (a *networkActions) toggleAir() {
	p := a.devices.shown
	down := !p.model.snap.AirDown
	a.world.send(world.Surroundings, world.SetAir{Down: down}, func(string, error) {
		if down {
			p.note("the access points are off")
		} else {
			p.note("the access points are on")
		}
	})
}

// openFaults lists what the network can be made.
func (a *networkActions) openFaults() {
	var items []menuItem
	for i, l := range linkFaults {
		note := ""
		if i == a.fault {
			note = "in force"
		}
		items = append(items, menuItem{l.name, note, func() { a.setFault(i) }})
	}
	a.boxes.openMenu("The network", items)
}

func (a *networkActions) setFault(i int) {
	p := a.devices.shown
	in := world.SetLink{On: i > 0, Quality: linkFaults[i].quality, Seed: uint64(i)}
	if a.world.send(world.Surroundings, in, func(string, error) { p.note("the network: " + linkFaults[i].name) }) {
		a.fault = i
	}
}
