// Package world is what is around the chips: one clock, one queue of events, one
// wire and the air above it, and the devices in it, of which it knows what a Node
// is. Everything in it runs on the goroutine that runs the clock. Given the same
// seed and the same inputs, two runs are identical.
//
// It owns the stream of what happens (Event) and the way in from outside (Input). It
// must not know what a device is made of, nor the host: that is package hostnet's,
// below gateway.
//
// This package is stable: docs/go.md.
package world

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// World is a clock, a network and the devices in it.
type World struct {
	Clock *clock.Clock
	Wire  *wire.Wire
	Air   *air.Air

	seed        uint64
	began       time.Time // what date it was at time zero
	nodes       []Node
	receivers   map[string]Receiver
	subscribers []func(Event)
	inputs      []func(Input)
}

// Node is a device as the world sees it.
type Node interface {
	Receiver
	// Name is the device's in events and on the wire.
	Name() string
	// Address returns the address and network of an interface, the zero value when
	// it has none or is down.
	Address(air.Interface) netip.Prefix
	// Hostname is the name that the station gives to the router.
	Hostname() string
	// Listening reports whether the device takes what comes to a port.
	Listening(proto wire.Proto, port uint16) bool
	// Note has the simulator say something about the device.
	Note(text string)
}

// New makes a world without devices, at time zero.
func New(seed uint64) *World {
	c := clock.New()
	w := &World{Clock: c, Wire: wire.New(c), Air: air.New(c), seed: seed, began: DefaultDate, receivers: map[string]Receiver{}}
	w.Air.Wire = w.Wire
	c.Receive = w.receive
	w.Attach(Surroundings, &surroundings{w: w, cuts: map[wire.Flow]func(){}})
	return w
}

// Add puts a device into the world. Its name is nobody else's.
func (w *World) Add(n Node) {
	if strings.HasPrefix(n.Name(), "/") || w.receiver(n.Name()) != nil {
		panic(fmt.Sprintf("world: a device cannot be called %q, or there is one already", n.Name()))
	}
	w.nodes = append(w.nodes, n)
}

// Nodes lists the devices in the order in which they were added.
func (w *World) Nodes() []Node { return w.nodes }

// NodeAt returns the device that has an address, or nil.
func (w *World) NodeAt(addr netip.Addr) Node {
	for _, n := range w.nodes {
		for _, i := range air.Interfaces {
			if p := n.Address(i); p.IsValid() && p.Addr() == addr {
				return n
			}
		}
	}
	return nil
}

// Rand returns the random numbers that the world's seed gives to the n-th of those
// who ask for some.
func (w *World) Rand(n uint64) *rand.Rand { return rand.New(rand.NewPCG(w.seed, n)) }
