package main

import (
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/luatest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/report"
)

// test --coverage, --coverage-html and --coverage-min.

// coverageFlags are the flags as they were given.
type coverageFlags struct {
	file, html string
	least      string

	percent float64 // of least
}

func (f *coverageFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.file, "coverage", "", "write how often the app's lines and functions ran to this file, as lcov does")
	fl.StringVar(&f.html, "coverage-html", "", "write a page with the app's source and how often each line ran to index.html in this directory")
	fl.StringVar(&f.least, "coverage-min", "", "fail when less than this percentage of the app's lines ran")
}

// on reports whether anything is counted.
func (f *coverageFlags) on() bool { return f.file+f.html+f.least != "" }

// check looks at what was given, and completes the options.
func (f *coverageFlags) check(t *testFlags) error {
	o := &t.tests
	o.Coverage = f.on()
	switch {
	case !f.on():
		return nil
	case t.list:
		return fmt.Errorf("--list runs nothing: it goes without --coverage")
	case o.Explore > 0 || len(o.Faults) > 0:
		return fmt.Errorf("--coverage goes without --explore and --faults: it counts the tests as they are, each once")
	case t.watch && f.file+f.html != "":
		return fmt.Errorf("--watch goes without --coverage and --coverage-html: those are for the run that is kept; --coverage-min shows the summary each time")
	case t.html != "" && f.html != "" && filepath.Clean(t.html) == filepath.Clean(f.html):
		return fmt.Errorf("--html and --coverage-html each write an index.html: give them directories of their own")
	case f.least != "" && t.shard.given():
		return fmt.Errorf("--coverage-min goes without --shard: a part of the tests runs a part of the lines. Give it to nodemcu-sim merge")
	}
	return f.checkLeast()
}

// checkLeast looks at --coverage-min.
func (f *coverageFlags) checkLeast() (err error) {
	if f.least == "" {
		return nil
	}
	if f.percent, err = strconv.ParseFloat(f.least, 64); err != nil || !(f.percent >= 0 && f.percent <= 100) {
		return fmt.Errorf("--coverage-min %q: give a percentage from 0 to 100", f.least)
	}
	return nil
}

// short says that too little ran, if it did.
func (f *coverageFlags) short(c *luatest.Coverage) string {
	if f.least == "" || c == nil {
		return ""
	}
	switch lines := c.Report.Lines(); {
	case lines.Found == 0:
		return "--coverage-min: the app has no file that could be counted"
	case lines.Percent() < f.percent:
		return fmt.Sprintf("%s of the app's lines ran, and --coverage-min is %s %%", report.Percent(lines), f.least)
	}
	return ""
}
