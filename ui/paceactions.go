package ui

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// paceActions stop the world and say how fast its time passes.
type paceActions struct{ clock *clock.Clock }

func (a paceActions) pause() {
	if a.clock.State().Paused {
		a.clock.Continue()
	} else {
		a.clock.Pause()
	}
}

func (a paceActions) step() {
	if !a.clock.State().Paused {
		a.clock.Pause()
	}
	a.clock.Step()
}

// speeds are the factors that slower and faster go through.
var speeds = []float64{0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, clock.Max}

func (a paceActions) changeSpeed(d int) {
	now := a.clock.State().Speed
	i := slices.IndexFunc(speeds, func(s float64) bool { return s >= now })
	if i < 0 {
		i = len(speeds) - 1
	}
	if d > 0 && speeds[i] > now {
		d-- // between two factors: the next is already higher
	}
	a.setSpeed(speeds[max(min(i+d, len(speeds)-1), 0)])
}

func (a paceActions) setSpeed(s float64) { a.clock.SetSpeed(s) }
