package observe

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func output(s string) world.Event {
	return world.Event{Time: 1, Device: "d", Data: event.Output{Text: s}}
}

func echo(s string) world.Event {
	return world.Event{Time: 1, Device: "d", Data: event.Output{Text: s, Echo: true}}
}

func texts(list ...string) []Text {
	var out []Text
	for _, s := range list {
		out = append(out, Text{Text: s})
	}
	return out
}

func patterns(t *testing.T, list ...string) []Text {
	t.Helper()
	var out []Text
	for _, s := range list {
		p, err := Pattern(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestExpect(t *testing.T) {
	boom := world.Event{Data: event.Panic{Message: "boom", Traceback: "stack traceback:\n\t[C]: ?"}}
	uncaught := world.Event{Data: event.LuaError{Message: "boom", Where: "init.lua", Uncaught: true}}
	caught := world.Event{Data: event.LuaError{Message: "boom", Where: "tmr.alarm"}}
	typed := world.Event{Data: event.LuaError{Message: "boom", Where: "serial input"}}
	absent := world.Event{Data: event.LuaError{Message: "cannot open init.lua: ", Where: "init.lua", Absent: true}}
	bitten := world.Event{Data: event.Reset{Reason: "software watchdog reset", Fault: true}}
	restart := world.Event{Data: event.Reset{Reason: "software restart"}}
	all := Deaths{Panics: true, Resets: true}
	re := func(list ...string) []Text { return patterns(t, list...) }
	for _, tt := range []struct {
		name    string
		x       Expect
		events  []world.Event
		want    Verdict
		why     string
		missing string
	}{
		{"one text", Expect{Texts: texts("ready")}, []world.Event{output("get ready!")}, Passed, "", "[]"},
		{"across writes", Expect{Texts: texts("ready")}, []world.Event{output("re"), output("a"), output("dy")}, Passed, "", "[]"},
		{"across a line end", Expect{Texts: texts("a\nb")}, []world.Event{output("a\r\n"), output("b")}, Passed, "", "[]"},
		{"any order", Expect{Texts: texts("a", "b")}, []world.Event{output("b"), output("a")}, Passed, "", "[]"},
		{"missing", Expect{Texts: texts("a", "b")}, []world.Event{output("xbx")}, Undecided, "", "[a]"},
		{"forbidden", Expect{Texts: texts("ok"), FailOn: texts("PANIC")}, []world.Event{output("PAN"), output("IC"), output("ok")}, Failed, "seen: PANIC", "[ok]"},
		{"nothing happens", Expect{Texts: texts("ok")}, nil, Undecided, "", "[ok]"},
		{"nothing expected is never met", Expect{}, []world.Event{output("x")}, Undecided, "", "[]"},

		{"echo", Expect{Texts: texts("ok"), FailOn: texts("bad")}, []world.Event{echo("print('o'..'k', 'ok', 'bad')\r\n")}, Undecided, "", "[ok]"},
		{"answer", Expect{Texts: texts("ok")}, []world.Event{output("> "), echo("=x\r\n"), output("ok\r\n")}, Passed, "", "[]"},
		{"around an echo", Expect{Texts: texts("hello")}, []world.Event{output("hel"), echo("x"), output("lo")}, Passed, "", "[]"},

		{"pattern", Expect{InOrder: re(`^n=\d+$`)}, []world.Event{output("n=1"), output("2\r\n")}, Passed, "", "[]"},
		{"pattern that looks ahead", Expect{InOrder: re(`^n=\d$`)}, []world.Event{output("n=1"), output("2\r\n")}, Undecided, "", "[^n=\\d$]"},
		{"line that does not end", Expect{InOrder: re(`^n=\d`)}, []world.Event{output("n=1")}, Passed, "", "[]"},
		{"end of the run", Expect{InOrder: re(`^> $`)}, []world.Event{output("> ")}, Passed, "", "[]"},
		{"line after an echo", Expect{InOrder: re(`^12$`)}, []world.Event{output("> "), echo("=12\r\n"), output("12\r\n")}, Passed, "", "[]"},
		{"in order", Expect{InOrder: re("a", "b", "a")}, []world.Event{output("a"), output("b\r\n"), output("xa")}, Passed, "", "[]"},
		{"in one line", Expect{InOrder: re("a", "b", "a")}, []world.Event{output("aba")}, Passed, "", "[]"},
		{"in the wrong order", Expect{InOrder: re("a", "b")}, []world.Event{output("ba\r\n")}, Undecided, "", "[b]"},
		{"not once for two", Expect{InOrder: re("a", "a")}, []world.Event{output("a\r\n"), output("\r\n")}, Undecided, "", "[a]"},
		{"forbidden pattern", Expect{Texts: texts("ok"), FailOn: re("(?i)fail(ed|ure)")}, []world.Event{output("1 FAI"), output("LED"), output("ok")}, Failed, "seen: (?i)fail(ed|ure)", "[ok]"},
		{"texts and patterns", Expect{Texts: texts("b"), InOrder: re("a")}, []world.Event{output("a\r\n"), output("b")}, Passed, "", "[]"},

		{"panic", Expect{Deaths: all}, []world.Event{boom}, Failed, "panic: boom\nstack traceback:\n\t[C]: ?", "[]"},
		{"panic does not count", Expect{Texts: texts("ok")}, []world.Event{boom, uncaught, bitten, output("ok")}, Passed, "", "[]"},
		{"error that nothing catches", Expect{Deaths: all}, []world.Event{uncaught}, Failed, "error in init.lua: boom", "[]"},
		{"error that is caught", Expect{Deaths: all}, []world.Event{caught, typed, absent}, Undecided, "", "[]"},
		{"error that was typed", Expect{Deaths: Deaths{Typed: true}}, []world.Event{caught, typed}, Failed, "error in serial input: boom", "[]"},
		{"no init.lua", Expect{Deaths: Deaths{Typed: true}}, []world.Event{absent}, Failed, "error in init.lua: cannot open init.lua", "[]"},
		{"watchdog", Expect{Deaths: all}, []world.Event{bitten}, Failed, "software watchdog reset", "[]"},
		{"restart", Expect{Deaths: all}, []world.Event{restart}, Undecided, "", "[]"},
		{"dies in the same breath", Expect{Texts: texts("ok"), Deaths: all}, []world.Event{output("ok"), uncaught}, Failed, "error in init.lua: boom", "[]"},
		{"names", Expect{Names: true, FailOn: texts("x")}, []world.Event{output("x")}, Failed, "d: seen: x", "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			x := tt.x
			x.Decided = func() { calls++ }
			for _, e := range tt.events {
				x.Handle(e)
			}
			x.End()
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

// Texts of one device are not looked for in what others print, and patterns follow one
// another in time.
func TestExpectOfDevices(t *testing.T) {
	for _, tt := range []struct{ name, text string }{{"hub", "ok: yes"}, {"", "other: x"}, {"", "hub"}, {"", "hub:"}} {
		given := tt.text
		if tt.name != "" {
			given = tt.name + ":" + tt.text
		}
		if name, text := Of(given, []string{"hub", "sensor"}); name != tt.name || text != tt.text {
			t.Errorf("%q is %q of %q", given, text, name)
		}
	}
	say := func(device, text string) world.Event {
		return world.Event{Device: device, Data: event.Output{Text: text}}
	}
	order := patterns(t, "up", "up", "go")
	order[0].Device, order[1].Device = "sensor", "hub"
	x := Expect{Texts: []Text{{Device: "hub", Text: "ready"}}, InOrder: order}
	for _, e := range []world.Event{say("sensor", "ready"), say("hub", "up go "), say("sensor", "up\r\n")} {
		x.Handle(e)
	}
	if got := fmt.Sprint(x.Missing()); got != "[hub:ready hub:up go]" {
		t.Errorf("missing %s", got)
	}
	for _, e := range []world.Event{say("hub", "up ready\r\n"), say("sensor", "go")} {
		x.Handle(e)
	}
	if v, _ := x.Verdict(); v != Passed {
		t.Errorf("missing %v", x.Missing())
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
	x := &Expect{Texts: texts("hello"), FailOn: texts("help")}
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

// What was left out came before the panic that it ends in, and before what else is told.
func TestRepeatsComeBefore(t *testing.T) {
	var ev strings.Builder
	l := Log{Events: &ev}
	for range 2 * maxRepeats {
		l.Handle(world.Event{Data: event.Hint{Text: "careful"}})
	}
	for i := range 3 * maxRepeats {
		l.Handle(world.Event{Data: event.LuaError{Message: fmt.Sprint("error ", i)}})
	}
	l.Handle(world.Event{Data: event.Panic{Message: "boom"}})
	l.Flush()
	want := regexp.MustCompile(`(?s)careful\n  … and 10 times more\n.*error 9\n  … and 20 times more\n.*panic: boom\n$`)
	if got := ev.String(); !want.MatchString(got) {
		t.Errorf("got %s", got)
	}
}

func TestTimesOfTheLog(t *testing.T) {
	var ev strings.Builder
	l := Log{Events: &ev, Names: true}
	for _, at := range []clock.Time{1_000_000, 1_500_000, 1_200_000, 1_600_000} {
		l.Handle(world.Event{Time: at, Device: "d", Data: event.Note{Text: fmt.Sprint(at)}})
	}
	want := "[   1.000000] d note: 1000000\n[   1.500000] d note: 1500000\n[   1.500000] d note: 1200000\n[   1.600000] d note: 1600000\n"
	if got := ev.String(); got != want {
		t.Errorf("got %s", got)
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
