package ets

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The chip's scheduler (ETS). It is not preemptive. When the CPU becomes free the Wi-Fi
// task has its turn, then one run of the timers' handler over all that is due, then the
// SDK's own tasks, then received packets one by one, then Lua's tasks by priority. What
// the CPU spends in each piece of work moves the device's own time ahead of the world's;
// due work waits until the world has caught up.
//
// The rules, and where they are measured: oracle sdk-behaviour.md 3 to 5, sdk-timers.json,
// net-behaviour.md 1.1, 13, 14.

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

// Host is the device as its scheduler sees it.
type Host interface {
	// Work runs one piece of work until it returns or the CPU stops in it.
	Work(fn func())
	// Worked is called when a piece of work has ended, with the CPU free again
	// as soon as the world has caught up.
	Worked()
	// Resetting reports whether the piece of work at hand ends in a reset.
	Resetting() bool
	// Bitten is called when the software watchdog bites, which the CPU has been kept
	// from for so long.
	Bitten(kept clock.Duration)
	// Print is what the SDK prints.
	Print(text string)
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

// Config is what a scheduler may do otherwise than the chip.
type Config struct {
	// Free makes Lua take no virtual time. What it takes of the CPU is counted all
	// the same.
	Free bool
	// ExactTimers makes software timers run on the microsecond: a millisecond is one,
	// and none is late because another one was due shortly before. Measurements were
	// made like that.
	ExactTimers bool
	// Busy, if set, is asked before the timers' handler runs, a received packet and a task
	// of Lua: for so long the Wi-Fi task has the CPU first, which goes before all of them.
	// What is due then goes by its priority. Searches for faults try other orders of work
	// so, and only those that the chip can show.
	Busy func(before Work) clock.Duration
}

// Work is a kind of work for which the Wi-Fi task can make others wait.
type Work int

// The kinds.
const (
	None     Work = iota // nothing that is due, or a task of the SDK
	Handler              // the timers'
	Received             // a packet
	LuaTask
)

// Scheduler is the scheduler of one device, with its time and its watchdog.
type Scheduler struct {
	clock *clock.Clock
	host  Host
	free  bool                      // see Config
	busy  func(Work) clock.Duration // likewise
	waits bool                      // busy was asked for the work that is due
	cpu   CPU                       // nil while there is no Lua

	// Frames, if set, is the Wi-Fi task: it deals with the frames that have arrived,
	// before any other work, whenever the CPU has been free.
	Frames func()

	on        bool     // something may run
	running   bool     // a piece of work is under way
	system    []func() // the SDK's own tasks
	packets   []func()
	tasks     [priorities][]func()
	wake      *clock.Event
	busyUntil clock.Time
	work      func() // the piece at hand
	doFirst   func() // workFirst and workKept, made once
	doKept    func()

	timers    []*Timer // by expiry; a new one goes before those of equal expiry
	unit      unit
	exact     bool       // see Config
	alarm     clock.Time // of the timers' hardware, for the first of them; Forever: none
	posted    bool       // it has gone off, and the handler waits for the CPU
	handling  bool       // the handler runs
	handledAt ticks      // when that began

	local     clock.Time // device time at the start of the current work, plus delays
	cpuMark   int64      // CPU time used at the start of the current work
	dog       watchdog
	keptSince clock.Time // when the CPU was last free
	resetAt   clock.Time // when the device was last reset: its own time zero
	cycles    cycleCounter
}

// New returns the scheduler of a device that is off.
func New(c *clock.Clock, host Host, cfg Config) *Scheduler {
	s := &Scheduler{clock: c, host: host, free: cfg.Free, busy: cfg.Busy, exact: cfg.ExactTimers, alarm: clock.Forever}
	s.doFirst, s.doKept = s.workFirst, s.workKept
	return s
}

// Start is a reset: from now on there may be work. The device's own time begins.
func (s *Scheduler) Start() {
	s.on = true
	s.resetAt = s.clock.Now()
	s.cycles = cycleCounter{mhz: s.cycles.mhz}
	s.unit = coarse
	if s.exact {
		s.unit = exact
	}
	s.dog.start(s.resetAt)
}

// SetCPU tells who executes Lua, since the boot that has just made it.
func (s *Scheduler) SetCPU(c CPU) { s.cpu, s.cpuMark = c, 0 }

// Shutdown forgets everything that is queued, and Lua.
func (s *Scheduler) Shutdown() {
	s.Halt()
	s.busyUntil = 0
	s.cpu = nil
}

// Halt lets nothing run until the next reset.
func (s *Scheduler) Halt() {
	s.on = false
	s.wake.Stop()
	s.timers, s.system, s.packets, s.tasks = nil, nil, nil, [priorities][]func(){}
	s.alarm, s.posted, s.handling, s.waits = clock.Forever, false, false, false
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

// systemQueueLen is how many tasks of the SDK may wait (fw: app/include/lwip/app/espconn.h,
// espconn_TaskQueueLen).
const systemQueueLen = 15

// PostSystem queues a task of the SDK, which goes before received packets. It reports
// false when the queue is full.
func (s *Scheduler) PostSystem(fn func()) bool {
	if len(s.system) >= systemQueueLen || !s.on {
		return false
	}
	s.system = append(s.system, fn)
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
	at := clock.Time(0)
	if len(s.packets)+len(s.system)+len(s.tasks[Low])+len(s.tasks[Medium])+len(s.tasks[High]) == 0 && !s.posted && !s.handling {
		at = s.nextTimer()
	}
	return max(at, s.busyUntil, s.clock.Now())
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
		if s.busy != nil && s.keep(now) {
			break
		}
		was := s.handling
		work := s.take(now)
		if work == nil {
			break
		}
		s.exec(work, was && s.handling)
	}
	s.reschedule()
}

// keep gives the CPU to the Wi-Fi task, if that wants it before the work that is due at
// now. It reports whether it did.
func (s *Scheduler) keep(now clock.Time) bool {
	next := s.next(now)
	if next == None || s.handling || s.waits {
		s.waits = false
		return false
	}
	d := s.busy(next)
	if s.waits = d > 0; s.waits {
		s.busyUntil = now.Add(d)
	}
	return s.waits
}

// next is what take would return.
func (s *Scheduler) next(now clock.Time) Work {
	switch {
	case s.posted || s.alarm <= now:
		return Handler
	case len(s.system) > 0:
		return None
	case len(s.packets) > 0:
		return Received
	case len(s.tasks[Low])+len(s.tasks[Medium])+len(s.tasks[High]) > 0:
		return LuaTask
	}
	return None
}

// take removes and returns the next piece of work that is due at now, or nil.
func (s *Scheduler) take(now clock.Time) func() {
	if fn := s.handle(now); fn != nil {
		return fn
	}
	if len(s.system) > 0 {
		fn := s.system[0]
		s.system = slices.Delete(s.system, 0, 1)
		return fn
	}
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

// exec runs one piece of work on the CPU. kept says that the CPU has not been free
// since the one before: the timers' handler goes on.
func (s *Scheduler) exec(work func(), kept bool) {
	s.running = true
	s.local, s.cpuMark = s.clock.Now(), s.used()
	s.work = work
	if kept {
		s.CheckWatchdog()
		s.host.Work(s.doKept)
	} else {
		s.FeedWatchdog()
		s.keptSince = s.local
		s.host.Work(s.doFirst)
	}
	s.busyUntil = s.Now()
	s.running, s.work = false, nil
	s.host.Worked()
}

func (s *Scheduler) workFirst() {
	if s.Frames != nil {
		s.Frames()
	}
	s.workKept()
}

func (s *Scheduler) workKept() {
	if !s.host.Resetting() {
		s.work()
	}
}

// FreeAt returns when the CPU is done with the last piece of work.
func (s *Scheduler) FreeAt() clock.Time { return s.busyUntil }
