package kinds

import (
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/part"
)

// wire is a pin that a test writes, with a pull-up.
type wire struct{ out, in int }

const nobody = -1

func (w *wire) Level() int {
	switch {
	case w.out != nobody:
		return w.out
	case w.in != nobody:
		return w.in
	}
	return 1
}
func (w *wire) Driven() bool                { return w.out != nobody || w.in != nobody }
func (w *wire) Watch(func(int, clock.Time)) {}
func (w *wire) Drive(level int)             { w.in = level }
func (w *wire) Release()                    { w.in = nobody }

func solder(t *testing.T, kind string, activeLow bool) (part.Part, *wire) {
	t.Helper()
	k, err := Named(kind)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{nobody, nobody}
	return k.New(part.Config{Pin: w, Clock: clock.New(), ActiveLow: activeLow}), w
}

func TestIndicators(t *testing.T) {
	for _, tt := range []struct {
		kind      string
		activeLow bool
		level     int
		on        bool
		state     string
	}{
		{"led", true, 0, true, "lit"},
		{"led", true, 1, false, "off"},
		{"led", false, 1, true, "lit"},
		{"relay", false, 1, true, "closed"},
		{"relay", false, 0, false, "open"},
		{"led", false, nobody, false, "off"}, // the pull-up does not light it
	} {
		p, w := solder(t, tt.kind, tt.activeLow)
		w.out = tt.level
		if s := p.Show(); s.On != tt.on || s.State != tt.state || len(s.Actions) > 0 {
			t.Errorf("%+v: %+v", tt, s)
		}
		if err := p.Act("press"); err == nil {
			t.Errorf("%s was pressed", tt.kind)
		}
	}
}

func TestButton(t *testing.T) {
	for _, activeLow := range []bool{true, false} {
		p, w := solder(t, "button", activeLow)
		for _, tt := range []struct {
			action string
			state  string
			in     int
			next   string
		}{
			{"press", "pressed", part.Config{ActiveLow: activeLow}.Level(true), "release"},
			{"release", "released", nobody, "press"},
		} {
			if err := p.Act(tt.action); err != nil {
				t.Fatal(err)
			}
			if s := p.Show(); s.State != tt.state || w.in != tt.in || !slices.Equal(s.Actions, []string{tt.next}) {
				t.Errorf("after %s: %+v, drives %d", tt.action, s, w.in)
			}
		}
		if err := p.Act("turn"); err == nil || !strings.Contains(err.Error(), "press or release") {
			t.Errorf("error %v", err)
		}
	}
}

func TestUnknownKind(t *testing.T) {
	if _, err := Named("lamp"); err == nil || err.Error() != `no part is a "lamp"; write led, button or relay` {
		t.Errorf("error %v", err)
	}
}
