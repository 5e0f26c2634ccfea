package ui

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/pin"
)

// pinView shows level, mode and interrupt of each pin, in columns, and behind them
// the parts of the board under their names.
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

// selected returns the pin or the part in the row that keys act on: one of the two, or
// neither where the board has none.
func (v *pinView) selected() (*pin.Snapshot, *device.PartSnapshot) {
	s := &v.m.snap
	if v.cursor < len(s.Pins) {
		return &s.Pins[v.cursor], nil
	}
	if i := v.cursor - len(s.Pins); i < len(s.Parts) {
		return nil, &s.Parts[i]
	}
	return nil, nil
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
	pins, parts := v.m.snap.Pins, v.m.snap.Parts
	n := len(pins) + len(parts)
	if n == 0 {
		c.text(0, 0, dim, "the pins are unused")
		return
	}
	nameWidth := 0
	for _, p := range pins {
		nameWidth = max(nameWidth, width(p.Name))
	}
	// In full if all can be seen so, else in short.
	const full, short = len("interrupt both"), 3
	inFull := true
	perRow := max((c.w+1)/(nameWidth+3+full+1), 1)
	if perRow*c.h < n {
		inFull = false
		perRow = max((c.w+1)/(nameWidth+3+short+1), 1)
	}
	lines := (n + perRow - 1) / perRow
	cellWidth := (c.w + 1) / perRow
	v.n, v.height, v.lines, v.cellWidth = n, lines, lines, cellWidth
	v.move(0)
	v.top = max(v.cursor%lines-c.h+1, 0)
	for i := range n {
		x, y := i/lines*cellWidth, i%lines-v.top
		if y < 0 || y >= c.h {
			continue
		}
		cell := c.sub(x, y, cellWidth-1, 1)
		if i < len(pins) {
			drawPin(cell, pins[i], nameWidth, inFull)
		} else {
			drawPart(cell, parts[i-len(pins)], nameWidth)
		}
		if focused && i == v.cursor {
			cell.restyle(0, selected)
		}
	}
}

// drawPin draws name, level, and what the program has made of a pin.
func drawPin(cell canvas, p pin.Snapshot, nameWidth int, inFull bool) {
	role := dim
	if p.Level != 0 {
		role = good
	}
	if p.Driven {
		role = accent // someone outside decides it
	}
	cell.text(0, 0, text, p.Name)
	cell.text(nameWidth+1, 0, role, levelGlyph(cell, p.Level != 0))
	cell.fit(nameWidth+3, 0, cell.w-nameWidth-3, dim, pinMode(p, inFull))
}

// drawPart draws the name of a part of the board, whether it is on, and if there is
// room in which state it is.
func drawPart(cell canvas, p device.PartSnapshot, nameWidth int) {
	role := dim
	if p.On {
		role = accent
	}
	name := cut(p.Name, cell.w-2)
	cell.text(0, 0, text, name)
	x := max(nameWidth, width(name)) + 1
	cell.text(x, 0, role, levelGlyph(cell, p.On))
	if x += 2; x+width(p.State) <= cell.w {
		cell.text(x, 0, dim, p.State)
	}
}

func levelGlyph(c canvas, on bool) string {
	if on {
		return c.theme.glyphs.high
	}
	return c.theme.glyphs.low
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
