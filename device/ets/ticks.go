package ets

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// The software timers count ticks of a hardware counter that begins at the reset, so
// that a millisecond is one only in multiples of four: 1 ms are 312 ticks of 3.2 µs,
// 998.4 µs. (Measured: oracle sdk-timers.json, sdk-behaviour.md 3.)

// ticks is a time since the reset, or a span, in ticks of the timers' counter.
type ticks int64

// unit is how the timers count: a tick takes num/den µs.
type unit struct {
	num, den int64
	// soon and late: a timer that is due within so many ticks after the handler has
	// looked comes so many after its time. past is when one comes that is due already.
	soon, late, past ticks
}

var (
	// coarse is the counter at 80 MHz / 256, as the SDK sets it up.
	coarse = unit{16, 5, 80, 144, 80}
	// fine is that at 80 MHz / 16, after ReinitTimers. That its rules are the same in
	// ticks is assumed.
	fine = unit{1, 5, 80, 144, 80}
	// exact is none of the SDK's: see Config.ExactTimers.
	exact = unit{1, 1, 0, 0, 0}
)

// from returns the ticks that have begun after d.
func (u unit) from(d clock.Duration) ticks { return ticks(int64(d) * u.den / u.num) }

// micros returns the first microsecond at which the counter shows n.
func (u unit) micros(n ticks) clock.Duration {
	return clock.Duration((int64(n)*u.num + u.den - 1) / u.den)
}

// Limits of what a timer can be armed for.
const (
	longestMS     = 6870947   // in ms
	longestFine   = 428496729 // in µs, of the fine counter
	longestFineMS = longestFine / 1000
)

// span returns how many ticks a timer runs that is armed for d: not ok, with what the
// SDK prints, when that is too long.
func (u unit) span(d clock.Duration) (n ticks, refusal string, ok bool) {
	ms, us := int64(d/clock.Millisecond), d%clock.Millisecond
	switch {
	case u == exact:
		return ticks(d), "", true
	case u == fine && us == 0 && ms > longestFineMS:
		return 0, "err1,exceed max time value\n", false
	case u == fine && d > longestFine:
		return 0, "err2,exceed max time value\n", false
	case u == fine:
		return u.from(d), "", true
	case ms > longestMS:
		return 0, "err3,exceed max time value\n", false
	}
	// The product in the SDK would not fit into 32 bits beyond that. What is no whole
	// millisecond is none of the SDK's, but the simulator's.
	const fits = 13743
	if n = ticks(ms * 625 / 2); ms > fits {
		n = ticks(ms/4*1250 + ms%4*312)
	}
	return n + u.from(us), "", true
}
