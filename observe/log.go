package observe

import (
	"fmt"
	"io"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Log writes device output to one writer and, a line each, what the simulator
// has to say to another. Errors of the writers are kept, not acted on: a closed
// pipe must not stop the device.
//
// A device is ahead of the world while its CPU works, so what happens elsewhere
// meanwhile, on the air or on another device, may come after something later. Its line
// then has that later time: those of a log never run backwards.
type Log struct {
	Device  io.Writer // what the device sent to its serial port
	Events  io.Writer // boot, reset, panic, Wi-Fi, hints …
	Verbose bool      // also connections and pins
	// Names puts the device's name before each line, for worlds with several
	// devices. A line of output is then held back until it is complete.
	Names bool
	// Raw writes what devices send as it is, not as text. It needs a world with one device.
	Raw bool

	err    error
	now    clock.Time        // of the line that was written last
	last   repetition        // of a line
	floods []repetition      // of what a program can cause without end, in other words each time
	lines  map[string]string // incomplete lines by device
	order  []string          // of devices in lines, first output first
}

// Handle is the subscriber.
func (l *Log) Handle(e world.Event) {
	if out, ok := e.Data.(event.Output); ok {
		if l.Raw {
			l.write(l.Device, out.Text)
		} else {
			l.output(e.Device, Plain(out.Text))
		}
		return
	}
	if l.Events == nil {
		return
	}
	switch e.Data.(type) {
	case event.Callback:
		return
	case event.Socket, event.Pin:
		if !l.Verbose {
			return
		}
	}
	if text := Describe(e); text != "" {
		name := ""
		if l.Names {
			name = e.Device + " "
		}
		l.now = max(l.now, e.Time)
		l.endSecond(l.now)
		r := &l.last
		of := name + e.Data.Kind()
		line := fmt.Sprintf("%s: %s", of, text)
		switch e.Data.(type) {
		case event.LuaError, event.Memory:
			r = l.flood(of)
			l.flushRepeats(&l.last) // what came before is told before
		case event.Panic, event.PostMortem, event.Reset, event.Boot:
			l.flushAll()
			of = line
		default:
			of = line
		}
		l.event(l.now, r, of, cutLine(line))
	}
}

// repetition is how often the same has come: a line, the one that was written last, or
// a kind of event.
type repetition struct {
	of    string
	since clock.Time // when the present second began
	count int        // in that second
	more  int        // of these, not written
}

// maxRepeats is how often in a second of device time the same is written. A program
// whose error handler fails says so a hundred thousand times.
const maxRepeats = 10

// flood returns the repetition of a kind of event.
func (l *Log) flood(of string) *repetition {
	for i := range l.floods {
		if l.floods[i].of == of {
			return &l.floods[i]
		}
	}
	l.floods = append(l.floods, repetition{})
	return &l.floods[len(l.floods)-1]
}

func (l *Log) event(t clock.Time, r *repetition, of, line string) {
	if of != r.of {
		l.flushRepeats(r)
		*r = repetition{of: of, since: t}
	}
	if r.count++; r.count > maxRepeats {
		r.more++
		return
	}
	l.write(l.Events, fmt.Sprintf("[%11.6f] %s\n", t.Seconds(), line))
}

// endSecond ends the repetitions whose second is over.
func (l *Log) endSecond(t clock.Time) {
	end := func(r *repetition) {
		if t >= r.since.Add(clock.Second) {
			l.flushRepeats(r)
			r.of = "" // the next one begins another second
		}
	}
	end(&l.last)
	kept := l.floods[:0]
	for i := range l.floods {
		if end(&l.floods[i]); l.floods[i].of != "" {
			kept = append(kept, l.floods[i])
		}
	}
	l.floods = kept
}

// flushRepeats tells how many lines were left out.
func (l *Log) flushRepeats(r *repetition) {
	if r.more > 0 {
		l.write(l.Events, fmt.Sprintf("  … and %d times more\n", r.more))
		r.more = 0
	}
}

func (l *Log) flushAll() {
	l.flushRepeats(&l.last)
	for i := range l.floods {
		l.flushRepeats(&l.floods[i])
	}
}

// maxLine is where a line that does not end is cut, in bytes, and that of an event.
const maxLine = 4096

// cutLine shortens a line to maxLine, between two characters.
func cutLine(line string) string {
	if len(line) <= maxLine {
		return line
	}
	return strings.ToValidUTF8(line[:maxLine], "") + " …"
}

// output writes what a device printed.
func (l *Log) output(device, text string) {
	if !l.Names {
		l.write(l.Device, text)
		return
	}
	held, known := l.lines[device]
	if !known {
		if l.lines == nil {
			l.lines = map[string]string{}
		}
		l.order = append(l.order, device)
	}
	text = held + text
	for {
		line, rest, complete := strings.Cut(text, "\n")
		if len(line) > maxLine {
			line, rest = text[:maxLine], text[maxLine:]
		} else if !complete {
			break
		}
		l.write(l.Device, device+": "+line+"\n")
		text = rest
	}
	l.lines[device] = text
}

// Flush writes what was held back.
func (l *Log) Flush() {
	l.flushAll()
	for _, device := range l.order {
		if text := l.lines[device]; text != "" {
			l.write(l.Device, device+": "+text+"\n")
			l.lines[device] = ""
		}
	}
}

// Err returns the first error of a writer.
func (l *Log) Err() error { return l.err }

func (l *Log) write(w io.Writer, s string) {
	if w == nil {
		return
	}
	if _, err := io.WriteString(w, s); err != nil && l.err == nil {
		l.err = err
	}
}

// Plain turns serial output into text for a file or pipe: the carriage returns
// before line ends go.
func Plain(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// Describe puts an event into words, without time and kind. It returns "" for
// events that have none.
func Describe(e world.Event) string {
	switch d := e.Data.(type) {
	case event.Boot:
		return d.Reason
	case event.Reset:
		if d.Sleep > 0 {
			return fmt.Sprintf("%s for %g s", d.Reason, d.Sleep.Seconds())
		}
		return d.Reason
	case event.Restart:
		if d.Cause != "" {
			return d.Reason + ": " + d.Cause
		}
		return d.Reason
	case event.Panic:
		s := d.Message
		if d.Where != "" {
			s += " (in " + d.Where + ")"
		}
		return s
	case event.LuaError:
		s, _, _ := strings.Cut(d.Message, "\n")
		if d.Where != "" {
			s += " (in " + d.Where + ")"
		}
		return s
	case event.Memory:
		return fmt.Sprintf("no room for %d bytes, %d free", d.Request, d.Free)
	case event.PostMortem:
		return describePostMortem(d)
	case event.Callback:
		return fmt.Sprintf("%s took %d µs", d.What, d.CPU)
	case event.WiFi:
		s := d.Mode + " " + d.State
		if d.IP != "" {
			s += " " + d.IP
		}
		return s
	case event.Socket:
		s := fmt.Sprintf("#%d %s", d.ID, d.State)
		if d.Local.IsValid() {
			s += " " + d.Local.String()
		}
		if d.Remote.IsValid() {
			s += " ⇄ " + d.Remote.String()
		}
		return s
	case event.Pin:
		return fmt.Sprintf("%d is %d, by the %s", d.Pin, d.Level, d.By)
	case event.Hint:
		if d.Where != "" {
			return d.Where + ": " + d.Text
		}
		return d.Text
	case event.Note:
		return d.Text
	}
	return ""
}
