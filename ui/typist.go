package ui

import (
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/input"
)

// typist types lines to a device as a person would: the next one when it has taken
// the one before and shows a prompt. Its receive buffer holds 256 bytes and loses
// what does not fit.
type typist struct {
	device string
	m      *model
	lines  []string  // still to be typed
	typed  time.Time // when the last one was
	before int       // lines the device had printed then
}

// patience is how long the typist waits for a prompt; a program may have taken the
// serial port over and show none.
const patience = time.Second

func (t *typist) add(line string) { t.lines = append(t.lines, line) }

// typeNext types the next line, if it is time to.
func (t *typist) typeNext(now time.Time, world *requests) {
	if len(t.lines) == 0 || world.clock().State().Paused {
		return
	}
	answered := t.m.serial.ended > t.before && t.m.prompt() != ""
	if !answered && now.Sub(t.typed) < patience {
		return
	}
	if world.send(t.device, input.Typed{Data: []byte(t.lines[0] + "\n")}, nil) {
		t.lines = t.lines[1:]
		t.typed, t.before = now, t.m.serial.ended
	}
}
