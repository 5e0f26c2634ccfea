package ui

// window is the panes on the terminal: where each stands, which one has the focus,
// and which is alone. The views in them are those of the device on show.
type window struct {
	devices *devices
	layout  layout
	focus   pane
	zoomed  pane // panePrompt: none
}

// moveFocus goes to the next pane that is seen.
func (w *window) moveFocus(d int) {
	for range panes {
		w.focus = (w.focus + pane(d) + panes) % panes
		if !w.layout.panes[w.focus].empty() {
			return
		}
	}
}

// scrolling is the view that scroll keys act on.
func (w *window) scrolling() view {
	if v := w.devices.shown.views[w.focus]; v != nil {
		return v
	}
	return w.devices.shown.log
}

func (w *window) scroll(n int) { w.scrolling().scroll(n) }

func (w *window) scrollPage(d int) {
	v := w.scrolling()
	v.scroll(d * v.page())
}

// zoom shows the pane in focus alone, or all of them again.
func (w *window) zoom() {
	switch {
	case w.zoomed != panePrompt:
		w.zoomed = panePrompt
	case w.focus == panePrompt:
		w.zoomed = paneLog
	default:
		w.zoomed = w.focus
	}
}

// wheel scrolls the pane at a point of the terminal.
func (w *window) wheel(x, y, lines int) {
	for p, r := range w.layout.panes {
		if v := w.devices.shown.views[p]; v != nil && r.contains(x, y) {
			v.scroll(lines)
		}
	}
}

// click gives the pane at a point of the terminal the focus and selects the row.
func (w *window) click(x, y int) {
	for p, r := range w.layout.panes {
		if !r.contains(x, y) {
			continue
		}
		w.focus = pane(p)
		if v, ok := w.devices.shown.views[p].(clickable); ok {
			v.click(x-r.x, y-r.y-1)
		}
	}
}

// arrange lays the panes out for a terminal of that size.
func (w *window) arrange(width, height int) {
	w.layout = arrange(width, height, w.zoomed)
	if w.layout.panes[w.focus].empty() {
		w.focus = panePrompt // the window has become too small for the pane
	}
}

// draw draws the panes, but for the prompt.
func (w *window) draw(full canvas) {
	for p, v := range w.devices.shown.views {
		if r := w.layout.panes[p]; v != nil && !r.empty() {
			focused := pane(p) == w.focus
			drawTitle(full.part(rect{r.x, r.y, r.w, 1}), v, focused)
			v.draw(full.part(rect{r.x, r.y + 1, r.w, r.h - 1}), focused)
		}
	}
	w.drawDivider(full)
}

// drawDivider draws the line between panes side by side, which joins their titles.
func (w *window) drawDivider(full canvas) {
	d, g := w.layout.divider, full.theme.glyphs
	title := func(x, y int) bool {
		for _, r := range w.layout.panes[paneHeap:] {
			if y == r.y && r.contains(x, y) {
				return true
			}
		}
		return false
	}
	for y := d.y; y <= d.y+d.h; y++ {
		left, right := title(d.x-1, y), title(d.x+1, y)
		ch := g.vline
		switch {
		case y == d.y+d.h:
			if !title(d.x, y) {
				continue // the panes side by side end at the prompt
			}
			ch = g.crossUp
		case y == d.y:
			ch = g.crossDown
		case left && right:
			ch = g.cross
		case right:
			ch = g.crossRight
		case left:
			ch = g.crossLeft
		}
		if d.empty() {
			continue
		}
		if at, _, _ := full.screen.Get(d.x, y); y == d.y+d.h && at != string(g.hline) {
			continue // a text of the title stands there
		}
		full.cell(d.x, y, full.theme.style[dim], ch)
	}
}
