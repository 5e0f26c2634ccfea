package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/ui"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire/capture"
)

// session is one run: the app, the subscribers to its events, and what may end
// it.
type session struct {
	flags    *runFlags
	app      *app.App
	out, err io.Writer
	console  bool
	input    *serialInput // nil when nothing is typed

	expect      *observe.Expect
	memory      *memoryTools
	interrupted atomic.Bool
}

func (s *session) run() error {
	closeEvents, err := s.subscribe()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := s.handleSignals(cancel)
	defer stop()
	if s.memory, err = openTools(&s.flags.memory, s.app, s.err, s.console); err != nil {
		return err
	}
	defer onSnapshotSignal(func() { s.app.World.Clock.Look(s.memory.snapshotNow) })()

	if s.input != nil {
		s.input.start(ctx, s.app.Device, s.app.World.Clock.State().Speed)
	}
	if s.console {
		err = s.runConsole(ctx)
	} else {
		s.app.PowerOn()
		s.watch(ctx, nil)
		s.runClock()
	}
	cancel()
	for _, d := range device.In(s.app.World) {
		d.Inspect.CheckLeaks()
	}
	if merr := s.memory.finish(); err == nil {
		err = merr
	}
	if cerr := closeEvents(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return s.outcome()
}

// subscribe attaches the log, the JSON file and the expectations. The function
// it returns finishes the JSON file.
func (s *session) subscribe() (finish func() error, err error) {
	f, w := s.flags, s.app.World
	finish = func() error { return nil }
	if !s.console {
		log := &observe.Log{Device: s.out, Events: s.err, Verbose: f.verbose, Names: len(device.In(w)) > 1}
		w.Subscribe(log.Handle)
		finish = func() error { log.Flush(); return nil }
		for _, p := range s.app.Published() {
			fmt.Fprintf(s.err, "published: %s\n", p)
		}
		for _, p := range s.app.Skipped() {
			fmt.Fprintf(s.err, "not on the device: %s\n", p)
		}
		for _, n := range s.app.Notes() {
			fmt.Fprintln(s.err, n)
		}
	}
	s.expect = &observe.Expect{
		Texts:   f.expect,
		FailOn:  f.failOn,
		Panics:  f.app.OnPanic == "exit",
		Decided: w.Clock.Stop,
	}
	w.Subscribe(s.expect.Handle)
	if f.events != "" {
		file, err := os.Create(f.events)
		if err != nil {
			return nil, fmt.Errorf("--events: %w; name a file that can be written", err)
		}
		j := observe.NewJSON(file)
		w.Subscribe(j.Handle)
		finish = also(finish, func() error {
			if err := errors.Join(j.Flush(), file.Close()); err != nil {
				return fmt.Errorf("--events: %w", err)
			}
			return nil
		})
	}
	if f.pcap != "" {
		file, err := os.Create(f.pcap)
		if err != nil {
			return nil, fmt.Errorf("--pcap: %w; name a file that can be written", err)
		}
		p, err := capture.Start(w.Wire, file)
		if err != nil {
			return nil, fmt.Errorf("--pcap: %w", err)
		}
		finish = also(finish, func() error {
			if err := errors.Join(p.Close(), file.Close()); err != nil {
				return fmt.Errorf("--pcap: %w", err)
			}
			return nil
		})
	}
	return finish, nil
}

// also returns a function that calls both.
func also(a, b func() error) func() error {
	return func() error { return errors.Join(a(), b()) }
}

// handleSignals makes the first interrupt end the run cleanly and the second
// end the program at once. It cancels what waits for something outside.
func (s *session) handleSignals(cancel func()) (stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-ch; !ok {
			return
		}
		s.interrupted.Store(true)
		s.app.World.Clock.Stop()
		cancel()
		if _, ok := <-ch; ok {
			os.Exit(130)
		}
	}()
	return func() {
		signal.Stop(ch)
		close(ch)
	}
}

// runClock runs the world until something ends it.
func (s *session) runClock() {
	limit := clock.Forever
	for _, d := range []time.Duration{s.flags.length, s.flags.timeout} {
		if d > 0 {
			limit = min(limit, clock.Time(d.Microseconds()))
		}
	}
	// A world in which nothing will ever happen again has ended, unless someone
	// outside can still do something to it.
	drain := !s.app.Reachable() && !s.console && !s.flags.watch
	s.app.World.Clock.Run(limit, drain)
}

// runConsole runs the world on a goroutine of its own and the console here.
func (s *session) runConsole(ctx context.Context) error {
	stateDir, err := ui.StateDir()
	if err != nil {
		stateDir = "" // no home: the prompt's history ends with the run
	}
	console, err := ui.New(ui.Config{
		World:     s.app.World,
		Device:    s.app.Device,
		Title:     s.app.Name(),
		Published: s.app.Published(),
		StateDir:  stateDir,
		SaveHeap:  s.memory.save,
		Restart:   s.reload,
	})
	if err != nil {
		return fmt.Errorf("%w; use --headless", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.app.PowerOn() // after New, which hears of the boot from then on
	s.watch(ctx, console.FilesChanged)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer cancel()
		defer console.Restore() // before a panic of the world prints
		s.runClock()
	}()
	err = console.Run(ctx)
	s.app.World.Clock.Stop()
	<-done
	return err
}

// outcome turns the way the run ended into the program's exit status.
func (s *session) outcome() error {
	verdict, why := s.expect.Verdict()
	switch {
	case s.memory.broken != "":
		return &statusError{exitFailed, s.memory.broken}
	case verdict == observe.Failed:
		return &statusError{exitFailed, why}
	case verdict == observe.Passed || len(s.flags.expect) == 0 && s.flags.timeout == 0:
		return nil
	case len(s.flags.expect) == 0:
		return nil // --timeout without --expect is a plain end
	}
	missing := "not seen: " + strings.Join(s.expect.Missing(), ", ")
	if s.interrupted.Load() {
		return &statusError{exitInterrupted, "interrupted; " + missing}
	}
	now := time.Duration(s.app.World.Clock.Now()) * time.Microsecond
	return &statusError{exitTimeout, fmt.Sprintf("%s after %v of device time", missing, now)}
}
