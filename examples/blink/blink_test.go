// Package blink tests the example blink.
package blink

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestBlink(t *testing.T) {
	const (
		led    = 4
		period = 500 * clock.Millisecond
		late   = 5 * clock.Millisecond // a timer runs when the CPU gets to it
	)
	a, err := app.New(app.Options{Dir: ".", Net: "isolated"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	type edge struct {
		at    clock.Time
		level int
	}
	var edges []edge
	a.World.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Pin:
			if d.Pin == led && d.By == "program" {
				edges = append(edges, edge{e.Time, d.Level})
			}
		case event.Panic, event.LuaError:
			t.Errorf("the device failed: %+v", d)
		}
	})
	a.Device.PowerOn()
	a.World.Clock.RunUntil(clock.At(clock.Hour))
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
