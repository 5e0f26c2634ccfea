package relay

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/part/parttest"
)

func TestRelay(t *testing.T) {
	pin, c := parttest.New(false)
	relay := New(c)
	for level, want := range map[int]string{parttest.Nobody: "open", 0: "open", 1: "closed"} {
		pin.Write(level)
		if s := relay.Show(); s.State != want || s.On != (want == "closed") {
			t.Errorf("at %d: %+v", level, s)
		}
	}
}
