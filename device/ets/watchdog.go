package ets

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// The software watchdog ticks every 1.6 s, by a hardware timer of its own. A tick sets a
// flag and asks the Wi-Fi task, which has the highest priority, to clear it; one that
// finds it set resets the device. So a program is reset 1.6 to 3.2 s after it began to
// keep the CPU, and feeding clears the flag but moves no tick.
// (Measured: oracle sdk-watchdog.json, sdk-behaviour.md 5.)
const (
	watchdogTick = 1600 * clock.Millisecond
	// watchdogStopped is when the next tick comes after the watchdog was stopped.
	watchdogStopped = 70 * clock.Second
	// WatchdogLongest is the longest that a program may keep the CPU.
	WatchdogLongest = 2 * watchdogTick
)

// watchdog is when the ticks come, and when the flag was last cleared.
type watchdog struct {
	next    clock.Time // a tick; the others come each 1.6 s after it
	cleared clock.Time
	flagged bool // the flag was set when the ticks were moved to next
}

func (w *watchdog) start(now clock.Time) {
	*w = watchdog{next: now.Add(watchdogTick), cleared: now}
}

func (w *watchdog) feed(now clock.Time) { w.cleared, w.flagged = now, false }

func (w *watchdog) stop(now clock.Time) {
	w.flagged = w.flagged || w.tickAfter(w.cleared) <= now
	w.next, w.cleared = now.Add(watchdogStopped), now
}

// tickAfter returns the first tick after t.
func (w *watchdog) tickAfter(t clock.Time) clock.Time {
	return w.next.FirstFrom(t.Add(1), watchdogTick)
}

// bites returns when the device is reset if nobody feeds the watchdog.
func (w *watchdog) bites() clock.Time {
	if w.flagged {
		return w.next
	}
	return w.tickAfter(w.cleared).Add(watchdogTick)
}

// FeedWatchdog clears the software watchdog's flag (system_soft_wdt_feed: tmr.wdclr,
// and whatever erases or writes flash).
func (s *Scheduler) FeedWatchdog() { s.dog.feed(s.dogTime()) }

// StopWatchdog makes its next tick come after 70 s (system_soft_wdt_stop), and
// RestartWatchdog makes the ticks begin anew.
func (s *Scheduler) StopWatchdog() { s.dog.stop(s.dogTime()) }

// RestartWatchdog is described at StopWatchdog.
func (s *Scheduler) RestartWatchdog() { s.dog.start(s.dogTime()) }

// WatchdogBites returns when the software watchdog resets the device if the program
// keeps the CPU from now on and does not feed it.
func (s *Scheduler) WatchdogBites() clock.Time { return s.dog.bites() }

// dogTime is the device's own time as the watchdog sees it, which counts the nominal
// price of instructions also where Lua is free.
func (s *Scheduler) dogTime() clock.Time {
	if !s.running {
		return s.Now()
	}
	return s.local.Add(clock.Duration((s.used() - s.cpuMark) / 1000))
}

// CheckWatchdog lets the watchdog bite if it is time. It is called from within
// Lua about each millisecond of CPU time.
func (s *Scheduler) CheckWatchdog() {
	now := s.dogTime()
	took := clock.Duration((s.used() - s.cpuMark) / 1000)
	switch {
	case s.host.Resetting():
	case now >= s.dog.bites():
		s.host.Bitten(now.Sub(s.keptSince))
	case took > WatchdogLongest && s.clock.Ending(now.Add(-WatchdogLongest)):
		// A loop that feeds the watchdog never returns to the system. It ends with
		// the run: the time that its instructions take tells, even where Lua is free.
		s.cpu.Kill("the run ends")
	}
}
