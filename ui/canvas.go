package ui

import (
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// rect is a part of the screen, in cells.
type rect struct{ x, y, w, h int }

func (r rect) contains(x, y int) bool {
	return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h
}

func (r rect) empty() bool { return r.w <= 0 || r.h <= 0 }

// canvas draws within a part of the screen; what does not fit is cut off.
// Coordinates are relative to the part.
type canvas struct {
	rect
	screen tcell.Screen
	theme  *theme
}

// sub is the canvas of a part of c.
func (c canvas) sub(x, y, w, h int) canvas {
	c.rect = rect{c.x + x, c.y + y, max(min(w, c.w-x), 0), max(min(h, c.h-y), 0)}
	return c
}

// part is sub for a rect.
func (c canvas) part(r rect) canvas { return c.sub(r.x, r.y, r.w, r.h) }

// text draws s at (x, y) and returns the column after it.
func (c canvas) text(x, y int, r role, s string) int {
	return c.styled(x, y, c.theme.style[r], s)
}

func (c canvas) styled(x, y int, style tcell.Style, s string) int {
	if y < 0 || y >= c.h {
		return x
	}
	for s != "" && x < c.w {
		if b := s[0]; b < 0x20 || b == 0x7f {
			c.screen.SetContent(c.x+x, c.y+y, c.theme.glyphs.control(rune(b)), nil, style)
			s = s[1:]
			x++
			continue
		}
		_, _, width, _ := uniseg.FirstGraphemeClusterInString(s, -1)
		if x+width > c.w {
			break
		}
		var n int
		s, n = c.screen.Put(c.x+x, c.y+y, s, style)
		x += max(n, 0)
	}
	return x
}

// right draws s so that it ends before column x, and returns where it starts.
func (c canvas) right(x, y int, r role, s string) int {
	start := x - width(s)
	c.text(max(start, 0), y, r, s)
	return start
}

// fit draws s within w cells and marks that it was cut.
func (c canvas) fit(x, y, w int, r role, s string) {
	if w <= 0 {
		return
	}
	if width(s) > w {
		mark := c.theme.glyphs.ellips
		s = cutWidth(s, w-width(mark)) + mark
	}
	c.sub(x, y, w, 1).text(0, 0, r, s)
}

// cell fills one cell.
func (c canvas) cell(x, y int, style tcell.Style, ch rune) {
	if x >= 0 && y >= 0 && x < c.w && y < c.h {
		c.screen.SetContent(c.x+x, c.y+y, ch, nil, style)
	}
}

// hline draws a rule over the whole width.
func (c canvas) hline(y int, r role) {
	for x := range c.w {
		c.cell(x, y, c.theme.style[r], c.theme.glyphs.hline)
	}
}

// restyle gives a row another look without changing its text.
func (c canvas) restyle(y int, r role) {
	if y < 0 || y >= c.h {
		return
	}
	for x := range c.w {
		s, _, _ := c.screen.Get(c.x+x, c.y+y)
		c.screen.Put(c.x+x, c.y+y, s, c.theme.style[r])
	}
}

// width is how many cells s takes.
func width(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// cutWidth returns as much of s as fits into w cells.
func cutWidth(s string, w int) string {
	head, _ := splitWidth(s, w)
	return head
}

// splitWidth splits s after as much as fits into w cells.
func splitWidth(s string, w int) (head, tail string) {
	rest, used, state := s, 0, -1
	for rest != "" {
		var n int
		var after string
		_, after, n, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if used+n > w {
			break
		}
		used += n
		rest = after
	}
	return s[:len(s)-len(rest)], rest
}
