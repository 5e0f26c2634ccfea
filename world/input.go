package world

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Input is something that comes from outside the world: what was typed, a level at a
// pin, an answer of the host, what somebody does with a key. It is a value and says
// what has happened, not what is to be done, so that the inputs of a run can be kept
// and given to the world again.
type Input struct {
	To   string // whom it concerns: a device's name, or a name given to Attach
	What Stimulus

	// At and After say when it was taken: the virtual time, and how many events had
	// happened, for the time does not say which events of that time came before. The
	// world fills them in.
	At    clock.Time
	After uint64
}

// Stimulus is what an input says has happened: a value of a type of its own for
// each kind, of exported fields and without pointers, functions or channels. Package
// input has those of devices.
type Stimulus interface {
	// Kind names the type in files.
	Kind() string
}

// Receiver takes inputs. Take returns what there is to say in reply: words for the
// person who caused the input, or an error that says why nothing was done.
type Receiver interface {
	Take(Stimulus) (reply string, err error)
}

// sent is an input in the clock's inbox, with whom to tell of the reply.
type sent struct {
	Input
	done func(reply string, err error)
}

// Send hands an input to the world, which takes it between two events. done, unless
// nil, is told the reply on the world's goroutine; it must not change anything in
// the world. Send may be called from any goroutine.
func (w *World) Send(to string, what Stimulus, done func(reply string, err error)) {
	w.Clock.Post(sent{Input{To: to, What: what}, done})
}

// Give is Send for whoever is on the world's goroutine, between two events: it is taken
// at once.
func (w *World) Give(to string, what Stimulus) (reply string, err error) {
	w.Taken(to, what)
	r := w.receiver(to)
	if r == nil {
		panic(fmt.Sprintf("world: input %q to %q, which nobody takes", what.Kind(), to))
	}
	return r.Take(what)
}

// Attach makes r take the inputs to a name that is no device's: it begins with a
// slash, as no device's does.
func (w *World) Attach(name string, r Receiver) {
	if !strings.HasPrefix(name, "/") {
		panic("world: the name of a receiver begins with a slash: " + name)
	}
	w.receivers[name] = r
}

// OnInput makes fn see every input as it is taken. fn runs on the world's goroutine.
func (w *World) OnInput(fn func(Input)) { w.inputs = append(w.inputs, fn) }

// Taken tells those who watch the inputs of one that its receiver has fetched by
// itself, within an event: a line of a file that is typed.
func (w *World) Taken(to string, what Stimulus) {
	in := Input{To: to, What: what, At: w.Clock.Now(), After: w.Clock.Happened()}
	for _, fn := range w.inputs {
		fn(in)
	}
}

// receive takes an input out of the clock's inbox.
func (w *World) receive(posted any) {
	in := posted.(sent)
	reply, err := w.Give(in.To, in.What)
	if in.done != nil {
		in.done(reply, err)
	}
}

func (w *World) receiver(name string) Receiver {
	for _, n := range w.nodes {
		if n.Name() == name {
			return n
		}
	}
	return w.receivers[name]
}
