package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/page"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// JUnit writes the XML that JUnit's runner for Ant began and CI servers read. A suite is a
// file in one repetition. "failure" is an assertion that did not hold, "error" all else.
//
// time is in seconds of this computer: it is what servers add up, and what tests are split
// by. The device's time is the property device_time of a suite, and the first line of a
// test's system-out; what a search for faults has found is the second.
//
// XML 1.0 can't have most control characters, in no notation: they are made visible.
type JUnit struct {
	Shard Shard // of which the report is

	w     io.Writer
	again Again
	all   junitAll
	err   error
}

// NewJUnit returns a reporter that writes to w at the end.
func NewJUnit(w io.Writer, again Again) *JUnit { return &JUnit{w: w, again: again} }

// Err is the first error of the writer.
func (j *JUnit) Err() error { return j.err }

type junitAll struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	File       string          `xml:"file,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name      string      `xml:"name,attr"`
	Classname string      `xml:"classname,attr"`
	Time      string      `xml:"time,attr"`
	File      string      `xml:"file,attr"`
	Line      int         `xml:"line,attr,omitempty"`
	Skipped   *junitWhy   `xml:"skipped"`
	Errors    []*junitWhy `xml:"error"`
	Failures  []*junitWhy `xml:"failure"`
	Out       string      `xml:"system-out,omitempty"`
}

type junitWhy struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// junitName is the name of all, by which a report is known to be ours.
const junitName = "nodemcu-sim test"

func (j *JUnit) Begin([]string) { j.all.Name = junitName }

func (j *JUnit) File(f *luatest.File) {
	s := junitSuite{
		Name: visible(f.Path), File: visible(f.Path), Time: seconds(f.Wall),
		Properties: []junitProperty{{"seed", strconv.FormatUint(f.Seed, 10)}, {"device_time", seconds(time.Duration(f.Virtual) * time.Microsecond)}},
	}
	if f.Failure != nil {
		c := junitCase{Name: "(loading the file)", Classname: className(f.Path, nil), Time: "0.000", File: visible(f.Path), Line: f.Failure.Line, Out: strings.Join(visibles(f.Log), "\n")}
		c.Errors = []*junitWhy{j.why(f, nil, *f.Failure, "not loaded")}
		s.Cases = append(s.Cases, c)
		s.Errors++
	}
	for _, x := range f.Tests {
		c := junitCase{Name: visible(x.FullName()), Classname: className(f.Path, x.Group), Time: seconds(x.Wall), File: visible(x.File), Line: x.Line}
		switch x.Status {
		case luatest.Pending, luatest.Skipped:
			c.Skipped = &junitWhy{Message: strings.TrimSpace(x.Status.String() + ": " + visible(x.Why))}
			s.Skipped++
		case luatest.Failed, luatest.Broken:
			// A test counts once, as what its status says; servers show all that is in it.
			for _, why := range x.Failures {
				if x.Status == luatest.Failed {
					c.Failures = append(c.Failures, j.why(f, x, why, x.Status.String()))
				} else {
					c.Errors = append(c.Errors, j.why(f, x, why, x.Status.String()))
				}
			}
			if x.Status == luatest.Failed {
				s.Failures++
			} else {
				s.Errors++
			}
		}
		if x.Status != luatest.Pending && x.Status != luatest.Skipped {
			head := []string{"device time " + seconds(time.Duration(x.Virtual)*time.Microsecond) + " s"}
			if x.Explored != nil {
				head = append(head, "explored: "+explored(x.Explored))
			}
			c.Out = strings.Join(append(head, visibles(x.Log)...), "\n")
		}
		s.Cases = append(s.Cases, c)
	}
	s.Tests = len(s.Cases)
	j.all.Tests += s.Tests
	j.all.Failures += s.Failures
	j.all.Errors += s.Errors
	j.all.Suites = append(j.all.Suites, s)
}

func (j *JUnit) End(s luatest.Summary) {
	j.all.Time = seconds(s.Wall)
	j.err = j.all.write(j.w, j.Shard)
}

func (all *junitAll) write(w io.Writer, s Shard) error {
	out, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	// Line ends stand in texts only; attributes have none (visible).
	text := strings.ReplaceAll(string(out), "&#xA;", "\n")
	_, err = fmt.Fprintf(w, "%s%s%s\n", xml.Header, s.instruction(), text)
	return err
}

// why is an element with the failure's text.
func (j *JUnit) why(f *luatest.File, x *luatest.Test, w luatest.Failure, kind string) *junitWhy {
	w = placed(x, w)
	text := page.Visible(w.Message)
	if at := placeOf(w); at != "" {
		text = at + ": " + text
	}
	if w.Source != "" {
		text += "\n    " + visible(w.Source)
	}
	if w.Compared {
		text += "\n" + diffText(w.Expected, w.Actual)
	}
	if w.Traceback != "" {
		text += "\n" + strings.Join(linesOf(w.Traceback), "\n")
	}
	if x != nil && x.PostMortem != "" {
		text += "\n" + page.Visible(x.PostMortem)
	}
	if j.again != nil {
		if x != nil && x.PassesAlone {
			text += "\nit passes alone: it depends on the tests before it"
		}
		text += "\nagain: " + j.again(f, x)
	}
	return &junitWhy{Message: visible(w.Message), Type: kind, Text: text}
}

// className is the file with the groups, joined by dots as servers take them apart: the
// file's name has none but that.
func className(path string, group []string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(path, ".lua"), ".test")
	parts := append([]string{strings.ReplaceAll(strings.ReplaceAll(name, ".", "_"), "\\", "/")}, group...)
	for i := range parts {
		parts[i] = visible(parts[i])
	}
	return strings.Join(parts, ".")
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
