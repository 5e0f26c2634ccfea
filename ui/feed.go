package ui

import (
	"sync"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Bounds of what may wait in the feed between two frames.
const (
	feedEvents = 8192    // events
	feedBytes  = 1 << 20 // bytes of text in them
	feedText   = 1 << 16 // bytes of text in one; the rest is cut off
)

// feed hands events and snapshots from the world's goroutine to the console's.
// Putting something in never blocks: when the feed is full the oldest quarter of
// it is dropped and counted, since what is new is what the user wants to see.
type feed struct {
	device string        // events of other devices are not for this console
	wake   chan struct{} // the console's: the feed is no longer empty

	mu      sync.Mutex
	events  []world.Event
	bytes   int
	dropped int
	snap    *device.Snapshot
	closed  bool
}

func newFeed(device string, wake chan struct{}) *feed {
	return &feed{device: device, wake: wake}
}

// batch is what came since the feed was last emptied.
type batch struct {
	events  []world.Event
	dropped int // events lost before the first of events
	snap    *device.Snapshot
}

// event takes an event of the world. It runs on the world's goroutine.
func (f *feed) event(e world.Event) {
	if _, callback := e.Data.(event.Callback); callback || e.Device != f.device {
		return // a callback ends thousands of times a second, and no view shows it
	}
	f.put(e)
}

func (f *feed) put(e world.Event) {
	if o, ok := e.Data.(event.Output); ok && len(o.Text) > feedText {
		e.Data = event.Output{Text: o.Text[:feedText]}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	for len(f.events) >= feedEvents || len(f.events) > 0 && f.bytes+textSize(e) > feedBytes {
		f.dropOldest()
	}
	f.events = append(f.events, e)
	f.bytes += textSize(e)
	f.notify()
}

func (f *feed) dropOldest() {
	n := (len(f.events) + 3) / 4
	for _, e := range f.events[:n] {
		f.bytes -= textSize(e)
	}
	f.events = f.events[:copy(f.events, f.events[n:])]
	f.dropped += n
}

// textSize is what an event's text weighs; the texts of other kinds are short.
func textSize(e world.Event) int {
	switch d := e.Data.(type) {
	case event.Output:
		return len(d.Text)
	case event.Panic:
		return len(d.Message) + len(d.Traceback)
	case event.LuaError:
		return len(d.Message)
	}
	return 0
}

// snapshot takes a copy of the device's state. It runs on the world's goroutine.
func (f *feed) snapshot(s device.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snap = &s
	f.notify()
}

func (f *feed) notify() { notify(f.wake) }

// take empties the feed.
func (f *feed) take() batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := batch{f.events, f.dropped, f.snap}
	f.events, f.bytes, f.dropped, f.snap = nil, 0, 0, nil
	return b
}

// close makes the feed ignore what still comes; a subscription lasts as long as
// its world.
func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed, f.events = true, nil
}
