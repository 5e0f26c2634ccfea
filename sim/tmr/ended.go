package tmr

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// ended reports the timers that had stopped by some time and still have their
// callback. A program may well start such a timer again.
func (m *module) ended(by clock.Time, report func(inspect.Ended)) {
	for _, t := range m.timers {
		if t.fn != 0 && t.endedAt > 0 && t.endedAt <= by && !t.running() {
			report(inspect.Ended{Name: "the timer", Since: t.endedAt, Refs: []vm.Ref{t.fn}, Object: t, Kept: true})
		}
	}
}

// String describes the timer in heap snapshots.
func (t *timer) String() string {
	s := fmt.Sprintf("%s, %d ms", t.mode, t.interval/clock.Millisecond)
	if !t.running() {
		s += ", stopped"
	}
	return s
}
