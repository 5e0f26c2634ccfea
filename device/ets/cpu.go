package ets

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// SoftWatchdog is after how much CPU time without a return to the system the
// software watchdog resets the device (reference: watchdogs and tasks).
const SoftWatchdog = 3200 * clock.Millisecond

// used returns the CPU time used since boot, in nanoseconds.
func (s *Scheduler) used() int64 {
	if s.cpu == nil {
		return 0
	}
	return s.cpu.CPU()
}

// Used returns the CPU time used since boot.
func (s *Scheduler) Used() clock.Duration { return clock.Duration(s.used() / 1000) }

// Now returns the device's own time: the world's, plus what the CPU has spent in
// the current piece of work.
func (s *Scheduler) Now() clock.Time {
	if !s.running {
		return max(s.clock.Now(), s.busyUntil)
	}
	if s.free {
		return s.local
	}
	return s.local.Add(clock.Duration((s.used() - s.cpuMark) / 1000))
}

// InterruptNow returns the time as an interrupt reads it, also while the CPU is
// busy with something else: that has been worked out ahead, and Now is its end.
func (s *Scheduler) InterruptNow() clock.Time {
	if s.running {
		return s.Now()
	}
	return s.clock.Now()
}

// ResetAt returns when the device was last reset, Uptime how long ago that was.
func (s *Scheduler) ResetAt() clock.Time { return s.resetAt }

// Uptime is described at ResetAt.
func (s *Scheduler) Uptime() clock.Duration { return s.Now().Sub(s.resetAt) }

// InterruptUptime is Uptime as an interrupt reads it.
func (s *Scheduler) InterruptUptime() clock.Duration { return s.InterruptNow().Sub(s.resetAt) }

// Lua's instructions feed nobody: the watchdog counts them. Firmware code that
// waits is of two kinds, and the names of its functions say which.

// DelayFed makes the CPU busy for d in firmware code that feeds the watchdog
// meanwhile: it does not count the time.
func (s *Scheduler) DelayFed(d clock.Duration) {
	s.local = s.local.Add(d)
	s.cpu.RecordDelay(int64(d) * 1000)
}

// DelayUnfed is DelayFed for firmware code that does not feed the watchdog. It
// reports false when the watchdog has bitten: the caller should return.
func (s *Scheduler) DelayUnfed(d clock.Duration) bool {
	s.cpu.Charge(int64(d) * 1000)
	if s.free {
		s.local = s.local.Add(d)
	}
	s.CheckWatchdog()
	return !s.host.Resetting()
}

// WaitUnfed makes the piece of work at hand wait for nanos nanoseconds where Lua
// takes time; where it takes none it does not wait. The watchdog counts them, and
// bites no sooner than the next instruction.
func (s *Scheduler) WaitUnfed(nanos int64) {
	if nanos > 0 && !s.free && s.running && s.cpu != nil {
		s.cpu.Charge(nanos)
	}
}

// FeedWatchdog restarts the software watchdog's count (tmr.wdclr, and each
// return to the system).
func (s *Scheduler) FeedWatchdog() { s.fed = s.used() }

// CheckWatchdog lets the watchdog bite if it is time. It is called from within
// Lua about each millisecond of CPU time. The watchdog counts the nominal price of
// instructions also where Lua is free.
func (s *Scheduler) CheckWatchdog() {
	if clock.Duration((s.used()-s.fed)/1000) > SoftWatchdog {
		s.host.Bitten()
		return
	}
	// A loop that feeds the watchdog never returns to the system. It ends with
	// the run: the time that its instructions take tells, even where Lua is free.
	took := clock.Duration((s.used() - s.cpuMark) / 1000)
	if took > SoftWatchdog && s.clock.Ending(s.local.Add(took-SoftWatchdog)) {
		s.cpu.Kill("the run ends")
	}
}

// LuaTakesTime reports whether Lua takes virtual time.
func (s *Scheduler) LuaTakesTime() bool { return !s.free }

// cycleCounter is CCOUNT: the count at some moment since the reset, and how fast
// it goes since.
type cycleCounter struct {
	base int64 // the count
	at   int64 // at so many nanoseconds
	mhz  int
}

// Cycles returns the CPU's cycle counter (CCOUNT), which runs at the CPU clock
// and wraps.
func (s *Scheduler) Cycles() uint32 {
	nanos := int64(s.Uptime()) * 1000
	if s.running && !s.free {
		nanos += (s.used() - s.cpuMark) % 1000
	}
	return uint32(s.cycles.base + (nanos-s.cycles.at)*int64(s.cycles.mhz)/1000)
}

// MHz returns the CPU clock.
func (s *Scheduler) MHz() int { return s.cycles.mhz }

// SetMHz sets the CPU clock. The cycle counter goes on from where it is.
func (s *Scheduler) SetMHz(mhz int) {
	s.cycles = cycleCounter{base: int64(s.Cycles()), at: int64(s.Uptime()) * 1000, mhz: mhz}
}
