package ui

// overlay is a box in front of the panes: help, or the details of a row.
type overlay struct {
	title       string
	lines       func() []overlayLine // asked at each frame
	wrap        bool                 // texts that are too long go on in the next row
	top, height int
	n           int
}

// overlayLine is a row of an overlay: a heading, or a name and what it means.
type overlayLine struct {
	heading    bool
	name, text string
}

func (o *overlay) move(d int) { o.top = max(min(o.top+d, o.n-o.height), 0) }

// draw draws the box in the middle of c.
func (o *overlay) draw(c canvas) {
	lines := o.lines()
	if o.wrap {
		lines = wrapped(lines, c.w-4)
	}
	names, texts := 0, width(o.title)+4
	for _, l := range lines {
		if !l.heading {
			names = max(names, width(l.name))
		}
	}
	for _, l := range lines {
		if l.heading {
			texts = max(texts, width(l.name))
		} else {
			texts = max(texts, names+3+width(l.text))
		}
	}
	w, h := min(texts+4, c.w), min(len(lines)+2, c.h-2)
	box := c.sub((c.w-w)/2, max((c.h-h)/2, 0), w, h)
	o.n, o.height = len(lines), max(h-2, 0)
	o.move(0)
	box.frame()
	box.text(2, 0, accent, " "+o.title+" ")
	if o.n > o.height {
		box.right(w-2, h-1, dim, " "+thousands(o.top+o.height)+" of "+thousands(o.n)+" ")
	}
	inside := box.sub(2, 1, w-4, h-2)
	for y := range inside.h {
		if o.top+y >= len(lines) {
			break
		}
		switch l := lines[o.top+y]; {
		case l.heading:
			inside.text(0, y, strong, l.name)
		default:
			inside.text(0, y, accent, l.name)
			inside.fit(names+3, y, inside.w-names-3, text, l.text)
		}
	}
}

// wrapped breaks the texts of lines so that they fit into w cells with the names
// before them.
func wrapped(lines []overlayLine, w int) []overlayLine {
	names := 0
	for _, l := range lines {
		names = max(names, width(l.name))
	}
	var out []overlayLine
	for _, l := range lines {
		for _, part := range wrapText(l.text, max(w-names-3, 8)) {
			l.text = part
			out = append(out, l)
			l.name = ""
		}
	}
	return out
}

// frame empties c and draws a border around it.
func (c canvas) frame() {
	g, style := c.theme.glyphs, c.theme.style[dim]
	for y := range c.h {
		for x := range c.w {
			ch := ' '
			switch {
			case y == 0 || y == c.h-1:
				ch = g.hline
			case x == 0 || x == c.w-1:
				ch = g.vline
			}
			c.cell(x, y, style, ch)
		}
	}
	c.cell(0, 0, style, g.topLeft)
	c.cell(c.w-1, 0, style, g.topRight)
	c.cell(0, c.h-1, style, g.botLeft)
	c.cell(c.w-1, c.h-1, style, g.botRight)
}
