package simtest

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/observe"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// universe is a world with the devices of a test.
type universe struct {
	app     *app.App
	world   *world.World
	seed    uint64
	follows bool // time is this computer's: see Net
	speed   float64

	devices []*state
	desks   map[netip.Prefix]*peer.Host
	quality string // of Link
	linkCut bool   // LinkDown

	tasks    []*task
	current  *task // the one that runs
	stepping bool  // events are happening
	failure  string
	err      error // of a device without a testing.TB
	closed   bool

	log    observe.Log
	logged logText
}

// task is a function that takes turns with others: see Together and Serve.
type task struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	ready func() bool // what it waits for
	until clock.Time  // at most
	done  bool
}

// wait lets time pass until done says so, at most to the deadline, and reports whether
// that was it. It ends, too, when a device has failed.
func (u *universe) wait(deadline clock.Time, done func() bool) bool {
	if u.current != nil {
		return u.waitInTask(u.current, deadline, done)
	}
	result := false
	ask := func() bool {
		u.stepping = false
		u.runTasks()
		result = done()
		u.stepping = true
		return result || u.failure != ""
	}
	defer func() { u.stepping = false }()
	if !u.follows {
		u.world.Clock.Await(deadline, ask)
		return result
	}
	// The world is looked at every hundredth of a second, and goes on between.
	step := max(clock.Duration(10_000*u.speed), 1)
	for !ask() && u.now() < deadline {
		u.world.Clock.Run(min(deadline, u.now().Add(step)), false)
	}
	return result
}

// waitInTask is wait for a task: the others go on.
func (u *universe) waitInTask(t *task, deadline clock.Time, done func() bool) bool {
	if done() {
		return true
	}
	u.endTask()
	if deadline < clock.Forever {
		wake := u.world.Clock.At(deadline, func() {}) // so that somebody looks
		defer wake.Stop()
	}
	t.ready, t.until = done, deadline
	defer func() { t.ready = nil }()
	t.yield(struct{}{})
	u.endTask()
	return done()
}

// ending is what a task is left with when the world is over.
type ending struct{}

// endTask ends the task that runs if the world is over, whatever it would do next.
func (u *universe) endTask() {
	if u.closed && u.current != nil {
		panic(ending{})
	}
}

// runTasks has the tasks run that have something to do, each until it waits again, in the
// order in which they began.
func (u *universe) runTasks() {
	for ran := true; ran; {
		ran = false
		for i := 0; i < len(u.tasks); i++ { // a task may begin others
			t := u.tasks[i]
			if t.ready != nil && u.now() < t.until && !t.ready() {
				continue
			}
			ran = true
			u.current = t
			_, more := t.next()
			u.current = nil
			if !more {
				t.done = true
				u.tasks = slices.Delete(u.tasks, i, i+1)
				i--
			}
		}
	}
}

// begin makes a task. It runs when the world is between two events.
func (u *universe) begin(fn func()) *task {
	t := &task{}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			if r := recover(); r != nil && r != (ending{}) {
				panic(r)
			}
		}()
		fn()
	})
	u.tasks = append(u.tasks, t)
	return t
}

func (u *universe) now() clock.Time { return u.world.Clock.Now() }

// after is the moment d from now.
func (u *universe) after(d clock.Duration) clock.Time {
	if d > math.MaxInt64/2 {
		return clock.Forever
	}
	return u.now().Add(max(d, 0))
}

// moment is the world's time at a date of it.
func (u *universe) moment(date time.Time) clock.Time {
	return u.after(micros(date.Sub(u.world.Date())))
}

// errWorldOver is what is left to say when a test has ended.
var errWorldOver = errors.New("simtest: the world is closed")

// errStepping is what is said to a function that is called back.
var errStepping = errors.New("simtest: called while the world runs, by a function that it calls: wait in the test, or in a function of Together or Serve")

func (u *universe) close() {
	if u.closed {
		return
	}
	u.closed = true
	for len(u.tasks) > 0 {
		t := u.tasks[0]
		u.tasks = u.tasks[1:]
		u.current = t
		t.stop()
	}
	u.current = nil
	u.app.Close()
}

// event sees everything that happens.
func (u *universe) event(e world.Event) {
	u.log.Handle(e)
	for _, s := range u.devices {
		if s.d.Name() == e.Device {
			s.event(e)
			for _, fn := range s.watchers {
				fn(e)
			}
		}
	}
}

// event sees what happens on a device.
func (s *state) event(e world.Event) {
	switch d := e.Data.(type) {
	case event.Output:
		if !d.Echo {
			s.print(observe.Plain(d.Text))
		}
	case event.Boot:
		s.doomed = false
	case event.Hint:
		s.hinted, s.hint = e.Time, observe.Describe(e)
		s.hints = append(s.hints, s.hint)
	case event.Panic:
		s.doomed = true
		s.failed(e.Time, strings.TrimRight("panic: "+observe.Describe(e)+"\n"+d.Traceback, "\n"))
	case event.LuaError:
		if !d.Uncaught && d.Where != "serial input" && !d.Absent {
			break
		}
		message := strings.TrimRight(d.Message, ": \n")
		s.failed(e.Time, fmt.Sprintf("error in %s: %s", d.Where, message))
	case event.Reset:
		if !d.Fault || s.doomed { // that of a panic is no other failure
			break
		}
		message := d.Reason
		if s.hint != "" && e.Time.Sub(s.hinted) < clock.Second {
			message += ": " + s.hint
		}
		s.failed(e.Time, message)
	}
}

// failed takes a death of the program.
func (s *state) failed(at clock.Time, message string) {
	s.errors = append(s.errors, message)
	expected := false
	for _, x := range s.expected {
		if strings.Contains(message, x.text) {
			x.seen, expected = true, true
		}
	}
	if !expected && s.failure == "" {
		s.failure = fmt.Sprintf("%s, after %.6f s: %s", s.d.Name(), at.Seconds(), message)
	}
}

// keptLog is how much of a log or of what a device prints is kept, in bytes. A program can
// print without end.
const keptLog = 1 << 20

// logText is the end of a log.
type logText struct {
	text []byte
	lost int
}

// Write implements io.Writer.
func (l *logText) Write(p []byte) (int, error) {
	if l.text = append(l.text, p...); len(l.text) > 2*keptLog {
		l.lost += len(l.text) - keptLog
		l.text = append(l.text[:0], l.text[len(l.text)-keptLog:]...)
	}
	return len(p), nil
}

func (l *logText) String() string {
	if l.lost > 0 {
		return fmt.Sprintf("… %d bytes before\n%s", l.lost, l.text)
	}
	return string(l.text)
}

// newLine writes lines that begin on one of their own.
type newLine struct{ *logText }

func (l newLine) Write(p []byte) (int, error) {
	if n := len(l.text); n > 0 && l.text[n-1] != '\n' {
		l.text = append(l.text, '\n')
	}
	return l.logText.Write(p)
}
