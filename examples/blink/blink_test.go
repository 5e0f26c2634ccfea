// Package blink tests the example blink.
package blink

import (
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestBlink(t *testing.T) {
	const (
		led    = 4
		period = 500 * clock.Millisecond
		late   = 5 * clock.Millisecond // a timer runs when the CPU gets to it
	)
	d := simtest.Boot(t, ".")
	type edge struct {
		at    clock.Time
		level int
	}
	var edges []edge
	d.Events(func(e world.Event) {
		if p, ok := e.Data.(event.Pin); ok && p.Pin == led && p.By == "program" {
			edges = append(edges, edge{e.Time, p.Level})
		}
	})
	d.Advance(time.Hour)
	if len(edges) < 7190 || len(edges) > 7202 {
		t.Fatalf("%d edges in an hour, want about 7200", len(edges))
	}
	for i := len(edges) - 7180; i < len(edges); i++ {
		gap := edges[i].at.Sub(edges[i-1].at)
		if gap < period-late || gap > period+late || edges[i].level != 1-edges[i-1].level {
			t.Fatalf("edge %d: %v µs after the last, level %d after %d", i, gap, edges[i].level, edges[i-1].level)
		}
	}
}
