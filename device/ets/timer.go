package ets

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Timer is one of the chip's software timers (os_timer).
type Timer struct {
	s      *Scheduler
	fn     func()
	expiry ticks
	period ticks // 0: it runs once
	armed  bool

	quietUntil clock.Time
	skipped    func(at clock.Time) (next clock.Time)
}

// lateHandler is how long one run of the timers' handler may take before periodic
// timers lose their grid.
const lateHandler = 15 * clock.Millisecond

// noCallback is what the SDK prints, with the timer's address, when a timer without a
// function is armed.
const noCallback = "timer:%p cb is null\n"

// NewTimer makes a timer that calls fn, disarmed.
func (s *Scheduler) NewTimer(fn func()) *Timer { return &Timer{s: s, fn: fn} }

// ReinitTimers makes timers count ticks of 0.2 µs instead of 3.2 µs
// (system_timer_reinit). The SDK wants it before any is armed; the firmware never does it.
func (s *Scheduler) ReinitTimers() { s.unit = fine }

// count returns what the timers' counter shows at t, and timeOf when it shows n.
func (s *Scheduler) count(t clock.Time) ticks  { return s.unit.from(t.Sub(s.resetAt)) }
func (s *Scheduler) timeOf(n ticks) clock.Time { return s.resetAt.Add(s.unit.micros(n)) }

// Elapsed returns how many milliseconds lie between two times for firmware that divides
// the counter's ticks by 312 (fw: app/lwip/core/timers.c): 998.4 µs each.
func (s *Scheduler) Elapsed(from, to clock.Time) int64 {
	const perMillisecond = 312
	if s.unit == exact {
		return int64(to.Sub(from) / clock.Millisecond)
	}
	return int64(s.count(to)-s.count(from)) / perMillisecond
}

// Arm makes the timer expire after period, and again and again when repeat is
// set, unless the period is 0. An armed timer is rearmed; one that would run for too long
// is not.
func (t *Timer) Arm(period clock.Duration, repeat bool) {
	s := t.s
	t.Disarm()
	if t.fn == nil {
		s.host.Print(noCallback)
		return
	}
	n, refusal, ok := s.unit.span(period)
	if !ok {
		s.host.Print(refusal)
		return
	}
	now := s.count(s.Now())
	t.expiry = now + n
	if repeat {
		t.period = n
	}
	t.insert()
	if s.timers[0] == t {
		s.setAlarm(now)
	}
	s.reschedule()
}

// ArmSince arms a periodic timer as if that had been done at a time in the past, and
// nobody had seen it expire since.
func (t *Timer) ArmSince(then clock.Time, period clock.Duration) {
	t.Arm(period, true)
	if s := t.s; t.armed {
		now := s.count(s.Now())
		i := slices.Index(s.timers, t)
		s.timers = slices.Delete(s.timers, i, i+1)
		t.expiry = now + t.period - (now-s.count(then))%t.period
		t.insert()
		s.setAlarm(now)
		s.reschedule()
	}
}

// Disarm stops the timer. It reports whether it was armed.
func (t *Timer) Disarm() bool {
	t.CatchUp()
	s := t.s
	if now := s.Now(); s.alarm <= now {
		s.posted, s.alarm = true, clock.Forever // it has gone off while the CPU was busy
	}
	t.period = 0
	if !t.armed {
		return false
	}
	t.armed = false
	if i := slices.Index(s.timers, t); i >= 0 { // not there after a panic or a reset
		s.timers = slices.Delete(s.timers, i, i+1)
		if i == 0 {
			s.setAlarm(s.count(s.Now()))
		}
	}
	return true
}

// Armed reports whether the timer runs, and Expiry when it will expire.
func (t *Timer) Armed() bool { return t.armed }

// Expiry returns when an armed timer expires next, if it is not late.
func (t *Timer) Expiry() clock.Time { return t.s.timeOf(t.expiry) }

func (t *Timer) insert() {
	t.armed = true
	s := t.s
	i, _ := slices.BinarySearchFunc(s.timers, t.expiry, func(o *Timer, at ticks) int {
		if o.expiry < at {
			return -1
		}
		return 1 // equal expiry: the new one goes first
	})
	s.timers = slices.Insert(s.timers, i, t)
}

// setAlarm sets the hardware's alarm for the first timer. What is due too soon for that
// comes late.
func (s *Scheduler) setAlarm(now ticks) {
	if len(s.timers) == 0 {
		s.alarm = clock.Forever
		return
	}
	s.alarm = s.timeOf(s.unit.alarm(s.timers[0].expiry, now))
}

// alarm returns when the hardware's alarm goes off that was set at now for an expiry.
func (u unit) alarm(expiry, now ticks) ticks {
	switch left := expiry - now; {
	case left <= 0:
		return now + u.past
	case left <= u.soon:
		return expiry + u.late
	}
	return expiry
}

// handle is the timers' handler, a task. It returns the callback of the next timer that is
// due: all that are run one after the other, also those that have become due meanwhile.
// So one that repeats and takes as long as its period lets nothing else run.
func (s *Scheduler) handle(now clock.Time) func() {
	at := s.count(now)
	if !s.handling {
		if !s.posted && s.alarm > now {
			return nil
		}
		s.handling, s.posted, s.handledAt = true, false, at
	}
	s.alarm = clock.Forever
	if len(s.timers) == 0 || s.timers[0].expiry > at {
		s.handling = false
		s.setAlarm(at)
		return nil
	}
	t := s.timers[0]
	s.timers = slices.Delete(s.timers, 0, 1)
	t.armed = false
	if t.period > 0 {
		if s.unit.micros(at-s.handledAt) > lateHandler {
			t.expiry = at
		}
		t.expiry += t.period
		t.insert()
	}
	return t.fn
}

// Starving reports whether the timers' handler has let nothing else run for a second.
func (s *Scheduler) Starving() bool {
	return s.handling && s.Now().Sub(s.timeOf(s.handledAt)) > clock.Second
}

// Quiet implements lwip.QuietTimer: expiries before until would do nothing, so an
// idle device sleeps through them. Those that it has slept through are reported
// to skipped before anything else happens on the device. An expiry that finds the
// CPU busy, or comes late, is not left out: that may show.
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

// asleep returns the first timer if its next expiry can be slept through, or nil.
func (s *Scheduler) asleep() *Timer {
	if len(s.timers) == 0 {
		return nil
	}
	t := s.timers[0]
	if at := s.timeOf(t.expiry); t.period == 0 || at >= t.quietUntil || at != s.alarm || at < s.busyUntil {
		return nil
	}
	return t
}

// nextTimer returns when a timer has something to do next.
func (s *Scheduler) nextTimer() clock.Time {
	t := s.asleep()
	if t == nil {
		return s.alarm
	}
	at := clock.Forever
	if t.quietUntil < clock.Forever {
		at = s.timeOf(t.firstFrom(t.quietUntil))
	}
	if len(s.timers) > 1 {
		expiry := s.timers[1].expiry
		looked := expiry - (expiry-t.expiry)%t.period // the handler, for t
		if looked < expiry {
			expiry = s.unit.alarm(expiry, looked)
		}
		at = min(at, s.timeOf(expiry))
	}
	return at
}

// firstFrom returns the first expiry of a periodic timer that is not before at.
func (t *Timer) firstFrom(at clock.Time) ticks {
	from := t.s.unit.from(at.Sub(t.s.resetAt)-1) + 1
	if from <= t.expiry {
		return t.expiry
	}
	return t.expiry + (from-t.expiry+t.period-1)/t.period*t.period
}

// catchUp brings a timer that was slept through up to date. It counts as put back into
// the list when it would have run; nothing else has touched the list since.
func (s *Scheduler) catchUp(now clock.Time) {
	for {
		t := s.asleep()
		if t == nil || s.alarm >= now {
			return
		}
		s.timers = slices.Delete(s.timers, 0, 1)
		for at := s.timeOf(t.expiry); at < now && at < t.quietUntil; at = s.timeOf(t.expiry) {
			t.expiry += t.period
			next := t.skipped(at) // which may change quietUntil
			t.expiry = t.firstFrom(min(next, t.quietUntil, now))
		}
		t.insert()
		s.setAlarm(t.expiry - t.period)
	}
}
