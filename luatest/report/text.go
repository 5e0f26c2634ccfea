package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// Text is for people: a line for each file with a mark for each test, what there is to say
// of each failure below it, and a summary.
//
//	.  passed        F  an assertion did not hold
//	p  pending       E  an error, a time-out, a reset
//	s  skipped
type Text struct {
	w     writer
	color bool
	again Again

	clean func(string) string // what a line must not have, for GitHub
}

// NewText returns a reporter that writes to w.
func NewText(w io.Writer, color bool, again Again) *Text {
	return &Text{w: writer{w: w}, color: color, again: again, clean: func(s string) string { return s }}
}

// Err is the first error of the writer.
func (t *Text) Err() error { return t.w.err }

// Colours, as SGR parameters of ECMA-48. What they say stands in the text, too.
const (
	green  = "32"
	red    = "31"
	yellow = "33"
	faint  = "2"
	bold   = "1"
)

func (t *Text) paint(how, s string) string {
	if !t.color || s == "" {
		return s
	}
	return "\x1b[" + how + "m" + s + "\x1b[0m"
}

var marks = [...]struct{ mark, color string }{
	luatest.Passed: {".", green}, luatest.Failed: {"F", red}, luatest.Broken: {"E", red}, luatest.Pending: {"p", yellow}, luatest.Skipped: {"s", yellow},
}

func (t *Text) Begin([]string) {}

func (t *Text) File(f *luatest.File) {
	var line strings.Builder
	for _, x := range f.Tests {
		m := marks[x.Status]
		line.WriteString(t.paint(m.color, m.mark))
	}
	if f.Failure != nil {
		line.WriteString(t.paint(red, "not loaded"))
	} else if len(f.Tests) == 0 {
		line.WriteString(t.paint(yellow, "no test"))
	}
	t.line(0, "%s %s %s", visible(f.Path), line.String(), t.paint(faint, fmt.Sprintf("%s on the device, %s", device(f.Virtual), span(f.Wall))))
	if f.Failure != nil {
		t.head("NOT LOADED", f.Path)
		t.failure(*f.Failure)
		t.block("the device's last lines:", f.Log)
		t.repeat(f, nil)
	}
	for _, x := range f.Tests {
		if x.Explored != nil {
			t.line(1, "%s %s: %s", t.paint(faint, "explored"), visible(x.FullName()), explored(x.Explored))
		}
	}
	for _, x := range f.Tests {
		if x.Status.Bad() {
			t.test(f, x)
		}
	}
}

func (t *Text) End(s luatest.Summary) {
	how := green
	if !s.OK() {
		how = red
	}
	t.line(0, "%s in %s; %s on the device, %s", t.paint(how, counts(s)), number(s.Files, "file"), device(int64(s.Virtual)), span(s.Wall))
}

// test tells of a test that has failed.
func (t *Text) test(f *luatest.File, x *luatest.Test) {
	t.head(strings.ToUpper(x.Status.String()), x.FullName())
	for _, why := range x.Failures {
		t.failure(placed(x, why))
	}
	if x.PostMortem != "" {
		t.block("memory ran out:", linesOf(x.PostMortem))
	}
	t.block("the device's last lines:", x.Log)
	t.repeat(f, x)
}

func (t *Text) head(what, name string) {
	t.line(1, "%s %s", t.paint(red, what), t.paint(bold, visible(name)))
}

func (t *Text) failure(why luatest.Failure) {
	message := linesOf(why.Message)
	if at := placeOf(why); at != "" {
		t.line(2, "%s: %s", at, message[0])
	} else {
		t.line(2, "%s", message[0])
	}
	for _, line := range message[1:] {
		t.line(2, "| %s", line)
	}
	if why.Source != "" {
		t.line(3, "%s %s", t.paint(faint, fmt.Sprintf("%d |", why.Line)), visible(why.Source))
	}
	if why.Compared {
		t.line(2, "%s, %s:", t.paint(green, "- expected"), t.paint(red, "+ actual"))
		for _, p := range diff(why.Expected, why.Actual) {
			how := map[rune]string{'-': green, '+': red, '^': red, '…': faint, ' ': ""}[p.kind]
			if how == "" {
				t.line(3, "| %s", p)
			} else {
				t.line(3, "| %s", t.paint(how, p.String()))
			}
		}
	}
	if why.Traceback != "" {
		trace := linesOf(why.Traceback)
		if trace[0] == "stack traceback:" {
			trace = trace[1:]
		}
		t.block("traceback:", trace)
	}
}

// block is a heading with lines below it.
func (t *Text) block(head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	t.line(2, "%s", head)
	for _, line := range lines {
		t.line(3, "%s %s", t.paint(faint, "|"), visible(line))
	}
}

func (t *Text) repeat(f *luatest.File, x *luatest.Test) {
	if x != nil && x.PassesAlone {
		t.line(2, "it passes alone: it depends on the tests before it")
	}
	if t.again != nil {
		t.line(2, "again: %s", t.again(f, x))
	}
	t.line(0, "")
}

func (t *Text) line(depth int, format string, args ...any) {
	t.w.printf("%s\n", strings.TrimRight(t.clean(strings.Repeat("  ", depth)+fmt.Sprintf(format, args...)), " "))
}
