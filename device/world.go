package device

import (
	"math/rand/v2"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// World is a clock, a network and the devices in it. Everything in it runs on
// the goroutine that runs the clock. Given the same seed and the same inputs,
// two runs are identical.
type World struct {
	Clock *clock.Clock
	Wire  *wire.Wire
	Air   *Air

	seed        uint64
	devices     []*Device
	subscribers []func(Event)
}

// NewWorld makes a world without devices, at time zero.
func NewWorld(seed uint64) *World {
	c := clock.New()
	w := &World{Clock: c, Wire: wire.New(c), seed: seed}
	w.Air = &Air{world: w}
	return w
}

// Devices lists the devices in the order in which they were added.
func (w *World) Devices() []*Device { return w.devices }

// Subscribe makes fn see every event of every device, from now on. fn runs on
// the world's goroutine and must not block.
func (w *World) Subscribe(fn func(Event)) { w.subscribers = append(w.subscribers, fn) }

// newRand returns the random numbers of the n-th device.
func (w *World) newRand(n int) *rand.Rand {
	return rand.New(rand.NewPCG(w.seed, uint64(n)))
}
