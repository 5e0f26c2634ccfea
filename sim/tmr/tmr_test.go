package tmr

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/internal/fwtrace"
	"github.com/nodemcu-sim/nodemcu-sim/sim"
)

func testBoard(t *testing.T) *sim.Board {
	t.Helper()
	b, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAsMeasured(t *testing.T) {
	for _, s := range fwtrace.Load(t, "testdata/traces.json") {
		t.Run(s.Name, func(t *testing.T) {
			fwtrace.Check(t, s, fwtrace.Options{Modules: []sim.Module{Module}, Board: testBoard(t)})
		})
	}
}
