package ets

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The chip's scheduler (ETS). It is not preemptive. When the CPU becomes free it
// runs all due timers, then received packets one by one, then tasks by priority.
// What the CPU spends in each piece of work moves the device's own time ahead of
// the world's; due work waits until the world has caught up.
//
// The rules, and where they are measured: oracle net-behaviour.md 1.1, 13, 14.

// Priority of a task (fw: node.task constants).
type Priority int

// Task priorities.
const (
	Low Priority = iota
	Medium
	High
	priorities
)

// taskQueueLen is how many tasks of one priority may wait (oracle:
// net-constants.json task_queue_per_priority).
const taskQueueLen = 8

// TaskQueueFull is the error of a task that finds no room (oracle:
// net-constants.json task_queue_per_priority).
const TaskQueueFull = "Task queue overflow. Task not posted"

// lateLoop is how long one run over the due timers may take before periodic
// timers lose their grid (oracle: net-behaviour.md 1.1).
const lateLoop = 15 * clock.Millisecond

// Host is the device as its scheduler sees it.
type Host interface {
	// Work runs one piece of work until it returns or the CPU stops in it.
	Work(fn func())
	// Worked is called when a piece of work has ended, with the CPU free again
	// as soon as the world has caught up.
	Worked()
	// Resetting reports whether the piece of work at hand ends in a reset.
	Resetting() bool
	// Bitten is called when the software watchdog bites.
	Bitten()
}

// CPU executes Lua and counts what that takes; *vm.VM is one.
type CPU interface {
	// CPU returns the CPU time used since boot, in nanoseconds.
	CPU() int64
	// Charge adds to it, and RecordDelay only to the profile of it.
	Charge(nanos int64)
	RecordDelay(nanos int64)
	// Kill ends the Lua code that is running.
	Kill(reason string)
}

// Scheduler is the scheduler of one device, with its time and its watchdog.
type Scheduler struct {
	clock *clock.Clock
	host  Host
	free  bool // Lua takes no virtual time
	cpu   CPU  // nil while there is no Lua

	on        bool     // something may run
	running   bool     // a piece of work is under way
	timers    []*Timer // by expiry; a new one goes before those of equal expiry
	packets   []func()
	tasks     [priorities][]func()
	wake      *clock.Event
	busyUntil clock.Time
	loopStart clock.Time // when the current run over due timers began, -1 outside

	local   clock.Time // device time at the start of the current work, plus delays
	cpuMark int64      // CPU time used at the start of the current work
	fed     int64      // CPU time used when the watchdog was last fed
	resetAt clock.Time // when the device was last reset: its own time zero
	cycles  cycleCounter
}

// New returns the scheduler of a device that is off. free makes Lua take no
// virtual time; what it takes of the CPU is counted all the same.
func New(c *clock.Clock, host Host, free bool) *Scheduler {
	return &Scheduler{clock: c, host: host, free: free, loopStart: -1}
}

// Start is a reset: from now on there may be work. The device's own time begins.
func (s *Scheduler) Start() {
	s.on = true
	s.resetAt = s.clock.Now()
	s.cycles = cycleCounter{mhz: s.cycles.mhz}
}

// SetCPU tells who executes Lua, since the boot that has just made it.
func (s *Scheduler) SetCPU(c CPU) { s.cpu, s.cpuMark, s.fed = c, 0, 0 }

// Shutdown forgets everything that is queued, and Lua.
func (s *Scheduler) Shutdown() {
	s.on = false
	s.wake.Stop()
	s.timers, s.packets, s.tasks = nil, nil, [priorities][]func(){}
	s.busyUntil, s.loopStart = 0, -1
	s.cpu = nil
}

// Halt lets nothing run until the next reset.
func (s *Scheduler) Halt() {
	s.on = false
	s.wake.Stop()
	s.timers, s.packets = nil, nil
	s.tasks = [priorities][]func(){}
}

// On reports whether the device runs what comes: it is neither off nor halted.
func (s *Scheduler) On() bool { return s.on }

// Running reports whether a piece of work is under way.
func (s *Scheduler) Running() bool { return s.running }

// Waiting returns how many tasks of a priority wait.
func (s *Scheduler) Waiting(p Priority) int { return len(s.tasks[p]) }

// Receive queues the processing of one received packet.
func (s *Scheduler) Receive(fn func()) {
	if s.on {
		s.packets = append(s.packets, fn)
		s.reschedule()
	}
}

// PostTask queues a task. It reports false when the queue of that priority is
// full.
func (s *Scheduler) PostTask(p Priority, fn func()) bool {
	q := &s.tasks[p]
	if len(*q) >= taskQueueLen {
		return false
	}
	*q = append(*q, fn)
	s.reschedule()
	return true
}

// reschedule makes sure that the world wakes the device when it has something
// to do.
func (s *Scheduler) reschedule() {
	if s.running || !s.on {
		return // run looks again when the current work is done
	}
	at := s.nextWork()
	if at == clock.Forever {
		return
	}
	switch {
	case s.wake == nil:
		s.wake = s.clock.At(at, s.run)
	case !s.wake.Pending() || s.wake.Time() > at:
		s.clock.Again(s.wake, at)
	}
}

// nextWork returns when the device has something to do next.
func (s *Scheduler) nextWork() clock.Time {
	at := clock.Forever
	if len(s.packets) > 0 || len(s.tasks[Low])+len(s.tasks[Medium])+len(s.tasks[High]) > 0 {
		at = 0
	} else {
		at = s.nextTimer()
	}
	return max(at, s.busyUntil, s.clock.Now())
}

// nextTimer returns when a timer has something to do next.
func (s *Scheduler) nextTimer() clock.Time {
	at := clock.Forever
	for _, t := range s.timers {
		if t.expiry >= at {
			break
		}
		if !t.quiet(s.busyUntil) {
			return t.expiry
		}
		if t.quietUntil < clock.Forever {
			at = min(at, t.expiry.FirstFrom(t.quietUntil, t.period))
		}
	}
	return at
}

// burst is how much work may be done at one instant before time passes: a
// program whose tasks post each other for ever must not stop the world's clock,
// even where Lua takes no time.
const (
	burst     = 1000
	burstTime = clock.Millisecond
)

// run does what is due, until the CPU is busy beyond the world's time or nothing
// is left.
func (s *Scheduler) run() {
	now := s.clock.Now()
	s.catchUp(now)
	for n := 0; now >= s.busyUntil; n++ {
		if n == burst {
			s.busyUntil = now.Add(burstTime)
			break
		}
		work := s.take(now)
		if work == nil {
			break
		}
		s.exec(work)
	}
	s.reschedule()
}

// take removes and returns the next piece of work that is due at now, or nil.
func (s *Scheduler) take(now clock.Time) func() {
	if len(s.timers) > 0 && s.timers[0].expiry <= now {
		if s.loopStart < 0 {
			s.loopStart = now
		}
		t := s.timers[0]
		s.timers = slices.Delete(s.timers, 0, 1)
		t.armed = false
		if t.repeat {
			if now.Sub(s.loopStart) > lateLoop {
				t.expiry = now.Add(t.period)
			} else {
				t.expiry = t.expiry.Add(t.period)
			}
			t.insert()
		}
		return t.fn
	}
	s.loopStart = -1
	if len(s.packets) > 0 {
		fn := s.packets[0]
		s.packets = slices.Delete(s.packets, 0, 1)
		return fn
	}
	for p := High; p >= Low; p-- {
		if q := s.tasks[p]; len(q) > 0 {
			fn := q[0]
			s.tasks[p] = slices.Delete(q, 0, 1)
			return fn
		}
	}
	return nil
}

// exec runs one piece of work on the CPU.
func (s *Scheduler) exec(work func()) {
	s.running = true
	s.local, s.cpuMark = s.clock.Now(), s.used()
	s.FeedWatchdog()
	s.host.Work(work)
	s.busyUntil = s.Now()
	s.running = false
	s.host.Worked()
}

// FreeAt returns when the CPU is done with the last piece of work.
func (s *Scheduler) FreeAt() clock.Time { return s.busyUntil }
