package ui

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// devices are the devices of the world, a page for each, and which one is on show.
// The pages are all there when New returns; the rest belongs to the console's goroutine.
type devices struct {
	all   []*page
	shown *page
	boxes *boxes
	say   func(string)
}

// openMenu lists the devices, to switch between them.
func (d *devices) openMenu() {
	var items []menuItem
	for _, p := range d.all {
		note := ""
		if p == d.shown {
			note = "on show"
		}
		name := p.device.Name() + ": " + p.device.Board.Title
		items = append(items, menuItem{name, note, func() { d.show(p) }})
	}
	d.boxes.openMenu("Devices", items)
}

// show switches to another device.
func (d *devices) show(p *page) {
	d.shown, d.boxes.overlay, d.boxes.completion = p, nil, nil
	d.say(p.device.Name())
}

// next switches to the device after the one on show.
func (d *devices) next() {
	for i, p := range d.all {
		if p == d.shown {
			d.show(d.all[(i+1)%len(d.all)])
			return
		}
	}
}

// askSnapshots asks for a snapshot of each device, if it is time to. Those that are
// not on show are asked once for each column of their heap's graph.
func (d *devices) askSnapshots(world *clock.Clock, now time.Time) {
	for _, p := range d.all {
		every := columnTime
		if p == d.shown {
			every = p.snapshotEvery(now)
		}
		p.askSnapshot(world, now, every)
	}
}

// takeIn brings the pages up to date with what their feeds have, and reports
// whether the screen would look different for it.
func (d *devices) takeIn(now time.Time) (changed bool) {
	for _, p := range d.all {
		if p.takeIn(now) && p == d.shown {
			changed = true
		}
	}
	return changed
}

// close makes the feeds ignore what still comes.
func (d *devices) close() {
	for _, p := range d.all {
		p.feed.close()
	}
}
