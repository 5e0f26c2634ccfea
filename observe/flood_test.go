package observe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A program that fails over and over in other words each time fills neither the log
// nor the disk, also when it runs out of memory between the errors; what else happens
// is there.
func TestLogOfErrorsThatDiffer(t *testing.T) {
	var ev strings.Builder
	l := Log{Events: &ev}
	const seconds, perSecond = 10, 200
	for i := range seconds * perSecond {
		at := clock.At(clock.Duration(i) * clock.Second / perSecond)
		l.Handle(world.Event{Time: at, Data: event.LuaError{Message: fmt.Sprint(i, strings.Repeat("é", 3000))}})
		l.Handle(world.Event{Time: at, Data: event.Memory{Request: i}})
		if i%perSecond == 0 {
			l.Handle(world.Event{Time: at, Data: event.Note{Text: fmt.Sprint("note ", i)}})
		}
	}
	l.Flush()
	got := ev.String()
	if n := strings.Count(got, "] error: "); n != seconds*maxRepeats {
		t.Errorf("%d errors", n)
	}
	if n := strings.Count(got, fmt.Sprintf("… and %d times more\n", perSecond-maxRepeats)); n != 2*seconds {
		t.Errorf("%d lines say what was left out, want %d", n, 2*seconds)
	}
	if n := strings.Count(got, "note "); n != seconds {
		t.Errorf("%d notes, want %d", n, seconds)
	}
	if len(got) > seconds*(maxRepeats+1)*(maxLine+200) {
		t.Errorf("%d bytes of log", len(got))
	}
	if strings.ContainsRune(got, '\uFFFD') {
		t.Error("a line is cut within a character")
	}
}
