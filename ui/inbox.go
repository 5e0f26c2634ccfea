package ui

import (
	"strings"
	"sync"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// inbox takes functions from other goroutines; the console's runs them.
type inbox struct {
	mu  sync.Mutex
	fns []func()
}

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// later runs fn on the console's goroutine. What does not fit is dropped: whoever
// posts so much gets no answer to it.
func (c *Console) later(fn func()) {
	c.inbox.mu.Lock()
	defer c.inbox.mu.Unlock()
	if len(c.inbox.fns) < maxPosted {
		c.inbox.fns = append(c.inbox.fns, fn)
	}
	notify(c.wake)
}

// readInbox runs what was handed to later, and reports whether there was any.
func (c *Console) readInbox() bool {
	c.inbox.mu.Lock()
	fns := c.inbox.fns
	c.inbox.fns = nil
	c.inbox.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
	return len(fns) > 0
}

// Note adds a line to the log: the simulator has something to say.
func (c *Console) Note(text string) { c.pages[0].note(text) }

func (p *page) note(text string) {
	p.feed.put(world.Event{Device: p.device.Name(), Data: event.Note{Text: text}})
}

// FilesChanged tells that files of the app's directory are not on the device as
// they are now, by name; none: they are. The console offers to restart.
func (c *Console) FilesChanged(files []string) {
	c.later(func() {
		c.changed = files
		if len(files) > 0 {
			c.say("r restarts the device with what has changed: " + strings.Join(files, " "))
		}
	})
}
