package ui

import (
	"reflect"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// page is what the console holds of one device. The page on show is embedded in
// the Console; switching to another device changes it.
type page struct {
	device *device.Device
	feed   *feed
	model  model
	views  [panes]view
	log    *logView
	outbox outbox
	cuts   map[wire.Flow]bool // flows whose packets are dropped

	snapshot *snapshot.Snapshot // of the heap, the last one taken; nil: none

	active  time.Time // when a key or an event last came
	asked   time.Time // when the last snapshot was asked for
	pending bool      // it has not come yet
}

func newPage(d *device.Device, wake chan struct{}) *page {
	p := &page{device: d, feed: newFeed(d.Name(), wake), cuts: map[wire.Flow]bool{}}
	p.log = &logView{m: &p.model}
	p.views = [panes]view{
		paneHeap:    &heapView{m: &p.model},
		paneSockets: &socketView{m: &p.model, cuts: p.cuts},
		paneTimers:  &timerView{m: &p.model},
		panePins:    &pinView{m: &p.model},
		paneLog:     p.log,
	}
	return p
}

// sockets and pins are the views whose selected row keys act on.
func (p *page) sockets() *socketView { return p.views[paneSockets].(*socketView) }
func (p *page) pins() *pinView       { return p.views[panePins].(*pinView) }

// takeIn brings the model up to date with what the feed has, and reports whether
// the screen would look different for it.
func (p *page) takeIn(now time.Time) (changed bool) {
	b := p.feed.take()
	if b.snap != nil {
		p.pending = false
		changed = !p.model.known || !reflect.DeepEqual(*b.snap, p.model.snap)
	}
	if len(b.events) > 0 {
		p.active = now
		changed = true
	}
	p.model.apply(b, now)
	return changed || b.dropped > 0
}

// note adds a line to the log: the simulator has something to say.
func (p *page) note(text string) {
	p.feed.put(world.Event{Device: p.device.Name(), Data: event.Note{Text: text}})
}
