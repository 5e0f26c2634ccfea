package ui

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// hint is what the simulator has said about the program, once or more often.
type hint struct {
	where, text string
	count       int
	last        clock.Time
}

// hintsKept is how many different hints are kept.
const hintsKept = 200

func (m *model) addHint(at clock.Time, d event.Hint) {
	for i := range m.hints {
		if h := &m.hints[i]; h.where == d.Where && h.text == d.Text {
			h.count++
			h.last = at
			return
		}
	}
	if len(m.hints) == hintsKept {
		m.hints = m.hints[1:]
	}
	m.hints = append(m.hints, hint{d.Where, d.Text, 1, at})
}

// hintBox lists the hints, each once.
func (p *page) hintBox() *overlay {
	return &overlay{title: "Hints", wrap: true, lines: func() []overlayLine {
		if len(p.model.hints) == 0 {
			return []overlayLine{{name: "none", text: "the program does nothing that is known to lose data or leak"}}
		}
		var out []overlayLine
		for _, h := range p.model.hints {
			times := ""
			if h.count > 1 {
				times = " (" + thousands(h.count) + " times)"
			}
			out = append(out, overlayLine{name: orElse(h.where, stamp(h.last)), text: h.text + times})
		}
		return out
	}}
}
