package world

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// Event is one thing that happened in the world.
type Event struct {
	Time   clock.Time // as the device's own time, where it is a device's
	Device string     // the node on which it happened
	Data   Happening
}

// Happening is what an event says has happened: a value of a type of its own for
// each kind. Package event has those of devices.
type Happening interface {
	// Kind names the type in logs and files.
	Kind() string
}

// Subscribe makes fn see every event of the world, from now on. fn runs on the
// world's goroutine and must not block.
func (w *World) Subscribe(fn func(Event)) { w.subscribers = append(w.subscribers, fn) }

// Watched reports whether anybody sees the world's events.
func (w *World) Watched() bool { return len(w.subscribers) > 0 }

// Emit tells the subscribers that something has happened.
func (w *World) Emit(e Event) {
	for _, fn := range w.subscribers {
		fn(e)
	}
}
