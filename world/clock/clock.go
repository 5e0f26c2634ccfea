// Package clock owns time in a simulated world: a virtual clock in
// microseconds, the queue of everything that is going to happen, and the pace
// at which virtual time follows wall time.
//
// There is one Clock per world and one goroutine that runs it. Everything that
// happens is an event in its queue, ordered by (time, sequence number), so that
// two runs with the same inputs are identical. Other goroutines (host sockets,
// the keyboard, a serial port) reach the world only through its inbox: Post hands
// over a value, Look has something looked at.
//
// The package knows nothing of devices, Lua or networks. Together with package
// hostnet it is the only place in the simulation that may read the wall clock.
//
// This package is stable: docs/go.md.
package clock

// Time is a point in virtual time, in microseconds since the world began.
type Time int64

// Duration is a span of virtual time in microseconds. It is a type of its own, so
// that the compiler tells a moment from a span.
type Duration int64

// Units of virtual time.
const (
	Microsecond Duration = 1
	Millisecond          = 1000 * Microsecond
	Second               = 1000 * Millisecond
	Minute               = 60 * Second
	Hour                 = 60 * Minute

	// Forever is later than any event.
	Forever Time = 1<<63 - 1
)

// At returns the moment d after the world began.
func At(d Duration) Time { return Time(d) }

// Add returns the moment d later than t.
func (t Time) Add(d Duration) Time { return t + Time(d) }

// Sub returns how much later t is than u.
func (t Time) Sub(u Time) Duration { return Duration(t) - Duration(u) }

// FirstFrom returns the first of t and the moments each period after it that is not
// before from.
func (t Time) FirstFrom(from Time, period Duration) Time {
	if from <= t {
		return t
	}
	return t.Add((from.Sub(t) + period - 1) / period * period)
}

// Seconds returns t as a floating-point number of seconds since the world began.
func (t Time) Seconds() float64 { return float64(t) / 1e6 }

// Seconds returns d as a floating-point number of seconds.
func (d Duration) Seconds() float64 { return float64(d) / 1e6 }

// Event is something that will happen. It stays valid after it has happened or
// was stopped; stopping it then does nothing.
type Event struct {
	at    Time
	seq   uint64
	index int // position in the queue, -1 when not queued
	fn    func()
	clock *Clock
	own   bool // the clock's own, made by Do
}

// Time returns when the event is due.
func (e *Event) Time() Time { return e.at }

// Pending reports whether the event is still to come.
func (e *Event) Pending() bool { return e != nil && e.index >= 0 }

// Stop takes the event out of the queue and reports whether it was pending.
func (e *Event) Stop() bool {
	if !e.Pending() {
		return false
	}
	e.clock.queue.remove(e)
	return true
}

// Clock is the virtual clock and event queue of one world. Its methods must be
// called on the goroutine that runs the world, except those of the pacer
// (Post, Look, Pause, Continue, Step, SetSpeed, Follow, KeepAlive, Stop and State).
type Clock struct {
	// Receive is given what Post hands over. The world sets it; without it nobody
	// posts.
	Receive func(input any)

	now      Time
	seq      uint64
	happened uint64
	queue    queue
	spare    []*Event // of Do, to be used again
	limit    Time     // of the Run or RunUntil under way
	pacer    pacer
}

// New returns a clock at time zero, in virtual mode: Run jumps from event to
// event. See SetSpeed for real time.
func New() *Clock {
	c := &Clock{limit: Forever}
	c.pacer.init()
	return c
}

// Now returns the current virtual time.
func (c *Clock) Now() Time { return c.now }

// Happened returns how many events have happened, the one under way included. With
// Now it says where between the events something came from outside: several may
// happen at the same time.
func (c *Clock) Happened() uint64 { return c.happened }

// At schedules fn at time t. A time in the past means now. Events of equal time
// run in the order in which they were scheduled.
func (c *Clock) At(t Time, fn func()) *Event {
	if t < c.now {
		t = c.now
	}
	c.seq++
	e := &Event{at: t, seq: c.seq, fn: fn, clock: c}
	c.queue.push(e)
	return e
}

// Again schedules an event of this clock once more, at time t instead of its own if
// it is pending. It is as if it were stopped and made anew.
func (c *Clock) Again(e *Event, t Time) {
	c.seq++
	e.at, e.seq = max(t, c.now), c.seq
	if e.index >= 0 {
		c.queue.down(e.index, e)
		c.queue.up(e.index, e)
	} else {
		c.queue.push(e)
	}
}

// Do is After for whoever never stops or asks: it makes no event that lasts.
func (c *Clock) Do(d Duration, fn func()) {
	n := len(c.spare)
	if n == 0 {
		c.After(d, fn).own = true
		return
	}
	e := c.spare[n-1]
	c.spare = c.spare[:n-1]
	e.fn = fn
	c.Again(e, c.now.Add(d))
}

// After schedules fn to run d from now.
func (c *Clock) After(d Duration, fn func()) *Event { return c.At(c.now.Add(d), fn) }

// Next returns the time of the next event, or Forever when nothing is queued.
func (c *Clock) Next() Time {
	if len(c.queue) == 0 {
		return Forever
	}
	return c.queue[0].at
}

// step runs the next event. The queue must not be empty.
func (c *Clock) step() {
	e := c.queue[0]
	c.queue.remove(e)
	c.now = e.at
	c.happened++
	fn := e.fn
	if e.own {
		e.fn = nil
		c.spare = append(c.spare, e)
	}
	fn()
}

// queue is a binary heap of events by (at, seq).
type queue []*Event

func (e *Event) before(o *Event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (q *queue) push(e *Event) {
	*q = append(*q, nil)
	q.up(len(*q)-1, e)
}

func (q *queue) remove(e *Event) {
	i, n := e.index, len(*q)-1
	last := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	e.index = -1
	if last != e {
		q.down(i, last)
		q.up(last.index, last)
	}
}

// up puts e at i or above, where it belongs, and down at i or below.
func (q queue) up(i int, e *Event) {
	for i > 0 {
		above := (i - 1) / 2
		if q[above].before(e) {
			break
		}
		q[i] = q[above]
		q[i].index = i
		i = above
	}
	q[i], e.index = e, i
}

func (q queue) down(i int, e *Event) {
	for {
		below := 2*i + 1
		if below >= len(q) {
			break
		}
		if right := below + 1; right < len(q) && q[right].before(q[below]) {
			below = right
		}
		if e.before(q[below]) {
			break
		}
		q[i] = q[below]
		q[i].index = i
		i = below
	}
	q[i], e.index = e, i
}
