package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/sim"
)

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

// socketView lists connections, listeners and UDP sockets.
type socketView struct {
	m *model
	rows
	list   []sim.SocketSnapshot // as last drawn
	chosen int                  // id of the selected one: rows come and go
}

// Limits of a connection that the table warns of (fw: app/include/lwipopts.h,
// TCP_SND_BUF and TCP_SND_QUEUELEN).
const (
	sndBuf      = 2920
	sndQueueLen = 8
)

func (v *socketView) name() string { return "Sockets" }

func (v *socketView) details() []detail {
	waiting := 0
	for _, s := range v.m.snap.Sockets {
		if socketRank(s) == rankWaiting {
			waiting++
		}
	}
	ds := []detail{{dim, thousands(len(v.m.snap.Sockets)-waiting) + " open"}}
	if waiting > 0 {
		ds = append(ds, detail{dim, thousands(waiting) + " in TIME_WAIT"})
	}
	return ds
}

func (v *socketView) scroll(n int) {
	v.move(n)
	if v.cursor < len(v.list) {
		v.chosen = v.list[v.cursor].ID
	}
}

func (v *socketView) page() int { return v.height }

// selected returns the socket that the next key acts on.
func (v *socketView) selected() (sim.SocketSnapshot, bool) {
	if v.cursor >= len(v.list) {
		return sim.SocketSnapshot{}, false
	}
	return v.list[v.cursor], true
}

// Ranks of sockets in the table: listeners, then connections, then UDP, then
// connections that are over and only wait.
const (
	rankListener = iota
	rankConnection
	rankUDP
	rankWaiting
)

func socketRank(s sim.SocketSnapshot) int {
	switch {
	case strings.EqualFold(s.State, "TIME_WAIT"):
		return rankWaiting
	case strings.EqualFold(s.Proto, "udp"):
		return rankUDP
	case strings.EqualFold(s.State, "LISTEN"):
		return rankListener
	}
	return rankConnection
}

// sorted brings the sockets into the table's order, in which they keep their
// place for as long as their state allows.
func sorted(sockets []sim.SocketSnapshot) []sim.SocketSnapshot {
	list := slices.Clone(sockets)
	slices.SortStableFunc(list, func(a, b sim.SocketSnapshot) int {
		return cmp.Or(cmp.Compare(socketRank(a), socketRank(b)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (v *socketView) draw(c canvas, focused bool) {
	v.list = sorted(v.m.snap.Sockets)
	list := v.list
	if i := slices.IndexFunc(list, func(s sim.SocketSnapshot) bool { return s.ID == v.chosen }); i >= 0 {
		v.cursor = i
	}
	number := func(n int64) (string, role) {
		if n == 0 {
			return "0", dim
		}
		return thousands(n), text
	}
	filling := func(n, limit int) (string, role) {
		switch {
		case n >= limit:
			return thousands(n), bad
		case n > limit/2:
			return thousands(n), warn
		}
		return number(int64(n))
	}
	cols := []column{
		{"id", 4, 6, true, 0, func(i int) (string, role) {
			if list[i].ID == 0 {
				return "", dim // Lua no longer has it
			}
			return strconv.Itoa(list[i].ID), dim
		}},
		{"type", 4, 4, false, 4, func(i int) (string, role) { return strings.ToLower(list[i].Proto), text }},
		{"state", 11, 12, false, 1, func(i int) (string, role) {
			s := list[i].State
			if list[i].Held {
				s += " held"
			}
			return s, stateRole(s)
		}},
		{"local", 17, 21, false, 9, func(i int) (string, role) { return list[i].Local, text }},
		{"remote", 17, 21, false, 2, func(i int) (string, role) { return list[i].Remote, text }},
		{"queued", 6, 6, true, 7, func(i int) (string, role) { return filling(list[i].Queued, sndBuf) }},
		{"unacked", 7, 7, true, 3, func(i int) (string, role) { return filling(list[i].Unacked, sndBuf) }},
		{"seg", 3, 3, true, 8, func(i int) (string, role) { return filling(list[i].Segments, sndQueueLen) }},
		{"window", 6, 6, true, 11, func(i int) (string, role) { return number(int64(list[i].Window)) }},
		{"rx", 9, 11, true, 10, func(i int) (string, role) { return number(list[i].RxBytes) }},
		{"tx", 9, 11, true, 6, func(i int) (string, role) { return number(list[i].TxBytes) }},
		{"age", 6, 6, true, 5, func(i int) (string, role) { return span(list[i].Age), dim }},
		{"handlers", 8, 60, false, 12, func(i int) (string, role) { return strings.Join(list[i].Handlers, " "), dim }},
	}
	drawTable(c, cols, len(list), &v.rows, focused)
	if len(list) == 0 {
		c.text(0, 1, dim, "no socket is open")
	}
}

// stateRole colours a TCP state by what it means to the user.
func stateRole(state string) role {
	s := strings.ToLower(state)
	switch {
	case strings.HasPrefix(s, "establ"), strings.HasPrefix(s, "connect"):
		return good
	case strings.HasPrefix(s, "listen"), strings.HasPrefix(s, "bound"), strings.HasPrefix(s, "open"):
		return accent
	case strings.HasPrefix(s, "syn"):
		return warn
	}
	return dim
}

// timerView lists the Lua timers, and in its title the waiting tasks.
type timerView struct {
	m *model
	rows
}

// taskQueueLen is how many tasks of one priority can wait (fw: node.task.post).
const taskQueueLen = 8

func (v *timerView) name() string { return "Timers" }

func (v *timerView) details() []detail {
	ds := []detail{{dim, thousands(len(v.m.snap.Timers))}}
	waiting, role := "", dim
	for p, name := range []string{"low", "mid", "high"} {
		n := v.m.snap.Tasks[p]
		if n == 0 {
			continue
		}
		waiting = spaced(thousands(n), name, waiting)
		if n >= taskQueueLen {
			role = bad
		} else if n > taskQueueLen/2 && role != bad {
			role = warn
		}
	}
	if waiting == "" {
		return append(ds, detail{dim, "no task waits"})
	}
	return append(ds, detail{role, "tasks " + waiting})
}

func (v *timerView) scroll(n int) { v.move(n) }
func (v *timerView) page() int    { return v.height }

func (v *timerView) draw(c canvas, focused bool) {
	list := v.m.snap.Timers
	cols := []column{
		{"mode", 6, 6, false, 0, func(i int) (string, role) { return list[i].Mode, text }},
		{"every", 8, 8, true, 1, func(i int) (string, role) { return period(list[i].Interval), text }},
		{"due in", 7, 7, true, 2, func(i int) (string, role) {
			if list[i].DueIn < 0 {
				return "stopped", dim
			}
			return span(list[i].DueIn), good
		}},
		{"callback", 5, 60, false, 3, func(i int) (string, role) { return list[i].Site, dim }},
	}
	drawTable(c, cols, len(list), &v.rows, focused)
	if len(list) == 0 {
		c.text(0, 1, dim, "no timer exists")
	}
}

// pinView shows level, mode and interrupt of each pin, in columns.
type pinView struct {
	m *model
	rows
}

func (v *pinView) name() string { return "Pins" }

func (v *pinView) details() []detail {
	high := 0
	for _, p := range v.m.snap.Pins {
		high += p.Level
	}
	return []detail{{dim, thousands(high) + " high"}}
}

func (v *pinView) scroll(n int) { v.move(n) }
func (v *pinView) page() int    { return v.height }

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
	v.n, v.height = len(pins), lines
	v.move(0)
	top := max(v.cursor%lines-c.h+1, 0)
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
func pinMode(p sim.PinSnapshot, inFull bool) string {
	armed := p.Trig != "" && p.Trig != "none"
	switch {
	case inFull && armed:
		return p.Mode + " " + p.Trig
	case inFull && p.Pullup:
		return p.Mode + " pullup"
	case inFull:
		return p.Mode
	case p.Trig == "both":
		return "u/d"
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
