package ui

// Panes of the screen, in the order in which Tab goes through them.
type pane int

const (
	panePrompt pane = iota
	paneHeap
	paneSockets
	paneTimers
	panePins
	paneLog
	panes
)

// layout says where everything stands. A pane's first row is its title; a part
// that does not fit is empty.
type layout struct {
	header  rect
	panes   [panes]rect
	divider rect // between panes side by side
	footer  rect
}

// Sizes at which the layout changes.
const (
	leastWidth, leastHeight = 20, 4   // nothing useful fits into less
	gridWidth, gridHeight   = 72, 18  // from here on all panes are seen
	tallHeight              = 24      // from here on a narrow screen's header has three rows
	wideWidth               = 120     // from here on the log stands beside them
	pinsHeight              = 1 + 5   // 13 pins in three columns
	sidebar, widestSidebar  = 60, 100 // of a wide screen
)

// arrange makes the layout for a screen of w×h cells. zoomed is the one pane that
// is seen, or panePrompt when none is zoomed.
func arrange(w, h int, zoomed pane) layout {
	var l layout
	headerRows := 2
	switch {
	case h < gridHeight:
		headerRows = 1
	case w < wideWidth && h >= tallHeight:
		headerRows = 3
	}
	l.header = rect{0, 0, w, headerRows}
	l.footer = rect{0, h - 1, w, 1}
	l.panes[panePrompt] = rect{0, h - 2, w, 1}
	body := rect{0, headerRows, w, max(h-headerRows-2, 0)}
	switch {
	case zoomed != panePrompt:
		l.panes[zoomed] = body
	case w < gridWidth || h < gridHeight:
		small := 0
		if body.h >= 8 {
			small = 4
			l.panes[paneHeap] = rect{0, body.y, w, small}
		}
		l.panes[paneLog] = rect{0, body.y + small, w, body.h - small}
	case w < wideWidth:
		l.grid(body)
	default:
		l.sidebar(body)
	}
	return l
}

// grid puts heap and pins, then sockets and timers side by side above the log.
func (l *layout) grid(b rect) {
	top := max(pinsHeight, b.h*28/100)
	middle := max(5, b.h*24/100)
	left := b.w * 63 / 100
	right := b.w - left - 1
	l.panes[paneHeap] = rect{0, b.y, left, top}
	l.panes[panePins] = rect{left + 1, b.y, right, top}
	l.panes[paneSockets] = rect{0, b.y + top, left, middle}
	l.panes[paneTimers] = rect{left + 1, b.y + top, right, middle}
	l.panes[paneLog] = rect{0, b.y + top + middle, b.w, b.h - top - middle}
	l.divider = rect{left, b.y, 1, top + middle}
}

// sidebar puts the log on the left and the others above one another on the right.
func (l *layout) sidebar(b rect) {
	right := max(sidebar, min(b.w*45/100, widestSidebar))
	left := b.w - right - 1
	l.panes[paneLog] = rect{0, b.y, left, b.h}
	l.divider = rect{left, b.y, 1, b.h}
	pins := min(pinsHeight, b.h/4)
	rest := b.h - pins
	heap := max(rest*38/100, 3)
	sockets := max(rest*34/100, 3)
	y := b.y
	for _, p := range []struct {
		pane pane
		h    int
	}{{paneHeap, heap}, {paneSockets, sockets}, {paneTimers, rest - heap - sockets}, {panePins, pins}} {
		l.panes[p.pane] = rect{left + 1, y, right, p.h}
		y += p.h
	}
}
