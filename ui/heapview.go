package ui

import (
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// heapView is the graph of the free heap. What has been free ever since the device
// started is drawn in colour, what was used at some time in grey above it.
type heapView struct {
	still
	m *model
}

// Levels of the free heap, in bytes. A request to a typical Lua web server takes
// 3.6–4 KB while it is in flight (reference: memory): below the first
// level the next one kills the device, below the second three at once do.
const (
	heapBad  = 4096
	heapWarn = 3 * 4096
)

// heapRole colours an amount of free heap.
func heapRole(free int) role {
	switch {
	case free < heapBad:
		return bad
	case free < heapWarn:
		return warn
	}
	return good
}

// leak is how many bytes of free heap a minute may be lost before the figure
// stands out: at that pace what a small program leaves free lasts an hour.
const leak = 512

func (v *heapView) name() string { return "Heap" }

func (v *heapView) details() []detail {
	h := v.m.snap.Heap
	if h.Total == 0 {
		return nil
	}
	ds := []detail{
		{heapRole(h.Free), thousands(h.Free) + " free"},
		{heapRole(h.Low), "low " + thousands(h.Low)},
	}
	if perMinute, ok := v.m.heap.trend(); ok {
		role, sign := dim, ""
		if perMinute > 0 {
			sign = "+"
		}
		if perMinute <= -leak {
			role = warn
		}
		ds = append(ds, detail{role, sign + thousands(perMinute) + "/min"})
	}
	ds = append(ds, detail{dim, thousands(h.Total-h.Free) + " used"})
	if h.Failed > 0 {
		ds = append(ds, detail{bad, thousands(h.Failed) + " failed"})
	}
	return ds
}

func (v *heapView) draw(c canvas, _ bool) {
	h := &v.m.heap
	if h.total == 0 || len(h.columns) == 0 {
		c.text(0, 0, dim, "the heap is not known yet")
		return
	}
	if c.h >= splitHeight {
		v.drawSplit(c.sub(0, c.h-1, c.w, 1))
		c.h--
	}
	const gutter = 7
	graph := c.sub(gutter, 0, c.w-gutter, c.h)
	if c.h >= 3 {
		graph.h--
		v.drawAxis(c.sub(gutter, c.h-1, c.w-gutter, 1))
	}
	c.right(gutter-1, 0, dim, thousands(h.total))
	if graph.h > 1 {
		if graph.h >= 4 {
			mid := graph.h / 2
			c.right(gutter-1, mid, dim, thousands(h.total*(graph.h-mid)/graph.h))
		}
		c.right(gutter-1, graph.h, dim, "0")
	}
	cols := h.columns[max(len(h.columns)-graph.w, 0):]
	left := graph.w - len(cols)
	for i, col := range cols {
		v.drawColumn(graph, left+i, col.min)
	}
}

// splitHeight is from how many rows on the last one says what the heap is used for.
const splitHeight = 5

// drawSplit draws what is used, by kind: in full, or in short where that does not
// fit.
func (v *heapView) drawSplit(c canvas) {
	k := v.m.snap.Heap.Kinds
	kinds := []struct {
		name, short string
		bytes       int
	}{
		{"strings", "str", k.Strings}, {"tables", "tab", k.Tables}, {"functions", "fn", k.Functions},
		{"userdata", "ud", k.Userdata}, {"network", "net", k.Network}, {"other", "oth", k.Other},
	}
	for form := range 3 {
		w := -2
		for _, k := range kinds {
			name, n := k.name, thousands(k.bytes)
			if form > 0 {
				name = k.short
			}
			if form > 1 {
				n = kilo(k.bytes)
			}
			w += width(name) + 1 + width(n) + 2
		}
		if w > c.w && form < 2 {
			continue
		}
		x := 0
		for _, k := range kinds {
			name, n, gap := k.name, thousands(k.bytes), 2
			if form > 0 {
				name = k.short
			}
			if form > 1 {
				n, gap = kilo(k.bytes), 1
			}
			x = c.text(x, 0, dim, name+" ")
			x = c.text(x, 0, text, n) + gap
		}
		return
	}
}

// drawColumn draws a bar as high as free, in steps of a part of a cell.
func (v *heapView) drawColumn(c canvas, x, free int) {
	h := &v.m.heap
	g := c.theme.glyphs
	parts := len(g.eighths) - 1
	units := func(n int) int { return max(min((n*c.h*parts+h.total/2)/h.total, c.h*parts), 0) }
	top, low := units(free), units(min(h.low, free))
	role := heapRole(free)
	for row := range c.h {
		y, base := c.h-1-row, row*parts
		filled, sure := min(max(top-base, 0), parts), min(max(low-base, 0), parts)
		switch {
		case filled == 0:
			return
		case sure == parts || sure == filled:
			c.cell(x, y, c.theme.style[role], g.eighths[filled])
		case c.theme.mono || parts < 8:
			if 2*filled >= parts {
				c.cell(x, y, c.theme.style[dim], g.shade)
			} else if sure > 0 {
				c.cell(x, y, c.theme.style[role], g.eighths[sure])
			}
		case sure == 0:
			c.cell(x, y, c.theme.style[dim], g.eighths[filled])
		case filled == parts:
			c.cell(x, y, c.theme.over(role), g.eighths[sure])
		default:
			c.cell(x, y, c.theme.style[role], g.eighths[filled])
		}
	}
}

// drawAxis draws how far back the graph reaches, and what happened when.
func (v *heapView) drawAxis(c canvas) {
	cols := v.m.heap.columns
	cols = cols[max(len(cols)-c.w, 0):]
	left := c.w - len(cols)
	back := cols[len(cols)-1].at.Sub(cols[0].at)
	if label := "-" + span(back); back >= clock.Second && left+len(label)+6 < c.w {
		c.text(left, 0, dim, label)
	}
	recent := mark(0)
	for _, col := range cols[max(len(cols)-4, 0):] {
		recent |= col.marks
	}
	if recent == 0 {
		c.right(c.w, 0, dim, "now")
	}
	for i, col := range cols {
		switch {
		case col.marks&markMemory != 0:
			c.text(left+i, 0, bad, "M")
		case col.marks&markReset != 0:
			c.text(left+i, 0, warn, "R")
		case col.marks&markSnapshot != 0:
			c.text(left+i, 0, accent, "S")
		}
	}
}
