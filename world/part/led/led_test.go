package led

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/part/parttest"
)

func TestLED(t *testing.T) {
	for _, tt := range []struct {
		activeLow bool
		level     int
		state     string
	}{
		{true, 0, "lit"},
		{true, 1, "off"},
		{false, 1, "lit"},
		{false, 0, "off"},
		{false, parttest.Nobody, "off"}, // the pull-up does not light it
	} {
		pin, c := parttest.New(tt.activeLow)
		led := New(c)
		pin.Write(tt.level)
		if s := led.Show(); s.State != tt.state || s.On != (tt.state == "lit") || len(s.Actions) > 0 {
			t.Errorf("%+v: %+v", tt, s)
		}
		if err := led.Act("press"); err == nil {
			t.Error("an LED was pressed")
		}
	}
}
