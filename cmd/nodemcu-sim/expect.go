package main

import (
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// expectFlags are the flags of run that make it a test.
type expectFlags struct {
	expect      []string
	expectRE    []string
	failOn      []string
	failOnRE    []string
	failOnError bool
	allowReset  bool
	timeout     time.Duration
}

func (x *expectFlags) register(fl *pflag.FlagSet) {
	fl.StringArrayVar(&x.expect, "expect", nil, "end with status 0 once the device has printed this text; may be repeated: all are needed, in any order")
	fl.StringArrayVar(&x.expectRE, "expect-re", nil, "likewise for a regular expression, which is held against each line; may be repeated: they are needed in this order")
	fl.StringArrayVar(&x.failOn, "fail-on", nil, "end with status 1 when the device prints this text; may be repeated")
	fl.StringArrayVar(&x.failOnRE, "fail-on-re", nil, "likewise for a regular expression")
	fl.BoolVar(&x.failOnError, "fail-on-error", false, "end with status 1 when the program dies: on an error that nothing catches, a panic, a watchdog or exception reset; on an error in a line that was typed, too, and without init.lua")
	fl.BoolVar(&x.allowReset, "allow-reset", false, "go on when the program dies, which ends a run with --expect otherwise: for tests of what comes after")
	fl.DurationVar(&x.timeout, "timeout", 0, "end with status 42 when something expected is missing after this much device time")
}

// expects reports whether something has to be seen.
func (x *expectFlags) expects() bool { return len(x.expect)+len(x.expectRE) > 0 }

// expectation returns the subscriber that decides about a run in this world.
// panics is --on-panic exit.
func (x *expectFlags) expectation(w *world.World, panics bool) (*observe.Expect, error) {
	dies := (x.failOnError || x.expects()) && !x.allowReset
	e := &observe.Expect{
		Deaths: observe.Deaths{
			Panics: dies || panics,
			Resets: dies,
			Typed:  x.failOnError && !x.allowReset,
		},
		Decided: w.Clock.Stop,
	}
	var names []string
	if devices := device.In(w); len(devices) > 1 {
		e.Names = true
		for _, d := range devices {
			names = append(names, d.Name())
		}
	}
	for _, f := range []struct {
		flag    string
		texts   []string
		pattern bool
		to      *[]observe.Text
	}{
		{"--expect", x.expect, false, &e.Texts},
		{"--expect-re", x.expectRE, true, &e.InOrder},
		{"--fail-on", x.failOn, false, &e.FailOn},
		{"--fail-on-re", x.failOnRE, true, &e.FailOn},
	} {
		for _, text := range f.texts {
			name, text := observe.Of(text, names)
			if text == "" {
				return nil, fmt.Errorf("%s takes a text that is not empty", f.flag)
			}
			t := observe.Text{Text: text}
			if f.pattern {
				var err error
				if t, err = observe.Pattern(text); err != nil {
					return nil, fmt.Errorf("%s %q: %w; \\ takes a character as it stands, as in \\(", f.flag, text, err)
				}
			}
			t.Device = name
			*f.to = append(*f.to, t)
		}
	}
	return e, nil
}
