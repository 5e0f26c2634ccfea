package ui

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// timerView lists the Lua timers, and in its title the waiting tasks.
type timerView struct {
	m *model
	rows
}

// taskQueueLen is how many tasks of one priority can wait (fw: node.task.post).
const taskQueueLen = 8

// longCallback is the CPU time that a callback should not exceed: longer ones keep
// Wi-Fi from its work (fw: docs/lua-modules/cohelper.md).
const longCallback = 15 * clock.Millisecond

func (v *timerView) name() string { return "Timers" }

func (v *timerView) details() []detail {
	ds := []detail{{dim, thousands(len(v.m.snap.Timers))}}
	waiting, role := "", dim
	for p, name := range []string{"low", "mid", "high"} {
		n := v.m.snap.Tasks[p]
		if n == 0 {
			continue
		}
		waiting = spaced(thousands(n), name, waiting)
		if n >= taskQueueLen {
			role = bad
		} else if n > taskQueueLen/2 && role != bad {
			role = warn
		}
	}
	if waiting == "" {
		return append(ds, detail{dim, "no task waits"})
	}
	return append(ds, detail{role, "tasks " + waiting})
}

func (v *timerView) scroll(n int) { v.move(n) }
func (v *timerView) page() int    { return v.height }

func (v *timerView) draw(c canvas, focused bool) {
	list := v.m.snap.Timers
	cols := []column{
		{"mode", 6, 6, false, 0, func(i int) (string, role) { return list[i].Mode, text }},
		{"every", 8, 8, true, 1, func(i int) (string, role) { return period(list[i].Interval), text }},
		{"due in", 7, 7, true, 2, func(i int) (string, role) {
			if list[i].DueIn < 0 {
				return "stopped", dim
			}
			return span(list[i].DueIn), good
		}},
		{"cost", 6, 7, true, 4, func(i int) (string, role) {
			if list[i].Runs == 0 {
				return "-", dim
			}
			role := text
			if list[i].LastCost >= longCallback {
				role = warn
			}
			return span(list[i].LastCost), role
		}},
		{"runs", 6, 8, true, 5, func(i int) (string, role) { return thousands(list[i].Runs), dim }},
		{"callback", 5, 60, false, 3, func(i int) (string, role) { return list[i].Site, dim }},
	}
	drawTable(c, cols, len(list), &v.rows, focused)
	if len(list) == 0 {
		c.text(0, 1, dim, "no timer exists")
	}
}
