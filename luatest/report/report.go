// Package report shows what became of tests: as text, TAP, JUnit's XML, lines of JSON,
// GitHub's annotations, and an HTML page; and how much of the apps ran: as lcov, text and a
// page. Each is a luatest.Reporter with a file of its own. The XML and the page of several
// parts of a run can be read back and joined (merge.go).
//
// It owns the formats and how text of a device is made harmless in each of them. It must
// not know how tests are found or run, nor the command's flags: what a person types to
// repeat a test it is given (Again).
//
// Times: the device's are the same in each run with the same seed; those of this computer
// are not, and are marked as such.
package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// Again returns the command that repeats a test, or a file's when t is nil.
type Again func(f *luatest.File, t *luatest.Test) string

// writer keeps the first error of what is written to.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) printf(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.w, format, args...)
	}
}

// visible is text of a device or of a program where it is to be one line.
func visible(s string) string {
	return page.Visible(strings.NewReplacer("\r\n", "␤", "\n", "␤", "\t", " ").Replace(s))
}

// linesOf are the lines of a text, each harmless.
func linesOf(s string) []string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		lines[i] = page.Visible(strings.ReplaceAll(line, "\t", "  "))
	}
	return lines
}

// placeOf is "file:line", or as much of it as is known.
func placeOf(w luatest.Failure) string {
	switch {
	case w.File == "":
		return ""
	case w.Line == 0:
		return visible(w.File)
	}
	return visible(w.File) + ":" + strconv.Itoa(w.Line)
}

// placed is a failure of a test with a place: its own or, where that is not known, that of
// the test. Its message begins with the faults under which the test ran.
func placed(t *luatest.Test, w luatest.Failure) luatest.Failure {
	if t != nil && t.Faults != "" {
		w.Message = "with " + t.Faults + ": " + w.Message
	}
	if w.File == "" && t != nil {
		w.File, w.Line = t.File, t.Line
	}
	return w
}

// explored is what a search for faults around a test has found, in words.
func explored(e *luatest.Explored) string {
	text := number(e.Cases, "case") + " of faults tried in " + number(e.Runs, "run")
	if e.Once {
		text += "; it does not pass twice on one flash: behind a power cut only the boot was looked at"
	}
	switch {
	case e.Needs == 0:
		return text
	case e.AtMost:
		return text + fmt.Sprintf("; needs no more than %s bytes of heap, the least there can be", thousands(e.Needs))
	}
	text += fmt.Sprintf("; needs %s bytes of heap", thousands(e.Needs))
	if e.Own > 0 {
		text += fmt.Sprintf(", %s of them for the test's own values", thousands(e.Own))
	}
	return text + " (" + visible(e.Site) + ")"
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// device is a time of the device, given in microseconds.
func device(us int64) string { return span(time.Duration(us) * time.Microsecond) }

// span writes a time with three digits: 12.3 ms.
func span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d.Microseconds())/1e3)
	case d < 1000*time.Second:
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
	return fmt.Sprintf("%d s", int64(d.Seconds()))
}

// number is a count with a noun.
func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// counts is a summary in words; what is zero is left out.
func counts(s luatest.Summary) string {
	parts := []string{fmt.Sprintf("%d passed", s.Passed)}
	for _, c := range []struct {
		n    int
		word string
	}{{s.Failed, "failed"}, {s.Broken, "broken"}, {s.Pending, "pending"}, {s.Skipped, "skipped"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.word))
		}
	}
	if s.Unloaded > 0 {
		parts = append(parts, number(s.Unloaded, "file")+" not loaded")
	}
	return strings.Join(parts, ", ")
}
