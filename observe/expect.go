package observe

import (
	"slices"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Verdict is what a test run has come to.
type Verdict int

// Verdicts. Undecided means that something expected is still missing.
const (
	Undecided Verdict = iota
	Passed            // everything expected was seen
	Failed            // something forbidden was seen, or the program died
)

// Deaths says which ends of a program fail a run.
type Deaths struct {
	Panics bool // panics, and errors that nothing catches: in init.lua, a callback or a task
	Resets bool // those that nobody has asked for: a watchdog, an exception
	Typed  bool // errors in what was typed, and an init.lua that is not there
}

// Expect watches what devices print, without the echo of what is typed to them.
// Expected texts may come in any order, expected patterns come one after the other;
// something forbidden ends the run at once. A death after the verdict, in the same piece
// of work, makes it Failed.
type Expect struct {
	Texts   []Text // all must be seen
	InOrder []Text // each behind the one before
	FailOn  []Text // none may be seen
	Deaths  Deaths // what fails the run, too
	Names   bool   // reasons name the device
	Decided func() // called once, when the verdict is known

	verdict Verdict
	why     string
	started bool
	missing []Text
	ordered []Text     // of InOrder, still to come
	printed []*printed // by each device, in the order of its first output
}

// Handle is the subscriber.
func (x *Expect) Handle(e world.Event) {
	x.start()
	switch d := e.Data.(type) {
	case event.Panic:
		if x.Deaths.Panics {
			x.fail(e.Device, strings.TrimSpace("panic: "+d.Message+"\n"+d.Traceback))
		}
	case event.LuaError:
		if d.Uncaught && x.Deaths.Panics || !d.Uncaught && x.Deaths.Typed && (d.Absent || d.Where == typed) {
			x.fail(e.Device, "error in "+d.Where+": "+strings.TrimRight(d.Message, ": "))
		}
	case event.Reset:
		if d.Fault && x.Deaths.Resets {
			x.fail(e.Device, d.Reason)
		}
	case event.Output:
		x.output(e.Device, d)
	}
}

// typed is where errors of lines typed at the prompt happen.
const typed = "serial input"

func (x *Expect) start() {
	if !x.started {
		x.started = true
		x.missing, x.ordered = slices.Clone(x.Texts), slices.Clone(x.InOrder)
	}
}

// printed is what a device has printed and is still looked at.
type printed struct {
	device string
	tail   string // the end, long enough for a text that is cut in two
	line   string // a line that is not complete
	column int    // in it, where the next of the expected patterns may begin
}

// output looks at what a device sends. Of an echo only the line ends count.
func (x *Expect) output(device string, out event.Output) {
	if x.verdict != Undecided {
		return
	}
	i := slices.IndexFunc(x.printed, func(p *printed) bool { return p.device == device })
	if i < 0 {
		i = len(x.printed)
		x.printed = append(x.printed, &printed{device: device})
	}
	p, text := x.printed[i], Plain(out.Text)
	if out.Echo {
		text = strings.Repeat("\n", strings.Count(text, "\n"))
	}
	x.texts(p, text)
	x.patterns(p, text)
	x.check()
}

// texts looks for the texts in what a device prints.
func (x *Expect) texts(p *printed, text string) {
	window, longest := p.tail+text, 0
	seen := func(t Text) bool {
		if t.pattern == nil {
			longest = max(longest, len(t.Text))
		}
		return t.pattern == nil && t.by(p.device) && strings.Contains(window, t.Text)
	}
	for _, t := range x.FailOn {
		if seen(t) {
			x.fail(p.device, "seen: "+t.Text)
			return
		}
	}
	x.missing = slices.DeleteFunc(x.missing, seen)
	p.tail = window[max(0, len(window)-max(longest-1, 0)):]
}

// patterns holds the patterns against the lines that a device prints.
func (x *Expect) patterns(p *printed, text string) {
	for {
		line, rest, complete := strings.Cut(p.line+text, "\n")
		if !complete && len(line) > maxLine {
			complete = true // enough of one
		}
		p.line = line
		x.match(p, complete)
		if !complete {
			return
		}
		p.line, p.column, text = "", 0, rest
	}
}

// match holds the patterns against the line of a device.
func (x *Expect) match(p *printed, complete bool) {
	for _, t := range x.FailOn {
		if _, ok := t.match(p.line, 0, complete); ok && t.by(p.device) {
			x.fail(p.device, "seen: "+t.Text)
			return
		}
	}
	for len(x.ordered) > 0 {
		end, ok := x.ordered[0].match(p.line, p.column, complete)
		if !ok || !x.ordered[0].by(p.device) {
			return
		}
		x.ordered = x.ordered[1:]
		for _, other := range x.printed { // what they have printed came before
			other.column = len(other.line)
		}
		p.column = end
	}
}

// End is the end of the run: a line that is not complete ends there.
func (x *Expect) End() {
	x.start()
	for _, p := range x.printed {
		if x.verdict == Undecided {
			x.match(p, true)
			x.check()
		}
	}
}

// check decides when everything expected was seen.
func (x *Expect) check() {
	if len(x.Texts)+len(x.InOrder) > 0 && len(x.missing)+len(x.ordered) == 0 {
		x.decide(Passed, "")
	}
}

func (x *Expect) fail(device, why string) {
	if x.Names && device != "" {
		why = device + ": " + why
	}
	why = cutLine(why) // a traceback may be long
	if x.verdict == Passed {
		x.verdict, x.why = Failed, why
	}
	x.decide(Failed, why)
}

func (x *Expect) decide(v Verdict, why string) {
	if x.verdict != Undecided {
		return
	}
	x.verdict, x.why = v, why
	if x.Decided != nil {
		x.Decided()
	}
}

// Verdict returns the verdict so far and, of a failed run, why.
func (x *Expect) Verdict() (Verdict, string) { return x.verdict, x.why }

// Missing lists what was expected and not seen.
func (x *Expect) Missing() []string {
	x.start()
	var out []string
	for _, t := range append(slices.Clone(x.missing), x.ordered...) {
		out = append(out, t.String())
	}
	return out
}
