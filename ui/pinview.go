package ui

import "github.com/nodemcu-sim/nodemcu-sim/device/pin"

// pinView shows level, mode and interrupt of each pin, in columns.
type pinView struct {
	m *model
	rows
	lines, cellWidth int // as last drawn
}

func (v *pinView) name() string { return "Pins" }

func (v *pinView) details() []detail {
	high := 0
	for _, p := range v.m.snap.Pins {
		high += p.Level
	}
	ds := []detail{{dim, thousands(high) + " high"}}
	if v.m.known {
		ds = append(ds, detail{dim, "ADC " + thousands(v.m.snap.ADC)})
	}
	return ds
}

func (v *pinView) scroll(n int) { v.move(n) }
func (v *pinView) page() int    { return v.height }

func (v *pinView) click(x, y int) {
	if v.lines == 0 || v.cellWidth == 0 || y < 0 || v.top+y >= v.lines {
		return
	}
	if i := x/v.cellWidth*v.lines + v.top + y; i < v.n {
		v.cursor = i
	}
}

func (v *pinView) draw(c canvas, focused bool) {
	pins := v.m.snap.Pins
	if len(pins) == 0 {
		c.text(0, 0, dim, "the pins are unused")
		return
	}
	nameWidth := 0
	for _, p := range pins {
		nameWidth = max(nameWidth, width(p.Name))
	}
	// In full if all pins can be seen so, else in short.
	const full, short = len("interrupt both"), 3
	inFull := true
	perRow := max((c.w+1)/(nameWidth+3+full+1), 1)
	if perRow*c.h < len(pins) {
		inFull = false
		perRow = max((c.w+1)/(nameWidth+3+short+1), 1)
	}
	lines := (len(pins) + perRow - 1) / perRow
	cellWidth := (c.w + 1) / perRow
	v.n, v.height, v.lines, v.cellWidth = len(pins), lines, lines, cellWidth
	v.move(0)
	v.top = max(v.cursor%lines-c.h+1, 0)
	top := v.top
	for i, p := range pins {
		x, y := i/lines*cellWidth, i%lines-top
		if y < 0 || y >= c.h {
			continue
		}
		cell := c.sub(x, y, cellWidth-1, 1)
		level, levelRole := c.theme.glyphs.low, dim
		if p.Level != 0 {
			level, levelRole = c.theme.glyphs.high, good
		}
		if p.Driven {
			levelRole = accent // someone outside decides it
		}
		cell.text(0, 0, text, p.Name)
		cell.text(nameWidth+1, 0, levelRole, level)
		mode := pinMode(p, inFull)
		cell.fit(nameWidth+3, 0, cell.w-nameWidth-3, dim, mode)
		if focused && i == v.cursor {
			cell.restyle(0, selected)
		}
	}
}

// pinMode says what the program has made of a pin; in short with 3 characters.
func pinMode(p pin.Snapshot, inFull bool) string {
	armed := p.Trig != "" && p.Trig != "none"
	switch {
	case inFull && armed:
		return p.Mode + " " + p.Trig
	case inFull && p.Pullup:
		return p.Mode + " pullup"
	case inFull:
		return p.Mode
	case armed && p.Trig == "both":
		return "u/d"
	case armed && p.Trig == "down":
		return "dn"
	case armed:
		return cut(p.Trig, 3)
	case p.Mode == "open drain":
		return "od"
	case p.Mode == "output":
		return "out"
	case p.Mode == "interrupt":
		return "int"
	}
	return cut(p.Mode, 2)
}
