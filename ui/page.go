package ui

import (
	"reflect"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// page is what the console holds of one device.
type page struct {
	device *device.Device
	feed   *feed
	model  model
	views  [panes]view
	log    *logView
	typist typist
	cuts   map[wire.Flow]bool // flows whose packets are dropped

	snapshot *snapshot.Snapshot // of the heap, the last one taken; nil: none

	active  time.Time // when a key or an event last came
	asked   time.Time // when the last snapshot of the device was asked for
	pending bool      // it has not come yet
}

// How often a snapshot of the device on show is asked for, in wall time.
const (
	snapshotTime = 250 * time.Millisecond // while things happen
	idleTime     = 500 * time.Millisecond // when nothing has, for activeTime
	activeTime   = 2 * time.Second
)

// busyAfter is how long the world may take to answer before the header says that
// it is busy: a Lua program that does not return.
const busyAfter = 500 * time.Millisecond

func newPage(d *device.Device, wake chan struct{}) *page {
	p := &page{device: d, feed: newFeed(d.Name(), wake), cuts: map[wire.Flow]bool{}}
	p.log = &logView{m: &p.model}
	p.typist = typist{device: d.Name(), m: &p.model}
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

// snapshotEvery is how often to ask while the page is on show.
func (p *page) snapshotEvery(now time.Time) time.Duration {
	if now.Sub(p.active) < activeTime {
		return snapshotTime
	}
	return idleTime
}

// askSnapshot asks for a snapshot, unless one is on its way or the last one was
// asked for less than every ago.
func (p *page) askSnapshot(world *clock.Clock, now time.Time, every time.Duration) {
	if p.pending || now.Sub(p.asked) < every {
		return
	}
	p.asked, p.pending = now, true
	world.Look(func() { p.feed.snapshot(p.device.Snapshot()) })
}

// untilSnapshot is how long it takes until the next one is to be asked for.
func (p *page) untilSnapshot(now time.Time) time.Duration {
	if p.pending {
		return snapshotTime
	}
	return p.snapshotEvery(now) - now.Sub(p.asked)
}

// busy reports whether the world has not answered for long.
func (p *page) busy(now time.Time) bool { return p.pending && now.Sub(p.asked) > busyAfter }

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

// note adds a line of the simulator's to the log. Any goroutine may call it.
func (p *page) note(text string) {
	p.feed.put(world.Event{Device: p.device.Name(), Data: event.Note{Text: text}})
}
