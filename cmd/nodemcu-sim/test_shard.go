package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/internal/lcov"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/report"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/shard"
)

// test --shard: a part of the test files, with the others on other machines.

// shardFlags are its flags as they were given, and the part.
type shardFlags struct {
	text, durations string
	flags           *pflag.FlagSet

	part shard.Part
	of   report.Shard // what reports say of it
}

func (s *shardFlags) add(fl *pflag.FlagSet) {
	s.flags = fl
	fl.StringVar(&s.text, "shard", "", "run one of N parts of the files: I/N, from 1/N to N/N; auto/N, by JOB_COMPLETION_INDEX (Kubernetes) or CI_NODE_INDEX (GitLab); auto, by CI_NODE_INDEX and CI_NODE_TOTAL")
	fl.StringVar(&s.durations, "durations", "", "split by the times in this report of an earlier run's --junit, the same file for every shard; without it by name")
}

// given reports whether there is --shard. An empty one, of a variable that is not set, must
// not run all tests on each machine.
func (s *shardFlags) given() bool { return s.flags.Changed("shard") }

// check looks at what was given.
func (s *shardFlags) check(watch bool) (err error) {
	switch {
	case !s.given() && s.durations != "":
		return fmt.Errorf("--durations goes with --shard")
	case s.given() && watch:
		return fmt.Errorf("--shard and --watch do not go together")
	case !s.given():
		return nil
	}
	if s.part, err = shard.Parse(s.text, os.Getenv); err != nil {
		return fmt.Errorf("--shard %q: %w", s.text, err)
	}
	return nil
}

// pick returns the files of the part, of those that paths name, and tells of them. Without
// --shard it returns paths.
func (s *shardFlags) pick(paths []string, errs io.Writer) ([]string, error) {
	if !s.given() {
		return paths, nil
	}
	files, err := luatest.Find(paths)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, luatest.NoFiles(paths)
	}
	var times map[string]time.Duration
	if s.durations != "" {
		if times, err = readDurations(s.durations); err != nil {
			return nil, fmt.Errorf("--durations: %w", err)
		}
	}
	plan := shard.Split(files, s.part.Of, times)
	s.of = report.Shard{Index: s.part.Index, Of: s.part.Of, Split: plan.Print()}
	mine := plan.Parts[s.part.Index-1]
	text := fmt.Sprintf("shard %s: %d of %d files", s.part, len(mine), len(files))
	if len(mine) == 0 {
		text = fmt.Sprintf("shard %s: none of %d files is left for it, so it has passed", s.part, len(files))
	}
	if s.durations != "" {
		text += fmt.Sprintf("; %s has times of %d", plain(s.durations), plan.Known)
	}
	fmt.Fprintln(errs, text)
	return mine, nil
}

// run is luatest.Run or List, but for a part without files, of which it tells the reporters
// as of a run.
func (s *shardFlags) run(run func(luatest.Options, ...luatest.Reporter) (luatest.Summary, error), o luatest.Options, reporters ...luatest.Reporter) (luatest.Summary, error) {
	if !s.given() || len(o.Paths) > 0 {
		return run(o, reporters...)
	}
	var none luatest.Summary
	if o.Coverage {
		none.Coverage = &luatest.Coverage{Report: &lcov.Report{}}
	}
	for _, r := range reporters {
		r.Begin([]string{})
		r.End(none)
	}
	return none, nil
}

// readDurations reads how long test files took, by name, in a report of --junit.
func readDurations(name string) (map[string]time.Duration, error) {
	text, err := readAtMost(name, maxInput)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; it takes a report that --junit has written, and the first run goes without", err)
	} else if err != nil {
		return nil, err
	}
	if kind := report.KindOf(text); kind != report.JUnitFile {
		return nil, fmt.Errorf("%s is no report that --junit has written", plain(name))
	}
	r, err := report.ReadJUnit(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", plain(name), err)
	}
	times, err := r.Durations()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", plain(name), err)
	}
	return times, nil
}
