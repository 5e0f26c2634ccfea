package app

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// node.heap() at the prompt of a board with the default modules is 42144 to 44576
// bytes (fw: docs/lfs.md; #2890, #2917, #2061, #2301), and about 40 KB once Wi-Fi
// is connected (#1303, #1804).
func TestHeapIsAsPublished(t *testing.T) {
	a, err := New(Options{Dir: t.TempDir(), Net: "isolated", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var out strings.Builder
	a.World.Subscribe((&observe.Log{Device: &out}).Handle)
	a.Device.PowerOn()
	for _, tt := range []struct {
		when     string
		at       clock.Time
		min, max int
	}{
		{"at the prompt", clock.At(clock.Second / 2), 42144, 44576},
		{"with Wi-Fi connected", clock.At(10 * clock.Second), 39 * 1024, 41 * 1024},
	} {
		a.World.Clock.RunUntil(tt.at)
		out.Reset()
		a.Device.Serial.Type([]byte("=node.heap()\n"))
		a.World.Clock.RunUntil(tt.at.Add(clock.Second / 4))
		free, _ := strconv.Atoi(regexp.MustCompile(`(?m)^\d+$`).FindString(out.String()))
		if free < tt.min || free > tt.max {
			t.Errorf("%s: %d bytes free, want %d to %d; the device printed %q", tt.when, free, tt.min, tt.max, out.String())
		}
	}
}
