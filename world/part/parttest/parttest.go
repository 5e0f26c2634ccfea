// Package parttest is the bench on which parts are tested: a pin that the test writes in
// the chip's place. Only tests import it.
package parttest

import (
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/part"
)

// Nobody drives a pin.
const Nobody = -1

// Pin is a pin with a pull-up.
type Pin struct {
	In int // what the part drives it to, or Nobody

	clock    *clock.Clock
	out      int // what the chip drives it to
	watchers []func(level int, at clock.Time)
}

// New returns a pin that nobody drives, and what a part of it is made with.
func New(activeLow bool) (*Pin, part.Config) {
	p := &Pin{In: Nobody, clock: clock.New(), out: Nobody}
	return p, part.Config{Pin: p, Clock: p.clock, ActiveLow: activeLow}
}

// Write drives the pin as a chip does, or lets it go (Nobody).
func (p *Pin) Write(level int) { p.change(func() { p.out = level }) }

func (p *Pin) change(do func()) {
	was := p.Level()
	do()
	if now := p.Level(); now != was {
		for _, fn := range p.watchers {
			fn(now, p.clock.Now())
		}
	}
}

// Level implements part.Pin.
func (p *Pin) Level() int {
	switch {
	case p.out != Nobody:
		return p.out
	case p.In != Nobody:
		return p.In
	}
	return 1
}

// Driven implements part.Pin.
func (p *Pin) Driven() bool { return p.out != Nobody || p.In != Nobody }

// Watch implements part.Pin.
func (p *Pin) Watch(fn func(level int, at clock.Time)) { p.watchers = append(p.watchers, fn) }

// Drive implements part.Pin.
func (p *Pin) Drive(level int) { p.change(func() { p.In = level }) }

// Release implements part.Pin.
func (p *Pin) Release() { p.change(func() { p.In = Nobody }) }
