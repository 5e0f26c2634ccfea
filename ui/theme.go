package ui

import (
	"github.com/gdamore/tcell/v2"
)

// role is what a piece of text means; the theme says how that looks.
type role int

const (
	text     role = iota
	dim           // what frames the rest: labels, times, rules
	strong        // titles, the value that matters
	accent        // what has the focus, what the user may act on
	good          // as it should be
	warn          // look here
	bad           // something failed
	alarm         // the device has died of it
	keyName       // a key in the footer
	selected      // the row the next key acts on
	roles
)

// theme is how roles look on the terminal at hand, and which glyphs it has.
type theme struct {
	style  [roles]tcell.Style
	mono   bool
	glyphs glyphs
}

// glyphs are the characters beyond ASCII that the console draws, or what stands in
// for them on a terminal that lacks them.
type glyphs struct {
	hline, vline                         rune
	topLeft, topRight, botLeft, botRight rune
	// Where a vline meets hlines: a cross, and one without the part above, the
	// part below, left or right of it.
	cross, crossDown, crossUp, crossRight, crossLeft rune
	high, low                                        string // level of a pin
	run, paused, times, arrow, dot, ellips           string
	cursor                                           string
	shade                                            rune   // a full cell, fainter
	eighths                                          []rune // a cell filled from below: [0] empty, [len-1] full
	control                                          func(rune) rune
}

var unicodeGlyphs = glyphs{
	hline: '─', vline: '│', topLeft: '┌', topRight: '┐', botLeft: '└', botRight: '┘',
	cross: '┼', crossDown: '┬', crossUp: '┴', crossRight: '├', crossLeft: '┤',
	high: "●", low: "○",
	run: "▶", paused: "❚❚", times: "×", arrow: "→", dot: "·", ellips: "…",
	cursor:  "▸",
	shade:   '▒',
	eighths: []rune(" ▁▂▃▄▅▆▇█"),
	control: func(r rune) rune {
		if r < 0x20 {
			return '␀' + r
		}
		return '␡'
	},
}

var plainGlyphs = glyphs{
	hline: '-', vline: '|', topLeft: '+', topRight: '+', botLeft: '+', botRight: '+',
	cross: '+', crossDown: '+', crossUp: '+', crossRight: '+', crossLeft: '+',
	high: "#", low: ".",
	run: ">", paused: "||", times: "x", arrow: "->", dot: "-", ellips: "~",
	cursor:  ">",
	shade:   ':',
	eighths: []rune(" .#"),
	control: func(rune) rune { return '?' },
}

// newTheme makes the theme for a terminal with that many colours. The colours are
// the terminal's own sixteen, so that they fit its background, whichever that is;
// only the grey comes from the 256.
func newTheme(s tcell.Screen) *theme {
	t := &theme{glyphs: plainGlyphs}
	if s.CharacterSet() == "UTF-8" {
		t.glyphs = unicodeGlyphs
	}
	plain := tcell.StyleDefault
	colour := func(c tcell.Color) tcell.Style { return plain.Foreground(c) }
	switch n := s.Colors(); {
	case n < 8:
		t.mono = true
		t.style = [roles]tcell.Style{
			text: plain, dim: plain.Dim(true), strong: plain.Bold(true), accent: plain.Bold(true),
			good: plain, warn: plain.Bold(true), bad: plain.Bold(true).Underline(true),
			alarm: plain.Reverse(true).Bold(true), keyName: plain.Reverse(true), selected: plain.Reverse(true),
		}
		return t
	default:
		grey := plain.Dim(true)
		if n >= 256 {
			grey = colour(tcell.PaletteColor(244))
		}
		t.style = [roles]tcell.Style{
			text: plain, dim: grey, strong: plain.Bold(true), accent: colour(tcell.PaletteColor(6)),
			good: colour(tcell.PaletteColor(2)), warn: colour(tcell.PaletteColor(3)), bad: colour(tcell.PaletteColor(1)),
			alarm:   plain.Background(tcell.PaletteColor(1)).Foreground(tcell.PaletteColor(15)).Bold(true),
			keyName: plain.Reverse(true), selected: plain.Reverse(true),
		}
		return t
	}
}

// over is the style of a cell that shows r in front of the shade: both are filled
// cells, so the shade's foreground becomes the background.
func (t *theme) over(r role) tcell.Style {
	shade, _, _ := t.style[dim].Decompose()
	return t.style[r].Background(shade)
}
