package clock

import (
	"math"
	"runtime"
	"sync"
	"time"
)

// Max is the speed at which virtual time jumps from event to event.
var Max = math.Inf(1)

// The pacer decides when the next event may run. In virtual mode (speed Max)
// that is at once. At a finite speed it waits until wall time has reached the
// event, or until something arrives from outside. A world that cannot keep up
// with wall time is not made to catch up: the anchor moves with it, so that a
// slow moment is not followed by a burst.
//
// Everything in it but the last group is guarded by mu, because the keyboard,
// signals and host sockets use it from their own goroutines.
type pacer struct {
	mu      sync.Mutex
	wake    chan struct{} // capacity 1: something changed
	inbox   []item
	taken   int // of inbox
	speed   float64
	paused  bool
	steps   int
	stopped bool
	guests  int // see Follow
	keepers int // see KeepAlive

	// The virtual time `virtual` belongs to the wall time `wall`.
	virtual  Time
	wall     time.Time
	anchored bool
	lead     Time // until when a world that follows need not wait, see leadTime

	// What belongs to the goroutine that runs the world.
	polls time.Duration // left until the next input, see maxPolls
	host  host
}

// host is what the pacer needs of the computer.
type host struct {
	now   func() time.Time
	sleep func(wake <-chan struct{}, d time.Duration) // for at most d, or until it is woken
	yield func()                                      // lets other goroutines run
}

// item is one thing in the inbox: a value from outside, or a look.
type item struct {
	input any
	look  func() // nil: it is an input
}

// keptInbox is for how many items an empty inbox keeps room.
const keptInbox = 256

// maxLag is how far the world may fall behind wall time before the pacer gives
// the lost time up.
const maxLag = 200 * time.Millisecond

// leadTime is how much virtual time may pass at once after an input while a world in
// virtual mode follows what is outside: who has sent something waits for the answer,
// and the latency of the wire is not worth its wait. It is shorter than the device's
// stack waits for any answer.
const leadTime = 100 * Millisecond

// leads reports whether an event at t need not wait for wall time.
func (p *pacer) leads(t Time) bool { return p.following() && t <= p.lead }

// A sleep of the host ends up to a millisecond late, so a wait of less than shortWait
// is polled away, for as long as somebody outside may wait for what comes of an
// input: maxPolls of waiting. Without inputs a world is late and catches up, and
// leaves the CPU alone.
const (
	shortWait = 100 * time.Microsecond
	maxPolls  = 10 * time.Millisecond
)

func (p *pacer) init() {
	p.wake = make(chan struct{}, 1)
	p.speed = Max
	p.host = host{now: time.Now, sleep: sleeper(p.notify), yield: runtime.Gosched}
}

// sleeper returns host.sleep, which may end early. An alarm that rings early enough is
// left alone: setting one has Go's scheduler wake a thread, and one that is mostly
// woken by inputs would set one for each.
func sleeper(notify func()) func(wake <-chan struct{}, d time.Duration) {
	alarm := time.AfterFunc(time.Hour, notify)
	alarm.Stop()
	var due time.Time
	return func(wake <-chan struct{}, d time.Duration) {
		now := time.Now()
		if at := now.Add(d); at.Before(due) || !now.Before(due) {
			due = at
			alarm.Reset(d)
		}
		<-wake
	}
}

// await lets d pass, unless something changes meanwhile.
func (p *pacer) await(d time.Duration) {
	if d >= shortWait || d > p.polls {
		p.host.sleep(p.wake, d)
		return
	}
	for began := p.host.now(); ; p.host.yield() {
		waited := p.host.now().Sub(began)
		select {
		case <-p.wake:
			p.polls -= waited
			return
		default:
		}
		if waited >= d {
			p.polls -= waited
			return
		}
	}
}

// answer is called for each input: what follows from it is not made to wait.
func (p *pacer) answer(now Time) {
	p.polls = maxPolls
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lead = now.Add(leadTime)
	if p.following() {
		p.anchored = false // what it was ahead of wall time need not be waited for
	}
}

func (p *pacer) notify() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// heed takes note of what was notified so far, which whoever calls it looks for next.
// Otherwise what the world does to its own pacer (Follow) would wake it once for nothing.
func (p *pacer) heed() {
	select {
	case <-p.wake:
	default:
	}
}

// State is what the pacer is doing, as the console shows it.
type State struct {
	Speed  float64 // virtual seconds per wall second; Max: as fast as possible
	Paused bool
	// Following: in virtual mode time keeps to wall time, see Follow.
	Following bool
}

// State returns the pacer's state. It may be called from any goroutine.
func (c *Clock) State() State {
	c.pacer.mu.Lock()
	defer c.pacer.mu.Unlock()
	return State{Speed: c.pacer.speed, Paused: c.pacer.paused, Following: c.pacer.following()}
}

// SetSpeed sets how many virtual seconds pass per wall second: 1 is real time,
// Max jumps from event to event. It panics on a speed that is not positive. It
// may be called from any goroutine.
func (c *Clock) SetSpeed(speed float64) {
	if !(speed > 0) {
		panic("clock: speed must be positive")
	}
	c.pacer.set(func(p *pacer) { p.speed = speed })
}

// Pause stops virtual time after the current event. The inbox is served meanwhile.
// It may be called from any goroutine.
func (c *Clock) Pause() { c.pacer.set(func(p *pacer) { p.paused = true; p.steps = 0 }) }

// Continue lets time pass again. It may be called from any goroutine.
func (c *Clock) Continue() { c.pacer.set(func(p *pacer) { p.paused = false }) }

// Step lets one event happen while paused. It may be called from any goroutine.
func (c *Clock) Step() { c.pacer.set(func(p *pacer) { p.steps++ }) }

// Follow keeps virtual time from running ahead of wall time until release is
// called, for as long as something outside is involved that lives in wall time: in
// virtual mode the world runs in real time meanwhile, but for a short while after
// each input. It may be called from any goroutine, and so may release.
func (c *Clock) Follow() (release func()) {
	c.pacer.set(func(p *pacer) { p.guests++ })
	return sync.OnceFunc(func() { c.pacer.set(func(p *pacer) { p.guests-- }) })
}

// KeepAlive keeps a run that drains from ending when nothing is left to happen, until
// release is called: more may come from outside. It may be called from any
// goroutine, and so may release.
func (c *Clock) KeepAlive() (release func()) {
	c.pacer.set(func(p *pacer) { p.keepers++ })
	return sync.OnceFunc(func() { c.pacer.set(func(p *pacer) { p.keepers-- }) })
}

// rate is the speed in force.
func (p *pacer) rate() float64 {
	if p.following() {
		return 1
	}
	return p.speed
}

// following reports whether a world in virtual mode keeps to wall time.
func (p *pacer) following() bool { return p.guests > 0 && math.IsInf(p.speed, 1) }

// Stop makes Run return after the current event. It may be called from any
// goroutine, also before Run.
func (c *Clock) Stop() { c.pacer.set(func(p *pacer) { p.stopped = true }) }

// Post hands a value from outside to the goroutine that runs the world, where Receive
// takes it between two events (or while the world is held within one), at the virtual
// time that wall time has reached. It may be called from any goroutine. It never
// blocks: whoever posts must bound what it posts.
func (c *Clock) Post(input any) {
	c.pacer.put(item{input: input})
}

// Look is Post for whoever only wants to see: fn runs in the place of an input and
// must not change anything that happens in the world, unless it tells the world of
// that as an input (a source that has something to type; see World.Taken).
func (c *Clock) Look(fn func()) {
	c.pacer.put(item{look: fn})
}

func (p *pacer) put(in item) {
	p.mu.Lock()
	p.inbox = append(p.inbox, in)
	p.mu.Unlock()
	p.notify()
}

func (p *pacer) set(change func(*pacer)) {
	p.mu.Lock()
	wasPaused, wasRate := p.paused, p.rate()
	change(p)
	if p.paused != wasPaused || p.rate() != wasRate {
		p.anchored = false
	}
	p.mu.Unlock()
	p.notify()
}

// takeItem takes the oldest item out of the inbox.
func (p *pacer) takeItem() (in item, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.inbox) == 0 {
		return item{}, false
	}
	in = p.inbox[p.taken]
	p.inbox[p.taken] = item{}
	if p.taken++; p.taken == len(p.inbox) {
		p.inbox, p.taken = p.inbox[:0], 0
		if cap(p.inbox) > keptInbox {
			p.inbox = nil
		}
	}
	return in, true
}

// serve takes the oldest item of the inbox and reports whether there was one.
func (c *Clock) serve() bool {
	in, ok := c.pacer.takeItem()
	switch {
	case !ok:
	case in.look != nil:
		in.look()
	default:
		c.pacer.answer(c.now)
		c.Receive(in.input)
	}
	return ok
}

// Hold stops the world within the event, input or look that calls it for as long as
// held says so: virtual time stands, and the inbox is served. held is asked before
// each item, and when the pacer was told something, on the world's goroutine. Stop
// ends a hold, too; Hold reports whether it was that. A debugger waits here, and a
// paused world does.
func (c *Clock) Hold(held func() bool) (stopped bool) {
	p := &c.pacer
	for !p.stopping() && held() {
		if !c.serve() {
			<-p.wake
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.anchored = false // the time of the hold is not made up for
	p.notify()         // what Hold was woken for may concern whoever waits outside it
	return p.stopped
}

// stopping reports whether Stop was called.
func (p *pacer) stopping() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

// pausing reports whether the world is paused and no step was asked for.
func (p *pacer) pausing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused && p.steps == 0
}

// reached returns the virtual time that wall time has come to, at least now and
// at most next, which is the time of the next event.
func (p *pacer) reached(now, next Time) Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused || math.IsInf(p.rate(), 1) || p.anchored && p.leads(next) {
		return now
	}
	wall := p.host.now()
	p.anchor(now, wall)
	r := p.virtual + Time(float64(wall.Sub(p.wall).Microseconds())*p.rate())
	return max(now, min(r, next))
}

// keptAlive reports whether more may come from outside.
func (p *pacer) keptAlive() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keepers > 0
}

// verdict is what the pacer says of the next event.
type verdict int

const (
	run  verdict = iota
	wait         // not yet: sleep, then ask again
	hold         // not before the world goes on
	stop
)

// ask decides about the next event, due at next, and says how long to wait for
// it if it may not run yet.
func (p *pacer) ask(now, next Time) (verdict, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stopped:
		p.stopped = false
		return stop, 0
	case len(p.inbox) > 0:
		return wait, 0
	case p.paused:
		if p.steps > 0 && next != Forever {
			p.steps--
			return run, 0
		}
		if p.steps > 0 {
			return wait, time.Hour // for something to step through
		}
		return hold, 0
	case next == Forever:
		return wait, time.Hour
	case math.IsInf(p.rate(), 1) || p.leads(next):
		return run, 0
	case next <= now:
		if p.anchored && p.host.now().Sub(p.wallOf(next)) > maxLag {
			p.anchored = false
		}
		return run, 0
	}
	wall := p.host.now()
	p.anchor(now, wall)
	return wait, p.wallOf(next).Sub(wall)
}

// anchor has virtual time go on from now at that wall time, unless it goes already.
func (p *pacer) anchor(now Time, wall time.Time) {
	if !p.anchored {
		p.virtual, p.wall, p.anchored = now, wall, true
	}
}

// wallOf returns the wall time at which virtual time t is due.
func (p *pacer) wallOf(t Time) time.Time {
	return p.wall.Add(time.Duration(float64(t.Sub(p.virtual)) / p.rate() * float64(time.Microsecond)))
}

// Run runs events until virtual time limit has passed, Stop is called, or, when
// drain is true, nothing is left in the queue and the inbox. Events due at limit
// still run; if that was the reason, Now is limit afterwards.
func (c *Clock) Run(limit Time, drain bool) {
	c.limit = limit
	defer func() { c.limit = Forever }()
	for {
		c.pacer.heed()
		c.now = c.pacer.reached(c.now, min(c.Next(), limit))
		for c.serve() {
		}
		next := c.Next()
		if next == Forever && drain && limit == Forever && !c.pacer.keptAlive() {
			return
		}
		next = min(next, limit)
		switch v, sleep := c.pacer.ask(c.now, next); v {
		case stop:
			return
		case run:
			if c.Next() > limit {
				c.now = limit
				return
			}
			c.step()
		case hold:
			c.Hold(c.pacer.pausing)
		case wait:
			if sleep > 0 {
				c.pacer.await(sleep)
			}
		}
	}
}

// Ending reports whether the run will be over by time t: its limit is earlier, or
// Stop was called. An event that would go on and on asks it, to give up.
func (c *Clock) Ending(t Time) bool {
	c.pacer.mu.Lock()
	defer c.pacer.mu.Unlock()
	return t > c.limit || c.pacer.stopped
}

// RunUntil runs events in virtual mode until t, whatever the speed is set to.
// Tests and snapshots use it; it neither sleeps nor looks at the inbox.
func (c *Clock) RunUntil(t Time) {
	c.limit = t
	defer func() { c.limit = Forever }()
	for c.Next() <= t {
		c.step()
	}
	c.now = max(c.now, t)
}

// Await is RunUntil for whoever may be content sooner: it ends between two events when
// done says so, and reports whether that was it. done is asked before the first event,
// after each, and at the end. With nothing left to happen and t Forever it ends, too.
func (c *Clock) Await(t Time, done func() bool) bool {
	c.limit = t
	defer func() { c.limit = Forever }()
	for !done() {
		if next := c.Next(); next == Forever || next > t {
			if t < Forever {
				c.now = max(c.now, t)
			}
			return done()
		}
		c.step()
	}
	return true
}

// RunTo is RunUntil for a place between events, as Happened and Now have told it: it
// runs events until that many have happened, and has time pass until t.
func (c *Clock) RunTo(happened uint64, t Time) {
	for c.happened < happened && len(c.queue) > 0 {
		c.step()
	}
	c.now = max(c.now, t)
}
