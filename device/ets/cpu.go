package ets

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

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

// DelayFed makes the CPU busy for d in firmware code that feeds the watchdog each
// second and at the end. The first second counts as what the program took before.
func (s *Scheduler) DelayFed(d clock.Duration) {
	for d > 0 && !s.host.Resetting() {
		part := min(d, clock.Second)
		d -= part
		if bites := s.dog.bites().Sub(s.dogTime()); bites <= part {
			s.delay(max(bites, 0))
			s.CheckWatchdog()
			return
		}
		s.delay(part)
		s.FeedWatchdog()
	}
}

func (s *Scheduler) delay(d clock.Duration) {
	s.local = s.local.Add(d)
	s.cpu.RecordDelay(int64(d) * 1000)
}

// DelayUnfed is DelayFed for firmware code that does not feed the watchdog. It
// reports false when the watchdog has bitten: the caller should return.
func (s *Scheduler) DelayUnfed(d clock.Duration) bool {
	d = max(min(d, s.dog.bites().Sub(s.dogTime())), 0)
	s.cpu.Charge(int64(d) * 1000)
	if s.free {
		s.local = s.local.Add(d)
		s.cpuMark += int64(d) * 1000 // it is in local now
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
