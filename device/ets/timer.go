package ets

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Timer is one of the chip's software timers (os_timer).
type Timer struct {
	s      *Scheduler
	fn     func()
	expiry clock.Time
	period clock.Duration
	repeat bool
	armed  bool

	quietUntil clock.Time
	skipped    func(at clock.Time) (next clock.Time)
}

// NewTimer makes a timer that calls fn, disarmed.
func (s *Scheduler) NewTimer(fn func()) *Timer { return &Timer{s: s, fn: fn} }

// Arm makes the timer expire after period, and again and again when repeat is
// set. An armed timer is rearmed.
func (t *Timer) Arm(period clock.Duration, repeat bool) {
	t.ArmAt(t.s.Now().Add(period), period, repeat)
}

// ArmAt is Arm with the first expiry at an absolute time.
func (t *Timer) ArmAt(at clock.Time, period clock.Duration, repeat bool) {
	t.Disarm()
	t.CatchUp()
	t.expiry, t.period, t.repeat = at, period, repeat
	t.insert()
	t.s.reschedule()
}

// Disarm stops the timer. It reports whether it was armed.
func (t *Timer) Disarm() bool {
	if !t.armed {
		return false
	}
	t.armed = false
	s := t.s
	if i := slices.Index(s.timers, t); i >= 0 { // not there after a panic or a reset
		s.timers = slices.Delete(s.timers, i, i+1)
	}
	return true
}

// Armed reports whether the timer runs, and Expiry when it will expire.
func (t *Timer) Armed() bool { return t.armed }

// Expiry returns when an armed timer expires next.
func (t *Timer) Expiry() clock.Time { return t.expiry }

// Quiet implements lwip.QuietTimer: expiries before until would do nothing, so an
// idle device sleeps through them. Those that it has slept through are reported
// to skipped before anything else happens on the device. An expiry that finds the
// CPU busy is not left out: it comes late, and that may show.
func (t *Timer) Quiet(until clock.Time, skipped func(at clock.Time) (next clock.Time)) {
	t.quietUntil, t.skipped = until, skipped
	t.s.reschedule()
}

// CatchUp reports the expiries slept through up to now.
func (t *Timer) CatchUp() {
	if !t.s.running {
		t.s.catchUp(t.s.clock.Now())
	}
}

// quiet reports whether the next expiry can be slept through.
func (t *Timer) quiet(busyUntil clock.Time) bool {
	return t.repeat && t.expiry < t.quietUntil && t.expiry >= busyUntil
}

// catchUp brings timers that were slept through up to date. A timer counts as put
// back into the list when it would have run; nothing else has touched the list
// since.
func (s *Scheduler) catchUp(now clock.Time) {
	for i := 0; i < len(s.timers) && s.timers[i].expiry < now; {
		t := s.timers[i]
		if !t.quiet(s.busyUntil) {
			i++
			continue
		}
		s.timers = slices.Delete(s.timers, i, i+1)
		for t.expiry < now && t.quiet(s.busyUntil) {
			at := t.expiry
			t.expiry = at.Add(t.period)
			next := t.skipped(at) // which may change quietUntil
			t.expiry = t.expiry.FirstFrom(min(next, t.quietUntil, now), t.period)
		}
		t.insert()
	}
}

func (t *Timer) insert() {
	t.armed = true
	s := t.s
	i, _ := slices.BinarySearchFunc(s.timers, t.expiry, func(o *Timer, at clock.Time) int {
		if o.expiry < at {
			return -1
		}
		return 1 // equal expiry: the new one goes first
	})
	s.timers = slices.Insert(s.timers, i, t)
}
