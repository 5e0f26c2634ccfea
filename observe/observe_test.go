package observe

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func output(s string) world.Event {
	return world.Event{Time: 1, Device: "d", Data: event.Output{Text: s}}
}

func TestExpect(t *testing.T) {
	boom := world.Event{Data: event.Panic{Message: "boom"}}
	for _, tt := range []struct {
		name    string
		x       Expect
		events  []world.Event
		want    Verdict
		why     string
		missing string
	}{
		{"one text", Expect{Texts: []string{"ready"}}, []world.Event{output("get ready!")}, Passed, "", "[]"},
		{"across writes", Expect{Texts: []string{"ready"}}, []world.Event{output("re"), output("a"), output("dy")}, Passed, "", "[]"},
		{"across a line end", Expect{Texts: []string{"a\nb"}}, []world.Event{output("a\r\n"), output("b")}, Passed, "", "[]"},
		{"any order", Expect{Texts: []string{"a", "b"}}, []world.Event{output("b"), output("a")}, Passed, "", "[]"},
		{"missing", Expect{Texts: []string{"a", "b"}}, []world.Event{output("xbx")}, Undecided, "", "[a]"},
		{"forbidden", Expect{Texts: []string{"ok"}, FailOn: []string{"PANIC"}}, []world.Event{output("PAN"), output("IC"), output("ok")}, Failed, "seen: PANIC", "[ok]"},
		{"panic counts", Expect{Panics: true}, []world.Event{boom}, Failed, "panic: boom", "[]"},
		{"panic does not count", Expect{Texts: []string{"ok"}}, []world.Event{boom, output("ok")}, Passed, "", "[]"},
		{"nothing happens", Expect{Texts: []string{"ok"}}, nil, Undecided, "", "[ok]"},
		{"nothing expected is never met", Expect{}, []world.Event{output("x")}, Undecided, "", "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			x := tt.x
			x.Decided = func() { calls++ }
			for _, e := range tt.events {
				x.Handle(e)
			}
			v, why := x.Verdict()
			if v != tt.want || why != tt.why || fmt.Sprint(x.Missing()) != tt.missing {
				t.Errorf("got %v %q missing %v", v, why, x.Missing())
			}
			if (v != Undecided) != (calls == 1) {
				t.Errorf("Decided was called %d times", calls)
			}
		})
	}
}

func TestLog(t *testing.T) {
	var dev, ev strings.Builder
	l := Log{Device: &dev, Events: &ev}
	l.Handle(output("hello\r\n> "))
	l.Handle(world.Event{Time: 1_500_000, Data: event.Boot{Reason: "power-on"}})
	l.Handle(world.Event{Data: event.Socket{ID: 1, State: "LISTEN"}})
	l.Handle(world.Event{Data: event.Callback{What: "tmr", CPU: 3}})
	if dev.String() != "hello\n> " || ev.String() != "[   1.500000] boot: power-on\n" {
		t.Errorf("device %q, events %q", dev.String(), ev.String())
	}
}

// TestSeveralDevices keeps the lines and the texts of devices apart.
func TestSeveralDevices(t *testing.T) {
	var out, events strings.Builder
	l := &Log{Device: &out, Events: &events, Names: true}
	x := &Expect{Texts: []string{"hello"}, FailOn: []string{"help"}}
	say := func(from, text string) {
		e := world.Event{Device: from, Data: event.Output{Text: text}}
		l.Handle(e)
		x.Handle(e)
	}
	say("a", "hel")
	say("b", "p!\r\nand")
	say("b", " so on\r\n\r\n")
	if v, why := x.Verdict(); v != Undecided {
		t.Errorf("%v: %s", v, why)
	}
	say("a", "lo\r\n> ")
	say("b", strings.Repeat("x", maxLine+1))
	l.Handle(world.Event{Device: "b", Data: event.Note{Text: "well"}})
	l.Flush()
	l.Flush()
	want := "b: p!\nb: and so on\nb: \na: hello\nb: " + strings.Repeat("x", maxLine) + "\na: > \nb: x\n"
	if got := out.String(); got != want {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := events.String(); got != "[   0.000000] b note: well\n" {
		t.Errorf("got %q", got)
	}
	if v, _ := x.Verdict(); v != Passed {
		t.Errorf("verdict %v", v)
	}
}

type badWriter struct{}

func (badWriter) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestWritersMayFail(t *testing.T) {
	l := Log{Device: badWriter{}, Events: badWriter{}}
	l.Handle(output("x"))
	j := NewJSON(badWriter{})
	j.Handle(output("x"))
	if l.Err() == nil || j.Flush() == nil {
		t.Error("the error of a writer was lost")
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	j := NewJSON(&b)
	j.Handle(output("<a>\r\n"))
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := `{"t":1,"dev":"d","ev":"output","data":{"text":"<a>\r\n"}}` + "\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestLogOfFlood(t *testing.T) {
	var ev strings.Builder
	l := Log{Events: &ev}
	for i := range 3000 {
		l.Handle(world.Event{Time: clock.At(clock.Duration(i) * clock.Millisecond), Data: event.LuaError{Message: "again"}})
	}
	l.Handle(world.Event{Time: clock.At(3 * clock.Second), Data: event.Boot{Reason: "power-on"}})
	l.Flush()
	if got := ev.String(); strings.Count(got, "again\n") != 3*maxRepeats || strings.Count(got, "… and 990 times more\n") != 3 || !strings.HasSuffix(got, "boot: power-on\n") {
		t.Errorf("got %s", got)
	}
}
