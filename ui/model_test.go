package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestSerialTerminal(t *testing.T) {
	for _, c := range []struct {
		name    string
		in      []string
		lines   string
		partial string
	}{
		{"lines", []string{"a\r\nb\r\n"}, "a|b", ""},
		{"a prompt stays", []string{"x\r\n> "}, "x", "> "},
		{"erasing", []string{"> pront", "\b \b", "\b \b", "\b \b", "int(1)"}, "", "> print(1)"},
		{"carriage return overwrites", []string{"10%\r20%\r30%\r\n"}, "30%", ""},
		{"pieces of a character", []string{"gr\xc3", "\xbc\xc3\x9f\r\n"}, "grüß", ""},
		{"bytes that are no text", []string{"\xff\xfe!\r\n"}, "\ufffd\ufffd!", ""},
		{"colours are dropped", []string{"\x1b[1;31mred\x1b[", "0m\r\n"}, "red", ""},
		{"tabs", []string{"a\tb\r\n"}, "a       b", ""},
		{"a lone escape", []string{"\x1bcx\r\n"}, "x", ""},
		{"a long line goes on in the next", []string{strings.Repeat("x", maxLine) + "y\r\n"}, strings.Repeat("x", maxLine) + "|y", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s serial
			var lines []string
			for _, in := range c.in {
				s.write(0, in, func(_ clock.Time, l string) { lines = append(lines, l) })
			}
			if got := strings.Join(lines, "|"); got != c.lines || s.partial() != c.partial {
				t.Errorf("lines %q, partial %q; want %q, %q", got, s.partial(), c.lines, c.partial)
			}
		})
	}
}

func TestFeedIsBounded(t *testing.T) {
	f := newFeed("device", make(chan struct{}, 1))
	for i := range 100_000 {
		f.event(world.Event{Device: "device", Data: event.Output{Text: fmt.Sprintf("%d\r\n", i)}})
	}
	b := f.take()
	if len(b.events) > feedEvents || b.dropped+len(b.events) != 100_000 {
		t.Errorf("%d events kept, %d dropped", len(b.events), b.dropped)
	}
	if last := b.events[len(b.events)-1].Data.(event.Output).Text; last != "99999\r\n" {
		t.Errorf("the newest event is %q", last)
	}
	long := strings.Repeat("x", 40_000)
	for range 100 {
		f.event(world.Event{Device: "device", Data: event.Output{Text: long}})
	}
	if f.bytes > feedBytes {
		t.Errorf("%d bytes wait", f.bytes)
	}
	b = f.take()
	size := 0
	for _, e := range b.events {
		size += textSize(e)
	}
	if size == 0 || size > feedBytes || f.bytes != 0 {
		t.Errorf("%d bytes taken, %d counted as left", size, f.bytes)
	}
	f.event(world.Event{Device: "other", Data: event.Note{Text: "x"}})
	f.event(world.Event{Device: "device", Data: event.Callback{}})
	if b := f.take(); len(b.events) != 0 {
		t.Errorf("events of no concern: %v", b.events)
	}
}

func TestLostEventsAreSaid(t *testing.T) {
	var m model
	m.apply(batch{dropped: 1234}, time.Unix(0, 0))
	if e := m.log.at(0); !strings.Contains(e.text, "1,234 events") {
		t.Errorf("the log says %q", e.text)
	}
}

func TestLogKeepsTenThousandLines(t *testing.T) {
	var l logbook
	for i := range 50_000 {
		l.add(entry{text: fmt.Sprint(i)})
	}
	if n := l.end() - l.start(); n != logLines {
		t.Errorf("%d lines", n)
	}
	if got := l.at(l.start()).text; got != "40000" {
		t.Errorf("the oldest is %s", got)
	}
	if len(l.lines) > logLines+logLines/4 {
		t.Errorf("%d lines held", len(l.lines))
	}
	l.clear()
	if l.start() != 50_000 || l.end() != 50_000 {
		t.Errorf("after clear: %d to %d", l.start(), l.end())
	}
}

func TestHeapHistory(t *testing.T) {
	var h heapHistory
	wall := time.Unix(100, 0)
	add := func(at clock.Time, free int) {
		h.add(&device.Snapshot{Time: at, Heap: inspect.HeapUsage{Total: 40_000, Free: free, Low: free}}, wall)
	}
	add(1, 30_000)
	add(2, 20_000)
	add(3, 25_000)
	if len(h.columns) != 1 || h.columns[0].min != 20_000 || h.columns[0].max != 30_000 {
		t.Errorf("a second: %+v", h.columns)
	}
	wall = wall.Add(10 * time.Second)
	add(3, 25_000)
	if len(h.columns) != 1 {
		t.Errorf("a paused world adds columns: %+v", h.columns)
	}
	for i := range 60 {
		wall = wall.Add(time.Second)
		add(clock.At(clock.Duration(i+10)*clock.Second), 25_000-10*i)
	}
	if got, ok := h.trend(); !ok || got < -610 || got > -590 {
		t.Errorf("10 bytes a second are %d a minute, %v", got, ok)
	}
	h.mark(markReset)
	for i := range 5 {
		wall = wall.Add(time.Second)
		add(clock.At(clock.Duration(i+100)*clock.Second), 25_000)
	}
	if _, ok := h.trend(); ok {
		t.Error("a trend of five seconds")
	}
	for range 5000 {
		wall = wall.Add(time.Second)
		add(clock.Time(wall.Unix()), 1)
	}
	if len(h.columns) > 2*columnsKept {
		t.Errorf("%d columns", len(h.columns))
	}
}

func TestLoad(t *testing.T) {
	var l loadMeter
	for i := range 10 {
		l.add(clock.At(clock.Duration(i)*250*clock.Millisecond), clock.Duration(i)*50*clock.Millisecond)
	}
	if !l.known || l.percent != 20 {
		t.Errorf("load %d %%, known %v", l.percent, l.known)
	}
	l.add(clock.At(3*clock.Second), 0) // the device was reset
	l.add(clock.At(5*clock.Second), 2*clock.Second)
	if l.percent != 100 {
		t.Errorf("load %d %% after a reset", l.percent)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{thousands(0), "0"}, {thousands(999), "999"}, {thousands(1000), "1,000"}, {thousands(-1234567), "-1,234,567"},
		{uptime(12*clock.Minute + 41*clock.Second), "0:12:41"}, {uptime(76 * clock.Hour), "3d 04:00:00"},
		{stamp(clock.At(3*clock.Hour + 62*clock.Second + 5*clock.Millisecond)), "03:01:02.005"},
		{span(999), "999 us"}, {span(640 * clock.Millisecond), "640 ms"}, {span(4 * clock.Second), "4.0 s"},
		{span(90 * clock.Second), "90 s"}, {span(31 * clock.Minute), "31 min"}, {span(50 * clock.Hour), "50 h"}, {span(2400 * clock.Hour), "100 d"},
		{period(1500 * clock.Millisecond), "1,500 ms"}, {period(clock.Hour), "3,600 s"}, {period(100*clock.Second + clock.Millisecond), "100 s"},
		{speedName(0.25, "×"), "0.25×"}, {speedName(clock.Max, "×"), "max"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
