package ui

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"
)

// svgCell is the size of a character cell of a picture, in pixels; svgFont that of
// the characters in it.
const (
	svgCellW, svgCellH = 8, 17
	svgFont            = 13
	svgMargin          = 10
)

// svgColours are what the picture makes of the terminal's colours that the theme
// uses, on a dark background.
var svgColours = map[tcell.Color]string{
	tcell.PaletteColor(1): "#f2777a", tcell.PaletteColor(2): "#99cc99", tcell.PaletteColor(3): "#ffcc66",
	tcell.PaletteColor(6): "#66cccc", tcell.PaletteColor(15): "#ffffff", tcell.PaletteColor(244): "#8a8a8a",
}

const svgForeground, svgBackground = "#d8d8d8", "#1d1f21"

// svg draws the screen as a picture: the same cells give the same bytes.
func (h *harness) svg() string {
	w, ht := h.screen.Size()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="%d">`+"\n",
		w*svgCellW+2*svgMargin, ht*svgCellH+2*svgMargin, svgFont)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="%s"/>`+"\n", svgBackground)
	for y := range ht {
		for x := 0; x < w; {
			start := x
			_, style, _ := h.screen.Get(x, y)
			var run strings.Builder
			for x < w {
				s, st, n := h.screen.Get(x, y)
				if st != style {
					break
				}
				if s == "" {
					s = " "
				}
				run.WriteString(s)
				x += max(n, 1)
			}
			h.svgRun(&b, start, y, x-start, run.String(), style)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// svgRun draws cells of one style.
func (h *harness) svgRun(b *strings.Builder, x, y, cells int, s string, style tcell.Style) {
	fg, bg, attrs := style.Decompose()
	front, back := svgForeground, svgBackground
	if c, ok := svgColours[fg]; ok {
		front = c
	}
	if c, ok := svgColours[bg]; ok {
		back = c
	}
	if attrs&tcell.AttrReverse != 0 {
		front, back = back, front
	}
	left, top := svgMargin+x*svgCellW, svgMargin+y*svgCellH
	if back != svgBackground {
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/>`+"\n", left, top, cells*svgCellW, svgCellH, back)
	}
	text := strings.TrimRight(s, " ")
	if text == "" {
		return
	}
	weight := ""
	if attrs&tcell.AttrBold != 0 {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" textLength="%d" fill="%s"%s xml:space="preserve">`, left, top+svgFont, width(text)*svgCellW, front, weight)
	_ = xml.EscapeText(b, []byte(text)) // a strings.Builder takes everything
	b.WriteString("</text>\n")
}
