package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/luatest"
	"github.com/nodemcu-sim/nodemcu-sim/luatest/explore"
)

// test --explore, and --faults with what it has found.

// exploreFlags are the flags as they were given.
type exploreFlags struct {
	kinds  string
	faults string
}

// maxCases is how many cases can be asked for: a quarter of an hour for each test.
const maxCases = 100_000

func kindNames() []string {
	var names []string
	for _, k := range explore.Kinds {
		names = append(names, string(k))
	}
	return names
}

func (e *exploreFlags) add(fl *pflag.FlagSet, o *luatest.Options) {
	all := strings.Join(kindNames(), ",")
	fl.IntVar(&o.Explore, "explore", 0, "run each test alone, and look for faults around it under which it fails: so many cases by the seed, and cuts of power")
	fl.StringVar(&e.kinds, "explore-kinds", all, "the kinds of faults that --explore tries")
	fl.StringVar(&e.faults, "faults", "", "run each test alone with these faults, such as lose=7,timer=3:2ms,cut=write:12,heap=21000,latency=80ms (docs/lua-tests.md)")
}

// check looks at what was given, and completes the options.
func (e *exploreFlags) check(f *testFlags) (err error) {
	o := &f.tests
	alone := "--explore"
	if e.faults != "" {
		alone = "--faults"
	}
	switch {
	case o.Explore < 0 || o.Explore > maxCases || f.given.Changed("explore") && o.Explore == 0:
		return fmt.Errorf("--explore takes a number of cases, from 1 to %d; 100 is a good start", maxCases)
	case f.given.Changed("faults") && e.faults == "":
		return fmt.Errorf("--faults takes faults such as lose=7,timer=3:2ms; leave it out for none")
	case e.faults != "" && o.Explore > 0:
		return fmt.Errorf("--explore and --faults do not go together: one looks for faults, the other repeats what was found")
	case f.given.Changed("explore-kinds") && o.Explore == 0:
		return fmt.Errorf("--explore-kinds goes with --explore, as in --explore 100")
	}
	if o.Explore > 0 || e.faults != "" {
		switch {
		case f.list:
			return fmt.Errorf("--list and %s do not go together", alone)
		case o.Shuffle:
			return fmt.Errorf("--shuffle and %s do not go together: each test runs alone", alone)
		case o.Update:
			return fmt.Errorf("--update and %s do not go together: write the snapshots first", alone)
		}
	}
	if o.Kinds, err = explore.ParseKinds(e.kinds); err != nil {
		return fmt.Errorf("--explore-kinds: %w", err)
	}
	if e.faults != "" {
		if o.Faults, err = explore.Parse(e.faults); err != nil {
			return fmt.Errorf("--faults: %w", err)
		}
		if heap := o.Faults.Points().Heap; heap != 0 && (heap < boards.LeastHeap || heap > boards.LargestHeap) {
			return fmt.Errorf("--faults heap=%d: write %d to %d bytes", heap, boards.LeastHeap, boards.LargestHeap)
		}
	}
	return nil
}
