package report

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/nodemcu-sim/nodemcu-sim/luatest"
)

// Kind is what a file is.
type Kind int

// The values of Kind.
const (
	Unknown   Kind = iota
	JUnitFile      // JUnit's XML
	HTMLFile       // a page of HTML
	OtherPage      // an HTML page, none of HTML
	LCOVFile       // coverage, as lcov has it
)

// KindOf tells by what stands in a file.
func KindOf(text []byte) Kind {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	begin := bytes.ToLower(text[:min(len(text), 20)])
	switch {
	case bytes.HasPrefix(begin, []byte("<!doctype html")) && isHTML(text):
		return HTMLFile
	case bytes.HasPrefix(begin, []byte("<!doctype html")), bytes.HasPrefix(begin, []byte("<html")):
		return OtherPage
	case bytes.HasPrefix(begin, []byte("<")) && bytes.Contains(text, []byte("<testsuites")):
		return JUnitFile
	case bytes.HasPrefix(begin, []byte("tn:")), bytes.HasPrefix(begin, []byte("sf:")):
		return LCOVFile
	}
	return Unknown
}

// MergeJUnit writes the reports of parts as that of one run. Its time is the sum of theirs.
func MergeJUnit(w io.Writer, reports []*JUnitReport) error {
	all := junitAll{Name: junitName}
	time := 0.0
	for _, r := range reports {
		t, err := strconv.ParseFloat(r.all.Time, 64)
		if err != nil || math.IsNaN(t) || math.IsInf(t, 0) {
			return fmt.Errorf("a report has the time %.40q, which is no number of seconds", r.all.Time)
		}
		time += t
		all.Suites = append(all.Suites, r.all.Suites...)
	}
	all.Time = strconv.FormatFloat(time, 'f', 3, 64)
	for i := range all.Suites {
		s := &all.Suites[i]
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
	}
	slices.SortStableFunc(all.Suites, func(a, b junitSuite) int { return inOrder(a.seed(), b.seed(), a.File, b.File) })
	return all.write(w, Shard{})
}

// MergeHTML writes the pages of parts as that of one run. Its time on this computer is the
// sum of theirs.
func MergeHTML(w io.Writer, pages []*Results) error {
	var s luatest.Summary
	var files []*luatest.File
	of := map[*luatest.File]*Results{}
	for _, p := range pages {
		s.Wall += p.Wall
		for _, f := range p.Files {
			s.Add(f)
			of[f] = p
			files = append(files, f)
		}
	}
	slices.SortStableFunc(files, func(a, b *luatest.File) int { return inOrder(a.Seed, b.Seed, a.Path, b.Path) })
	h := NewHTML(w, nil)
	for _, f := range files {
		h.again = of[f].Again
		h.File(f)
	}
	h.End(s)
	return h.Err()
}
