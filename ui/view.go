package ui

// view shows a part of the model in a pane of the screen.
type view interface {
	name() string
	// details are shown beside the name, the most important first; those that
	// do not fit are left out.
	details() []detail
	draw(c canvas, focused bool)
	// scroll moves by so many lines, towards the newest when positive.
	scroll(lines int)
	// page is how many lines are seen at once.
	page() int
}

// clickable is a view that has something to select at a point, given relative to
// what it draws.
type clickable interface{ click(x, y int) }

// detail is a short text and what it means.
type detail struct {
	role role
	text string
}

// drawTitle draws the rule above a pane: its name and the details.
func drawTitle(c canvas, v view, focused bool) {
	c.hline(0, dim)
	nameRole := strong
	if focused {
		nameRole = accent
	}
	x := c.text(2, 0, nameRole, " "+v.name()+" ")
	if focused {
		c.text(0, 0, accent, string(c.theme.glyphs.hline)+c.theme.glyphs.cursor)
	}
	ds := v.details()
	for len(ds) > 0 && detailsWidth(c, ds) > c.w-x-4 {
		ds = ds[:len(ds)-1]
	}
	if len(ds) == 0 {
		return
	}
	x = c.text(c.w-detailsWidth(c, ds)-1, 0, dim, " ")
	for i, d := range ds {
		if i > 0 {
			x = c.text(x, 0, dim, " "+c.theme.glyphs.dot+" ")
		}
		x = c.text(x, 0, d.role, d.text)
	}
	c.text(x, 0, dim, " ")
}

func detailsWidth(c canvas, ds []detail) int {
	w := 2
	for i, d := range ds {
		if i > 0 {
			w += 2 + width(c.theme.glyphs.dot)
		}
		w += width(d.text)
	}
	return w
}

// still is embedded by views that do not scroll.
type still struct{}

func (still) scroll(int) {}
func (still) page() int  { return 1 }
