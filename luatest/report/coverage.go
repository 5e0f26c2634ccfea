package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// Coverage shows how much of the apps ran when all tests are over: see NewLCOV,
// NewCoverageText and NewCoverageHTML.
type Coverage struct {
	write func(*luatest.Coverage) error
	err   error
}

// Err is the first error of the writer.
func (c *Coverage) Err() error { return c.err }

func (c *Coverage) Begin([]string)     {}
func (c *Coverage) File(*luatest.File) {}

func (c *Coverage) End(s luatest.Summary) {
	if s.Coverage != nil {
		c.err = c.write(s.Coverage)
	}
}

// NewLCOV returns a reporter that writes the counts in the format of lcov.
func NewLCOV(w io.Writer) *Coverage {
	return &Coverage{write: func(c *luatest.Coverage) error { return c.Report.Write(w) }}
}

// NewCoverageText returns a reporter that writes a line for each file with what it missed,
// and a total. No log takes a line of it for a command: see GitHub.
func NewCoverageText(w io.Writer, color bool) *Coverage {
	return &Coverage{write: func(c *luatest.Coverage) error {
		t := NewText(w, color, nil)
		t.clean = noCommand
		t.coverage(c)
		return t.Err()
	}}
}

// maxMissed is how many ranges of missed lines a line of text has.
const maxMissed = 12

func (t *Text) coverage(c *luatest.Coverage) {
	t.line(0, "")
	t.line(0, "%s", t.paint(bold, "coverage    lines   functions"))
	row := func(lines, functions lcov.Share, what string) {
		how := yellow
		switch lines.Hit {
		case lines.Found:
			how = green
		case 0:
			how = red
		}
		t.line(0, "%s %8s %11s  %s", t.paint(how, fmt.Sprintf("%8s", Percent(lines))), share(lines), share(functions), what)
	}
	files := c.Report.Files()
	for _, f := range files {
		what := visible(f.Path)
		if missed := ranges(f.Missed(), maxMissed); missed != "" {
			what += t.paint(faint, ", missed: "+missed)
		}
		row(f.LineShare(), f.FunctionShare(), what)
	}
	row(c.Report.Lines(), c.Report.Functions(), "in "+number(len(files), "file"))
	for _, note := range c.Notes {
		t.line(0, "note: %s", visible(note))
	}
}

// Percent is a share as people read it. Only where nothing is missing it is 100.
func Percent(s lcov.Share) string {
	if s.Found == 0 {
		return "100.0 %"
	}
	tenths := s.Hit * 1000 / s.Found
	return fmt.Sprintf("%d.%d %%", tenths/10, tenths%10)
}

func share(s lcov.Share) string { return fmt.Sprintf("%d/%d", s.Hit, s.Found) }

// ranges writes ranges of lines: "3, 7-9"; of more than most how many there are besides.
func ranges(list [][2]int, most int) string {
	var out []string
	for i, r := range list {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		if r[0] == r[1] {
			out = append(out, fmt.Sprint(r[0]))
		} else {
			out = append(out, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
	}
	return strings.Join(out, ", ")
}
