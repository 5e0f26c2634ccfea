package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/report"
)

// mergeFlags are the flags of merge as they were given.
type mergeFlags struct {
	junit, html string
	coverage    coverageFlags
}

func mergeCommand() *cobra.Command {
	var f mergeFlags
	c := &cobra.Command{
		Use:   "merge [flags] FILE or DIR...",
		Short: "Join the reports of shards",
		Long: `Join what the parts of a run (test --shard) have written: JUnit's XML, pages of
--html, and coverage as lcov. The result is what one run would have written, but for
times of this computer: they are added up. The page of --coverage-html shows sources
that are below the current directory.

Which file is what, merge sees by what stands in it. Below a directory it takes the
*.xml, *.info and *.html that it knows. Of these, what no flag asks for is left out.

Reports of shards know which part they are of and how the files were split. Parts that
were split in different ways, and one that is given twice, are an error: tests would be
missing or would count twice. Where a part is missing, the others are joined, and the
exit status is 1.

Exit status: 0 when all is joined, whatever the tests' results are; 1 when a shard is
missing or less than --coverage-min ran; 2 when something given was wrong.`,
		Example: `  nodemcu-sim merge --junit report.xml shards/*.xml
  nodemcu-sim merge --junit report.xml --html report --coverage lcov.info shards`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("merge takes the reports to join: JUnit, HTML and lcov files of nodemcu-sim test --shard")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	fl := c.Flags()
	fl.SortFlags = false
	fl.StringVar(&f.junit, "junit", "", "write the tests as JUnit's XML to this file")
	fl.StringVar(&f.html, "html", "", "write the tests' page to index.html in this directory")
	f.coverage.add(fl)
	for _, flag := range []string{"html", "coverage-html"} {
		if err := c.MarkFlagDirname(flag); err != nil {
			panic(err) // there is no such flag
		}
	}
	return c
}

// merged is what was read.
type merged struct {
	junit    []*report.JUnitReport
	pages    []*report.Results
	coverage lcov.Report

	names  map[report.Kind][]string // of the files of each kind
	shards map[report.Kind][]report.Shard
}

func (f *mergeFlags) run(c *cobra.Command, args []string) error {
	if f.junit+f.html == "" && !f.coverage.on() {
		return fmt.Errorf("say what to write: --junit FILE, --html DIR, --coverage FILE, --coverage-html DIR")
	}
	if err := f.coverage.checkLeast(); err != nil {
		return err
	}
	if f.html != "" && f.coverage.html != "" && filepath.Clean(f.html) == filepath.Clean(f.coverage.html) {
		return fmt.Errorf("--html and --coverage-html each write an index.html: give them directories of their own")
	}
	m := &merged{names: map[report.Kind][]string{}, shards: map[report.Kind][]report.Shard{}}
	for _, arg := range args {
		if err := f.take(m, arg); err != nil {
			return err
		}
	}
	outputs := []struct {
		flag, value string
		kind        report.Kind
		what        string
		page        bool
		write       func(io.Writer) error // nil: nothing is written
	}{
		{"--junit", f.junit, report.JUnitFile, "report of --junit", false, m.writeJUnit},
		{"--html", f.html, report.HTMLFile, "page of --html", true, m.writeHTML},
		{"--coverage", f.coverage.file, report.LCOVFile, "lcov file of --coverage", false, m.coverage.Write},
		{"--coverage-html", f.coverage.html, report.LCOVFile, "lcov file of --coverage", true, m.writeCoverageHTML},
		{"--coverage-min", f.coverage.least, report.LCOVFile, "lcov file of --coverage", false, nil},
	}
	missing := ""
	for _, o := range outputs {
		if o.value == "" {
			continue
		}
		if len(m.names[o.kind]) == 0 {
			return fmt.Errorf("%s: there is no %s in what was given", o.flag, o.what)
		}
		gaps, err := report.Missing(m.names[o.kind], m.shards[o.kind])
		if err != nil {
			return err
		}
		for _, s := range gaps {
			missing += fmt.Sprintf(" %s (%s)", s, o.flag)
		}
	}
	out := standardOutput(c.OutOrStdout(), nil)
	for _, o := range outputs {
		if o.value == "" || o.write == nil {
			continue
		}
		name := o.value
		if o.page {
			var err error
			if name, err = pageIn(o.flag, o.value); err != nil {
				return err
			}
		}
		if err := writeOutput(o.flag, name, o.write); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d joined\n", plain(name), len(m.names[o.kind]))
	}
	short := ""
	if f.coverage.on() {
		c := &luatest.Coverage{Report: &m.coverage}
		report.NewCoverageText(out, false).End(luatest.Summary{Coverage: c})
		short = f.coverage.short(c)
	}
	switch {
	case missing != "":
		return &statusError{exitFailed, "not all shards are there; missing:" + missing}
	case short != "":
		return &statusError{exitFailed, short}
	}
	return nil
}

// maxSource is how much of a source file is shown with its coverage.
const maxSource = 1 << 20

// writeCoverageHTML writes the page of coverage. An lcov file has no sources: they are those
// below the current directory, and no other file's, whatever paths somebody has written.
func (m *merged) writeCoverageHTML(w io.Writer) error {
	c := &luatest.Coverage{Report: &m.coverage, Sources: map[string][]byte{}}
	here, err := os.OpenRoot(".")
	if err != nil {
		return err
	}
	defer here.Close()
	for _, f := range m.coverage.Files() {
		if info, err := here.Stat(f.Path); err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
			continue
		}
		if text, err := here.ReadFile(f.Path); err == nil {
			c.Sources[f.Path] = text
		}
	}
	return report.WriteCoverageHTML(w, c)
}

// writeOutput writes a file that a flag names.
func writeOutput(flag, name string, write func(io.Writer) error) error {
	file, err := createOutput(flag, name, nil)
	if err != nil {
		return err
	}
	return file.finish(func() error { return write(file) })
}

// pageName is the file that --html writes in its directory.
const pageName = "index.html"

// pageIn makes the directory that a flag names and returns the name of its page.
func pageIn(flag, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf("%s: %w; name a directory that can be made", flag, err)
	}
	return filepath.Join(dir, pageName), nil
}

func (m *merged) writeJUnit(w io.Writer) error { return report.MergeJUnit(w, m.junit) }
func (m *merged) writeHTML(w io.Writer) error  { return report.MergeHTML(w, m.pages) }

// reports are the ends of the names of files that a directory is looked through for.
var reports = []string{".xml", ".info", ".html"}

// take reads a file, or the reports below a directory. What is written is none of these:
// it may be there from the last time.
func (f *mergeFlags) take(m *merged, arg string) error {
	info, err := os.Stat(arg)
	if err != nil {
		return fmt.Errorf("%w; merge takes files that test --junit, --coverage or --html wrote, and directories with them", err)
	}
	if !info.IsDir() {
		return f.read(m, arg, true)
	}
	return filepath.WalkDir(arg, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !slices.Contains(reports, filepath.Ext(name)) {
			return err
		}
		info, err := os.Stat(name)
		if err != nil || !info.Mode().IsRegular() || f.writes(info) {
			return nil
		}
		return f.read(m, name, false)
	})
}

// writes reports whether a file is one that is going to be written.
func (f *mergeFlags) writes(info fs.FileInfo) bool {
	for _, name := range []string{f.junit, filepath.Join(f.html, pageName), f.coverage.file, filepath.Join(f.coverage.html, pageName)} {
		if out, err := os.Stat(name); err == nil && os.SameFile(info, out) {
			return true
		}
	}
	return false
}

// maxInput is how much is read of a file.
const maxInput = 256 << 20

// read takes what a file has. A file that somebody named is one of ours.
func (f *mergeFlags) read(m *merged, name string, named bool) error {
	text, err := readAtMost(name, maxInput)
	if err != nil {
		return err
	}
	kind := report.KindOf(text)
	var shard report.Shard
	switch {
	case kind == report.JUnitFile && (named || f.junit != ""):
		var r *report.JUnitReport
		if r, err = report.ReadJUnit(text); err == nil {
			m.junit, shard = append(m.junit, r), r.Shard
		}
	case kind == report.HTMLFile && (named || f.html != ""):
		var r *report.Results
		if r, err = report.ReadHTML(text); err == nil {
			m.pages, shard = append(m.pages, r), r.Shard
		}
	case kind == report.LCOVFile && (named || f.coverage.on()):
		var r *lcov.Report
		if r, err = lcov.Read(bytes.NewReader(text)); err == nil {
			m.coverage.Add(r)
		}
	case kind == report.Unknown && named:
		err = errors.New("this is none of the reports that can be joined: JUnit's XML, lcov, and pages of test --html")
	case kind == report.OtherPage && named:
		err = errors.New("this page is none of test --html")
	default:
		return nil
	}
	if errors.Is(err, report.ErrForeign) && !named {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", plain(name), err)
	}
	m.names[kind] = append(m.names[kind], plain(name))
	m.shards[kind] = append(m.shards[kind], shard)
	return nil
}

// readAtMost reads a file that is no larger than so many bytes.
func readAtMost(name string, most int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d MB", plain(name), most>>20)
	}
	return text, err
}
