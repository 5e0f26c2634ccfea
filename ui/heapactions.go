package ui

import (
	"strconv"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// listed is how many groups of objects an overlay shows.
const listed = 40

// heapActions collect garbage and compare heaps.
type heapActions struct {
	actor
	cfg *Config
}

func (a *heapActions) collectGarbage() {
	p := a.devices.shown
	a.world.send(p.device.Name(), input.CollectGarbage{}, func(reply string, _ error) {
		bytes, _ := strconv.Atoi(reply)
		p.note("garbage collected: " + thousands(bytes) + " bytes given back")
	})
}

// takeSnapshot takes a snapshot of the heap, saves it, and shows what has come and
// gone since the last one; the first time, what there is.
func (a *heapActions) takeSnapshot() {
	p := a.devices.shown
	var s *snapshot.Snapshot
	var file string
	var err error
	look := func() {
		if s = p.device.Inspect.HeapSnapshot("console"); s != nil && a.cfg.SaveHeap != nil {
			file, err = a.cfg.SaveHeap(s)
		}
	}
	a.world.look(look, func() {
		if s == nil {
			a.say("the device is not running: it has no heap yet")
			return
		}
		old := p.snapshot
		p.snapshot = s
		p.model.heap.mark(markSnapshot)
		lines := heapLines(s)
		title := "Heap at " + stamp(clock.Time(s.Time))
		if old != nil {
			lines = diffLines(s, old)
			title += ", against " + stamp(clock.Time(old.Time))
		}
		switch {
		case err != nil:
			a.say(err.Error())
		case file != "":
			title += ", saved to " + file
		}
		if a.devices.shown == p {
			a.boxes.overlay = &overlay{title: title, lines: func() []overlayLine { return lines }}
		}
	})
}

// heapLines lists what is in a heap: by kind, then by the place that made it.
func heapLines(s *snapshot.Snapshot) []overlayLine {
	group := func(gs []snapshot.Group) (out []overlayLine) {
		for _, g := range gs[:min(len(gs), listed)] {
			out = append(out, overlayLine{name: leftPad(thousands(g.Bytes), amount), text: spaced(g.Kind, g.Name, times(g.Count))})
		}
		return out
	}
	lines := []overlayLine{{heading: true, name: "Bytes by kind"}}
	lines = append(lines, group(s.ByKind())...)
	lines = append(lines, overlayLine{}, overlayLine{heading: true, name: "Bytes by the place that made it"})
	return append(lines, group(s.BySite())...)
}

// diffLines lists what has come and gone between two snapshots.
func diffLines(s, old *snapshot.Snapshot) []overlayLine {
	var lines []overlayLine
	if s.Boot != old.Boot {
		lines = append(lines, overlayLine{name: leftPad("", amount), text: "the device was reset: everything is new"})
	}
	total := 0
	changes := s.Diff(old)
	for _, d := range changes {
		total += d.Bytes()
	}
	lines = append(lines, overlayLine{name: leftPad(signed(total), amount), text: "bytes in all"}, overlayLine{})
	for _, d := range changes[:min(len(changes), listed)] {
		lines = append(lines, overlayLine{name: leftPad(signed(d.Bytes()), amount),
			text: spaced(d.Kind, d.Name, "+"+thousands(d.Added), "-"+thousands(d.Freed))})
	}
	if len(changes) == 0 {
		lines = append(lines, overlayLine{text: "nothing has changed"})
	}
	return lines
}

// amount is the width of a number of bytes in these lists.
const amount = 8

func leftPad(s string, w int) string { return padded("", w-width(s)) + s }

func times(n int) string {
	if n == 1 {
		return ""
	}
	return "(" + thousands(n) + ")"
}

func signed(n int) string {
	if n > 0 {
		return "+" + thousands(n)
	}
	return thousands(n)
}
