package simtest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap/snapshot"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Device is a simulated board that is switched on.
type Device struct {
	t testing.TB
	*state
}

// state is a device, whoever looks at it.
type state struct {
	*universe
	d       *device.Device
	timeout clock.Duration

	unread   []byte // what was printed and no Expect has taken
	cut      int    // how often the front of it was lost
	typing   []byte // what is to be typed
	asked    bool   // the device is ready for more and there was none
	watchers []func(world.Event)

	doomed   bool // by a panic, which ends in a reset
	hint     string
	hinted   clock.Time
	hints    []string
	errors   []string
	expected []*expectation
}

type expectation struct {
	text string
	seen bool
}

// Boot switches a device on for a test. dir is the app's directory, relative to that of the
// test; "" with Files. It returns when the power is on: the device boots as time passes.
// Everything is put away when the test ends, and the log is printed if it has failed.
func Boot(t testing.TB, dir string, opts ...Option) *Device {
	t.Helper()
	d, err := start(dir, opts)
	if err != nil {
		t.Fatalf("simtest: %v", err)
		return nil // where Fatalf returns: a TB of somebody's own
	}
	d.t = t
	t.Cleanup(func() {
		if d.failure != "" {
			t.Errorf("%s", d.failure) // a call has returned it as an error
		}
		for _, s := range d.devices {
			s.d.Inspect.CheckLeaks() // for the log
			for _, x := range s.expected {
				if !x.seen {
					t.Errorf("%s: no error with %q", s.d.Name(), x.text)
				}
			}
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", d.Name(), d.Log())
		}
		d.close()
	})
	return d
}

// New is Boot for programs without a testing.TB, such as an Example. The error says what is
// wrong with the directory or an option. Where a test would fail, the device keeps the reason
// (Err), and from then on its methods do nothing and return zero values. Close it.
func New(dir string, opts ...Option) (*Device, error) { return start(dir, opts) }

// start puts a device into a new world and switches it on.
func start(dir string, opts []Option) (*Device, error) {
	c := newConfig(dir, opts)
	if c.err != nil {
		return nil, c.err
	}
	a, err := app.New(c.app)
	if err != nil {
		return nil, named(err)
	}
	u := &universe{app: a, world: a.World, seed: c.app.Seed, follows: c.app.Net != "isolated", speed: c.speed}
	u.log = observe.Log{Device: &u.logged, Events: newLine{&u.logged}}
	a.World.Subscribe(u.event)
	if u.follows {
		a.World.Clock.SetSpeed(c.speed)
	}
	d, err := u.add(a.Device, c)
	if err != nil {
		a.Close()
		return nil, err
	}
	return d, nil
}

// named is an error of the app in words that are not the command's.
func named(err error) error {
	if under := errors.Unwrap(err); errors.Is(err, fs.ErrNotExist) && under != nil && strings.Contains(err.Error(), "; run takes") {
		return fmt.Errorf("%w; give the directory that holds init.lua", under)
	}
	return err
}

// add makes a device of the app one of the test, and switches it on.
func (u *universe) add(dev *device.Device, c *config) (*Device, error) {
	if !c.noInit && !dev.Flash.Exists("init.lua") {
		idle := u.app.Idle()
		return nil, fmt.Errorf("%s (option NoInit, if that is meant)", idle[len(idle)-1])
	}
	s := &state{universe: u, d: dev, timeout: cmp.Or(c.timeout, defaultTimeout)}
	if c.noInit {
		dev.REPL.SetStartupCommand("")
	}
	dev.Serial.SetSource(s.nextLine)
	u.devices = append(u.devices, s)
	u.log.Names = len(u.devices) > 1
	dev.PowerOn()
	return &Device{nobody{u: u}, s}, nil
}

// Another switches a further device on in the same world, on the same network, with the
// files of a directory of its own. It has a name of its own: that of the directory, with a
// number behind it if there is one already. Options of the world are the first device's; so is
// Timeout unless it is given.
func (d *Device) Another(dir string, opts ...Option) *Device {
	d.t.Helper()
	if !d.ready() {
		return d
	}
	c := newConfig(dir, opts)
	c.app.Seed = d.seed
	if c.timeout == 0 {
		c.timeout = d.timeout
	}
	if len(c.ofWorld) > 0 {
		c.wrong("%s: give it to the first device, it is the world's", c.ofWorld[0])
	}
	other, err := d.another(c)
	if err != nil {
		d.fatal("simtest: %v", err)
		return d // on which nothing works any more
	}
	other.t = d.t
	return other
}

func (u *universe) another(c *config) (*Device, error) {
	if c.err != nil {
		return nil, c.err
	}
	dev, err := u.app.Add(c.app)
	if err != nil {
		return nil, named(err)
	}
	return u.add(dev, c)
}

// For is the same device for a subtest, whose failures are those of t from then on.
func (d *Device) For(t testing.TB) *Device { return &Device{t, d.state} }

// nobody is the test of a device of New: it keeps the first failure.
type nobody struct {
	testing.TB
	u *universe
}

func (nobody) Helper() {}

func (n nobody) Fatalf(format string, args ...any) {
	if n.u.err == nil {
		n.u.err = fmt.Errorf(format, args...)
	}
}

// fatal fails the test.
func (d *Device) fatal(format string, args ...any) {
	d.t.Helper()
	d.endTask()
	d.t.Fatalf(format, args...)
}

// ready reports whether the device can be worked with.
func (d *Device) ready() bool {
	d.t.Helper()
	switch {
	case d.err != nil:
		return false
	case d.stepping:
		d.fatal("%v", errStepping)
	case d.closed:
		d.fatal("%v", errWorldOver)
	default:
		return true
	}
	return false
}

// await is wait for a method that returns no error: where a device fails meanwhile the test
// does.
func (d *Device) await(deadline clock.Time, done func() bool) bool {
	d.t.Helper()
	ok := d.wait(deadline, done)
	return d.alive() && ok
}

// alive fails the test if a device has failed.
func (d *Device) alive() bool {
	if d.failure == "" || d.current != nil {
		return d.err == nil && !d.closed // a failure is told by who lets the world run
	}
	d.t.Helper()
	failure := d.failure
	d.failure = ""
	d.fatal("%s", failure)
	return false
}

// Err is why the device of New works no longer, nil while it does. A device of Boot fails its
// test instead.
func (d *Device) Err() error { return d.err }

// Close ends the world of a device of New; that of Boot ends with the test. It returns Err, or an error that was expected and
// has not happened.
func (d *Device) Close() error {
	if d.err == nil && d.failure != "" {
		d.err = errors.New(d.failure)
	}
	for _, s := range d.devices {
		for _, x := range s.expected {
			if d.err == nil && !x.seen {
				d.err = fmt.Errorf("%s: no error with %q", s.d.Name(), x.text)
			}
		}
	}
	d.close()
	return d.err
}

// Log is the log so far: what the devices have printed, and between it, a line each with
// the virtual time in seconds, boots, resets, errors, hints and post-mortems. With several
// devices each line has a name. Of a long one the last megabyte is kept.
func (d *Device) Log() string {
	d.log.Flush()
	return d.logged.String()
}

// Name is the device's, in logs and events.
func (d *Device) Name() string { return d.d.Name() }

// World is the world the device lives in, for what has no method here. Its clock must not
// be run.
func (d *Device) World() *world.World { return d.world }

// Events makes fn see whatever happens on the device from now on: values of the types of
// package device/event, at virtual times. fn must not wait for anything.
func (d *Device) Events(fn func(world.Event)) { d.watchers = append(d.watchers, fn) }

// Now is the date in the world. Devices don't know it, unless a time server has told them.
func (d *Device) Now() time.Time { return d.world.Date() }

// Elapsed is the virtual time since the world began.
func (d *Device) Elapsed() time.Duration { return time.Duration(d.now()) * time.Microsecond }

// Advance lets virtual time pass.
func (d *Device) Advance(by time.Duration) {
	d.t.Helper()
	if !d.ready() {
		return
	}
	if by < 0 {
		d.fatal("simtest: Advance(%v): time does not run backwards", by)
		return
	}
	deadline := d.after(micros(by))
	d.await(deadline, func() bool { return false })
}

// Run lets time pass until a condition holds, at most as long as timeout says; then the test
// fails. until is asked between any two events of the world.
func (d *Device) Run(until func() bool, timeout time.Duration) {
	d.t.Helper()
	if d.ready() && !d.await(d.after(micros(timeout)), until) && d.reason() == nil {
		d.fatal("what is waited for has not happened within %v", timeout)
	}
}

// Together runs functions that take turns: where one waits, for an answer or for time to
// pass, the others go on. They begin in this order. It returns when all have returned.
func (d *Device) Together(fns ...func()) {
	d.t.Helper()
	if !d.ready() {
		return
	}
	var tasks []*task
	for _, fn := range fns {
		tasks = append(tasks, d.begin(fn))
	}
	all := func() bool {
		for _, t := range tasks {
			if !t.done {
				return false
			}
		}
		return true
	}
	if !d.await(clock.Forever, all) && d.reason() == nil {
		d.fatal("simtest: Together: nothing can happen any more, and not all functions have returned")
	}
}

// ExpectError announces an error: one whose message, which has the place in it, contains text
// does not fail the test, and neither does the reset that follows, as often as they happen. If
// none has happened by the end, the test fails.
func (d *Device) ExpectError(text string) {
	d.expected = append(d.expected, &expectation{text: text})
}

// Errors lists the messages of the deaths so far that would fail a test, those that were
// expected among them.
func (d *Device) Errors() []string { return append([]string(nil), d.errors...) }

// Hints lists what the simulator had to say about the program so far, with the places: what
// loses data, leaks, or fails on the chip. None fails a test by itself.
func (d *Device) Hints() []string { return append([]string(nil), d.hints...) }

// Memory is the heap of a device at one moment, in bytes.
type Memory struct {
	Total int
	Free  int // what node.heap() gives
	Low   int // the least that was free since the boot
	// Leaks are the callbacks of sockets and timers that ended a minute or longer ago and
	// that nothing will free before the next reset, or the program still holds; by the place
	// that set them.
	Leaks []event.RefHeld
}

// Heap looks at the device's memory, after a full collection, such as the device makes
// before each allocation. It is zero while the device boots.
func (d *Device) Heap() Memory {
	d.t.Helper()
	if !d.ready() || d.d.VM == nil {
		return Memory{}
	}
	d.give(input.CollectGarbage{})
	d.d.Inspect.CheckLeaks()
	u := d.d.Snapshot().Heap
	return Memory{Total: u.Total, Free: u.Free, Low: u.Low, Leaks: d.d.Inspect.Leaks()}
}

// HeapSnapshot is every object of the device's memory, with its size and what it refers to;
// nil while the device boots. Option TrackAllocations has it name the places that made them.
func (d *Device) HeapSnapshot() *snapshot.Snapshot {
	d.t.Helper()
	if !d.ready() || d.d.VM == nil {
		return nil
	}
	return d.d.Inspect.HeapSnapshot("test")
}

// give brings an input to the device.
func (d *Device) give(what world.Stimulus) {
	d.t.Helper()
	if _, err := d.world.Give(d.d.Name(), what); err != nil {
		d.fatal("%s: %v", d.d.Name(), err)
		return
	}
	d.alive()
}
