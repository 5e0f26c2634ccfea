package ui

import "strings"

// logView shows the log from some line upwards: the newest when it follows, else
// the line at which the user stopped.
type logView struct {
	m       *model
	sources sources
	filter  string // only lines with this text, in any case
	search  string // lines with this text are marked
	found   int    // number of the last line found
	bottom  int    // number of the last line shown, when not following
	held    bool   // not following
	height  int    // as last drawn
	width   int

	firstSeen int // number of the first line on the screen
}

// sources chooses where lines come from.
type sources int

const (
	allSources sources = iota
	deviceOnly
	simOnly
	problemsOnly
	sourceChoices
)

var sourceNames = [sourceChoices]string{"all lines", "device only", "simulator only", "problems only"}

func (v *logView) name() string { return "Log" }

func (v *logView) details() []detail {
	var ds []detail
	if v.held {
		below := 0
		for n := v.bottom + 1; n < v.m.log.end(); n++ {
			if v.shows(v.m.log.at(n)) {
				below++
			}
		}
		ds = append(ds, detail{warn, thousands(below) + " below"})
	}
	if v.filter != "" {
		ds = append(ds, detail{accent, "/" + v.filter})
	}
	if v.search != "" {
		ds = append(ds, detail{accent, "search " + v.search})
	}
	if v.sources != allSources {
		ds = append(ds, detail{accent, sourceNames[v.sources]})
	}
	return append(ds, detail{dim, thousands(v.m.log.end() - v.m.log.start())})
}

func (v *logView) page() int { return max(v.height-1, 1) }

// shows reports whether a line passes the filters.
func (v *logView) shows(e *entry) bool {
	switch v.sources {
	case deviceOnly:
		if e.src != fromDevice {
			return false
		}
	case simOnly:
		if e.src == fromDevice {
			return false
		}
	case problemsOnly:
		if e.src != problem && e.role != bad {
			return false
		}
	}
	return v.filter == "" || strings.Contains(strings.ToLower(e.text), strings.ToLower(v.filter))
}

func (v *logView) scroll(lines int) {
	log := &v.m.log
	n := v.lastShown()
	for ; lines < 0 && n > log.start(); lines++ {
		for n--; n > log.start() && !v.shows(log.at(n)); n-- {
		}
	}
	for ; lines > 0 && n < log.end(); lines-- {
		for n++; n < log.end() && !v.shows(log.at(n)); n++ {
		}
	}
	v.show(n)
}

// show makes line n the last one seen; past the end it follows.
func (v *logView) show(n int) {
	v.bottom = max(n, v.topPage())
	v.held = v.bottom < v.m.log.end()-1
}

func (v *logView) follow() { v.held = false }

func (v *logView) lastShown() int {
	if !v.held {
		return v.m.log.end() - 1
	}
	return max(v.bottom, v.m.log.start())
}

// topPage is the line that ends the first page: scrolling up stops there.
func (v *logView) topPage() int {
	log := &v.m.log
	filled := 0
	for n := log.start(); n < log.end(); n++ {
		if e := log.at(n); v.shows(e) {
			if filled += len(v.wrap(e.text)); filled >= v.height {
				return n
			}
		}
	}
	return log.end() - 1
}

// margin is the width of time and tag, in which a line's text does not stand.
const (
	stampWidth = 12
	tagWidth   = 5
	margin     = stampWidth + 1 + tagWidth + 1
)

func (v *logView) wrap(s string) []string { return wrapText(s, max(v.width-margin, 8)) }

// wrapText breaks s into rows of at most w cells.
func wrapText(s string, w int) []string {
	var out []string
	for width(s) > w {
		head, tail := splitWidth(s, w)
		if head == "" {
			break
		}
		// Between words, unless that leaves much of the row empty.
		if i := strings.LastIndexByte(head, ' ') + 1; i > len(head)/2 && tail[0] != ' ' {
			head, tail = head[:i], head[i:]+tail
		}
		out, s = append(out, head), tail
	}
	return append(out, s)
}

// find makes the first line from number n on that has the searched text seen,
// upwards or downwards; with d 0 only line n is looked at. It reports whether
// there is one.
func (v *logView) find(n, d int) bool {
	log := &v.m.log
	if v.search == "" {
		return false
	}
	for ; n >= log.start() && n < log.end(); n += d {
		if e := log.at(n); v.shows(e) && matchAt(e.text, v.search) >= 0 {
			v.found = n
			v.reveal(n)
			return true
		}
		if d == 0 {
			break
		}
	}
	return false
}

// reveal scrolls so that line n is on the screen, in the middle when it was not.
func (v *logView) reveal(n int) {
	log := &v.m.log
	rows, top := 0, v.lastShown()
	for ; top > log.start() && rows < v.height; top-- {
		if e := log.at(top); v.shows(e) {
			rows += len(v.wrap(e.text))
		}
	}
	if n > top && n <= v.lastShown() {
		return
	}
	bottom := n
	for rows = 0; bottom < log.end()-1 && rows < v.height/2; bottom++ {
		if e := log.at(bottom); v.shows(e) {
			rows += len(v.wrap(e.text))
		}
	}
	v.show(bottom)
}

// matchAt returns where search occurs in s, in any case, or -1.
func matchAt(s, search string) int {
	if search == "" {
		return -1
	}
	return strings.Index(strings.ToLower(s), strings.ToLower(search))
}

// line is an entry as a line of text.
func (e *entry) line() string {
	return strings.TrimRight(stamp(e.at)+" "+padded(e.tag, tagWidth)+" "+e.text, " ")
}

func padded(s string, w int) string { return s + strings.Repeat(" ", max(w-len(s), 0)) }

// seen returns the lines on the screen, all those that pass the filters.
func (v *logView) seen() []string { return v.texts(v.firstSeen, v.lastShown()+1) }
func (v *logView) all() []string  { return v.texts(v.m.log.start(), v.m.log.end()) }

func (v *logView) texts(from, to int) []string {
	var out []string
	for n := max(from, v.m.log.start()); n < to; n++ {
		if e := v.m.log.at(n); v.shows(e) {
			out = append(out, e.line())
		}
	}
	return out
}

func (v *logView) draw(c canvas, _ bool) {
	v.height, v.width = c.h, c.w
	log := &v.m.log
	var upwards []*entry
	filled := 0
	take := func(e *entry) {
		upwards = append(upwards, e)
		filled += len(v.wrap(e.text))
	}
	if p := v.m.serial.partial(); !v.held && p != "" && v.m.prompt() == "" {
		take(&entry{at: v.m.serial.since, text: p})
	}
	for n := v.lastShown(); n >= log.start() && filled < c.h; n-- {
		if e := log.at(n); v.shows(e) {
			take(e)
			v.firstSeen = n
		}
	}
	y := min(c.h-filled, 0) // a short log stands at the top
	for i := len(upwards) - 1; i >= 0; i-- {
		y = v.drawEntry(c, y, upwards[i])
	}
}

// drawEntry draws a line from row y on and returns the row after it.
func (v *logView) drawEntry(c canvas, y int, e *entry) int {
	lines := v.wrap(e.text)
	c.text(0, y, dim, stamp(e.at))
	tagRole := e.role
	if tagRole == alarm {
		tagRole = bad
	}
	c.text(stampWidth+1, y, tagRole, e.tag)
	for i, s := range lines {
		x := margin
		if e.src == fromDevice && i == 0 && strings.HasPrefix(s, "> ") {
			x = c.text(x, y+i, dim, "> ") // what was typed, after the prompt
			s = s[2:]
		}
		c.text(x, y+i, e.role, s)
		v.mark(c, x, y+i, s)
	}
	return y + len(lines)
}

// mark shows where the searched text occurs in s, which stands at (x, y).
func (v *logView) mark(c canvas, x, y int, s string) {
	for {
		i := matchAt(s, v.search)
		if i < 0 || len(strings.ToLower(s)) != len(s) { // not the same bytes in lower case
			return
		}
		x += width(s[:i])
		s = s[i:]
		c.sub(x, y, c.w-x, 1).text(0, 0, selected, s[:len(v.search)])
		x += width(s[:len(v.search)])
		s = s[len(v.search):]
	}
}
