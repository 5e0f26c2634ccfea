package ui

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// logLines is how many lines the log keeps.
const logLines = 10_000

// source is where a line of the log comes from.
type source int

const (
	fromDevice source = iota // what the device sent out of its serial port
	fromSim                  // what the simulator saw
	problem                  // errors, panics, failed allocations and hints
)

// entry is a line of the log.
type entry struct {
	at   clock.Time
	src  source
	tag  string // what kind of line, at most 5 characters; empty for device output
	role role
	text string
}

// logbook keeps the last lines. A line's number stays the same for as long as it
// is kept.
type logbook struct {
	lines []entry
	first int // number of lines[0]
}

func (l *logbook) add(e entry) {
	const slack = logLines / 4 // so that moving the lines down is rare
	if len(l.lines) >= logLines+slack {
		n := copy(l.lines, l.lines[slack:])
		clear(l.lines[n:])
		l.lines = l.lines[:n]
		l.first += slack
	}
	l.lines = append(l.lines, e)
}

// start is the number of the oldest line kept, end one more than the newest's.
func (l *logbook) start() int { return max(l.first, l.end()-logLines) }
func (l *logbook) end() int   { return l.first + len(l.lines) }

func (l *logbook) at(n int) *entry { return &l.lines[n-l.first] }

func (l *logbook) clear() {
	l.first = l.end()
	l.lines = nil
}

// addOutput adds a line that the device has printed.
func (l *logbook) addOutput(at clock.Time, line string) {
	e := entry{at: at, text: line}
	line = strings.TrimPrefix(line, "> ") // the device was at its prompt
	if strings.HasPrefix(line, "PANIC:") || strings.HasPrefix(line, "E:M ") {
		e.role = bad
	}
	l.add(e)
}

// addEvent adds what the log shows of an event, which is nothing for some.
func (l *logbook) addEvent(e world.Event) {
	add := func(src source, tag string, r role, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
			if i > 0 {
				tag = ""
			}
			line = strings.ReplaceAll(line, "\t", "    ")
			l.add(entry{e.Time, src, tag, r, cut(line, maxLine)})
		}
	}
	switch d := e.Data.(type) {
	case event.Boot:
		add(fromSim, "boot", accent, "%s", d.Reason)
	case event.Reset:
		text := d.Reason
		if d.Sleep > 0 {
			text += fmt.Sprintf(" for %g s", d.Sleep.Seconds())
		}
		add(fromSim, "rst", warn, "%s", text)
	case event.Restart:
		if d.Cause != "" {
			add(fromSim, "rst", dim, "%s: %s", d.Reason, d.Cause)
			break
		}
		add(fromSim, "rst", dim, "%s asked for", d.Reason)
	case event.Panic:
		add(problem, "panic", alarm, "in %s: %s", orElse(d.Where, "Lua"), d.Message)
		if d.Traceback != "" {
			add(problem, "", bad, "%s", d.Traceback)
		}
	case event.LuaError:
		add(problem, "err", bad, "%s", prefixed(d.Where, d.Message))
	case event.Memory:
		add(problem, "mem", bad, "no room for %s bytes, %s are free", thousands(d.Request), thousands(d.Free))
	case event.PostMortem:
		add(problem, "heap", bad, "%s", observe.Describe(e))
	case event.WiFi:
		add(fromSim, "wifi", dim, "%s", spaced(d.Mode, d.State, d.IP))
	case event.Socket:
		add(fromSim, "net", dim, "#%d %s", d.ID, socketText(d))
	case event.Pin:
		level, by := "low", "by the program"
		if d.Level != 0 {
			level = "high"
		}
		if d.By == "outside" {
			by = "from outside"
		}
		add(fromSim, "pin", dim, "pin %d %s, %s", d.Pin, level, by)
	case event.Hint:
		add(problem, "hint", warn, "%s", prefixed(d.Where, d.Text))
	case event.Note:
		add(fromSim, "note", accent, "%s", d.Text)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func prefixed(where, text string) string {
	if where == "" {
		return text
	}
	return where + ": " + text
}

// spaced joins the parts that are not empty.
// socketText says what has happened to a socket.
func socketText(d event.Socket) string {
	text := func(a netip.AddrPort) string {
		if !a.IsValid() {
			return ""
		}
		return a.String()
	}
	return spaced(d.State, text(d.Local), text(d.Remote))
}

func spaced(parts ...string) string {
	var full []string
	for _, p := range parts {
		if p != "" {
			full = append(full, p)
		}
	}
	return strings.Join(full, " ")
}

func cut(s string, runes int) string {
	for i := range s {
		if runes == 0 {
			return s[:i]
		}
		runes--
	}
	return s
}
