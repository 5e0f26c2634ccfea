package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial"
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
	lines    []*hostserial.Line

	expect      *observe.Expect
	memory      *memoryTools
	files       []*outputFile // written while the run goes on
	interrupted atomic.Bool
}

func (s *session) run() error {
	finish, err := s.subscribe()
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
		if s.endsWithInput() {
			s.input.answered = s.app.World.Clock.Stop
		}
		s.input.start(ctx, s.app.Device, s.app.World.Clock.State().Speed)
	}
	if s.console {
		err = s.runConsole(ctx)
	} else {
		s.powerOn()
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
	if ferr := finish(); err == nil {
		err = ferr
	}
	if err != nil {
		return err
	}
	s.expect.End()
	return s.outcome()
}

// endsWithInput reports whether the run is over when what was typed has been answered:
// as --input-eof says or, without it, where nothing else decides when that is.
func (s *session) endsWithInput() bool {
	f := s.flags
	if f.inputEOF != "" || s.console {
		return f.inputEOF == "end"
	}
	return f.length == 0 && !f.expect.expects() && !s.app.Reachable() && !f.watch && len(s.lines) == 0
}

// subscribe attaches the log, the expectations and the files. The function it returns
// finishes them.
func (s *session) subscribe() (finish func() error, err error) {
	f, w := s.flags, s.app.World
	if s.expect, err = f.expect.expectation(w, f.app.OnPanic == "exit"); err != nil {
		return nil, err
	}
	finish = func() error { return nil }
	if !s.console {
		out := standardOutput(s.out, w.Clock.Stop)
		log := &observe.Log{Device: out, Events: s.err, Verbose: f.verbose, Names: len(device.In(w)) > 1, Raw: f.raw}
		if f.serial.uses(hostserial.Stdio) {
			log.Device = io.Discard // the port has it
		}
		w.Subscribe(log.Handle)
		finish = func() error { log.Flush(); return out.err }
		for _, p := range s.app.Published() {
			fmt.Fprintf(s.err, "published: %s\n", p)
		}
		for _, p := range s.app.Skipped() {
			fmt.Fprintf(s.err, "not on the device: %s\n", p)
		}
		for _, n := range slices.Concat(s.app.Notes(), s.app.Idle()) {
			fmt.Fprintln(s.err, n)
		}
	}
	w.Subscribe(s.expect.Handle)
	if f.events != "" {
		file, err := s.create("--events", f.events)
		if err != nil {
			return nil, err
		}
		j := observe.NewJSON(file)
		w.Subscribe(j.Handle)
		finish = also(finish, func() error { return file.finish(j.Flush) })
	}
	if f.pcap != "" {
		file, err := s.create("--pcap", f.pcap)
		if err != nil {
			return nil, err
		}
		p, err := capture.Start(w.Wire, file)
		if err != nil {
			return nil, err
		}
		finish = also(finish, func() error { return file.finish(p.Close) })
	}
	return finish, nil
}

// create opens a file that is written while the run goes on, and ends the run when it
// can't be any more.
func (s *session) create(flag, name string) (*outputFile, error) {
	file, err := createOutput(flag, name, s.app.World.Clock.Stop)
	if err == nil {
		s.files = append(s.files, file)
	}
	return file, err
}

// also returns a function that calls both.
func also(a, b func() error) func() error {
	return func() error { return errors.Join(a(), b()) }
}

// handleSignals makes the first interrupt end the run cleanly and the second
// end the program at once. It cancels what waits for something outside. A terminal that
// is gone interrupts, too, unless the program was started to outlive it (nohup).
func (s *session) handleSignals(cancel func()) (stop func()) {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(ch, syscall.SIGHUP)
	}
	go func() {
		if _, ok := <-ch; !ok {
			return
		}
		s.interrupted.Store(true)
		s.app.World.Clock.Stop()
		cancel()
		for _, f := range s.files {
			f.part()
		}
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
	for _, d := range []time.Duration{s.flags.length, s.flags.expect.timeout} {
		if d > 0 {
			limit = min(limit, clock.Time(d.Microseconds()))
		}
	}
	// A world in which nothing will ever happen again has ended, unless someone
	// outside can still do something to it.
	drain := !s.app.Reachable() && !s.console && !s.flags.watch && len(s.lines) == 0
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
	s.powerOn() // after New, which hears of the boot from then on
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
	case verdict == observe.Passed || !s.flags.expect.expects():
		return nil // --timeout without --expect is a plain end
	}
	missing := "not seen: " + strings.Join(s.expect.Missing(), ", ")
	if s.interrupted.Load() {
		return &statusError{exitInterrupted, "interrupted; " + missing}
	}
	now := time.Duration(s.app.World.Clock.Now()) * time.Microsecond
	return &statusError{exitTimeout, fmt.Sprintf("%s after %v of device time", missing, now)}
}
