package observe

import (
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Verdict is what a test run has come to.
type Verdict int

// Verdicts. Undecided means that expected texts are still missing.
const (
	Undecided Verdict = iota
	Passed            // every expected text was seen
	Failed            // a forbidden text or a panic was seen
)

// Expect watches the serial output for texts. Expected texts may come in any
// order and may stand across several writes; a forbidden one ends the run at
// once.
type Expect struct {
	Texts   []string // all must be seen
	FailOn  []string // none may be seen
	Panics  bool     // a panic fails the run
	Decided func()   // called once, when the verdict is known

	verdict Verdict
	why     string
	missing []string
	tails   map[string]string // the end of each device's output, long enough for a text cut in two
	started bool
}

// Handle is the subscriber.
func (x *Expect) Handle(e world.Event) {
	if !x.started {
		x.started = true
		x.missing = append([]string(nil), x.Texts...)
	}
	switch d := e.Data.(type) {
	case event.Panic:
		if x.Panics {
			x.decide(Failed, "panic: "+d.Message)
		}
	case event.Output:
		x.output(e.Device, Plain(d.Text))
	}
}

func (x *Expect) output(device, text string) {
	if x.verdict != Undecided {
		return
	}
	window := x.tails[device] + text
	for _, f := range x.FailOn {
		if strings.Contains(window, f) {
			x.decide(Failed, "seen: "+f)
			return
		}
	}
	left := x.missing[:0]
	for _, t := range x.missing {
		if !strings.Contains(window, t) {
			left = append(left, t)
		}
	}
	x.missing = left
	if len(x.Texts) > 0 && len(left) == 0 {
		x.decide(Passed, "")
		return
	}
	keep := 0
	for _, list := range [][]string{x.missing, x.FailOn} {
		for _, t := range list {
			keep = max(keep, len(t)-1)
		}
	}
	if x.tails == nil {
		x.tails = map[string]string{}
	}
	x.tails[device] = window[max(0, len(window)-keep):]
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

// Missing lists the expected texts that were not seen.
func (x *Expect) Missing() []string {
	if !x.started {
		return x.Texts
	}
	return x.missing
}
