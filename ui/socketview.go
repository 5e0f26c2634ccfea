package ui

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// socketView lists connections, listeners and UDP sockets.
type socketView struct {
	m *model
	rows
	cuts   map[wire.Flow]bool
	list   []sockets.Snapshot // as last drawn
	chosen sockets.Snapshot   // the selected one: rows come and go
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
	v.choose()
}

func (v *socketView) click(x, y int) {
	v.rows.click(x, y)
	v.choose()
}

func (v *socketView) choose() {
	if v.cursor < len(v.list) {
		v.chosen = v.list[v.cursor]
	}
}

func (v *socketView) page() int { return v.height }

// selected returns the socket that the next key acts on.
func (v *socketView) selected() (sockets.Snapshot, bool) {
	if v.cursor >= len(v.list) {
		return sockets.Snapshot{}, false
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

func socketRank(s sockets.Snapshot) int {
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
func sorted(unsorted []sockets.Snapshot) []sockets.Snapshot {
	list := slices.Clone(unsorted)
	slices.SortStableFunc(list, func(a, b sockets.Snapshot) int {
		return cmp.Or(cmp.Compare(socketRank(a), socketRank(b)), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (v *socketView) draw(c canvas, focused bool) {
	v.list = sorted(v.m.snap.Sockets)
	list := v.list
	if i := slices.IndexFunc(list, func(s sockets.Snapshot) bool { return sameSocket(s, v.chosen) }); i >= 0 {
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
			if f, ok := flowOf(&v.m.snap, list[i]); ok && v.cuts[f] {
				return "cut " + s, warn
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
