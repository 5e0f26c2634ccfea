package button

import (
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/part/parttest"
)

func TestButton(t *testing.T) {
	for _, activeLow := range []bool{true, false} {
		pin, c := parttest.New(activeLow)
		b := New(c)
		changes := 0
		pin.Watch(func(int, clock.Time) { changes++ })
		for _, tt := range []struct {
			action, state string
			in            int
			next          string
		}{
			{Press, "pressed", c.Level(true), Release},
			{Release, "released", parttest.Nobody, Press},
		} {
			if err := b.Act(tt.action); err != nil {
				t.Fatal(err)
			}
			if s := b.Show(); s.State != tt.state || pin.In != tt.in || !slices.Equal(s.Actions, []string{tt.next}) {
				t.Errorf("after %s: %+v, drives %d", tt.action, s, pin.In)
			}
		}
		if err := b.Act("turn"); err == nil || !strings.Contains(err.Error(), "press or release") {
			t.Errorf("error %v", err)
		}
		if want := map[bool]int{true: 2, false: 0}[activeLow]; changes != want { // the pull-up is high
			t.Errorf("active low %v: the level changed %d times", activeLow, changes)
		}
	}
}
