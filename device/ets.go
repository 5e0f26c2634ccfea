package device

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

// lateLoop is how long one run over the due timers may take before periodic
// timers lose their grid (oracle: net-behaviour.md 1.1).
const lateLoop = 15 * clock.Millisecond

type scheduler struct {
	timers    []*Timer // by expiry; a new one goes before those of equal expiry
	packets   []func()
	tasks     [priorities][]func()
	wake      *clock.Event
	busyUntil clock.Time
	loopStart clock.Time // when the current run over due timers began, -1 outside
}

// Timer is one of the chip's software timers (os_timer).
type Timer struct {
	d      *Device
	fn     func()
	expiry clock.Time
	period clock.Duration
	repeat bool
	armed  bool

	quietUntil clock.Time
	skipped    func(at clock.Time)
}

// NewTimer makes a timer that calls fn, disarmed.
func (d *Device) NewTimer(fn func()) *Timer { return &Timer{d: d, fn: fn} }

// Arm makes the timer expire after period, and again and again when repeat is
// set. An armed timer is rearmed.
func (t *Timer) Arm(period clock.Duration, repeat bool) {
	t.ArmAt(t.d.Now().Add(period), period, repeat)
}

// ArmAt is Arm with the first expiry at an absolute time.
func (t *Timer) ArmAt(at clock.Time, period clock.Duration, repeat bool) {
	t.Disarm()
	t.CatchUp()
	t.expiry, t.period, t.repeat = at, period, repeat
	t.insert()
	t.d.reschedule()
}

// Disarm stops the timer. It reports whether it was armed.
func (t *Timer) Disarm() bool {
	if !t.armed {
		return false
	}
	t.armed = false
	s := &t.d.sched
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
func (t *Timer) Quiet(until clock.Time, skipped func(at clock.Time)) {
	t.quietUntil, t.skipped = until, skipped
	t.d.reschedule()
}

// CatchUp reports the expiries slept through up to now.
func (t *Timer) CatchUp() {
	if !t.d.running {
		t.d.sched.catchUp(t.d.world.Clock.Now())
	}
}

// quiet reports whether the next expiry can be slept through.
func (t *Timer) quiet(busyUntil clock.Time) bool {
	return t.repeat && t.expiry < t.quietUntil && t.expiry >= busyUntil
}

// catchUp brings timers that were slept through up to date. A timer counts as put
// back into the list when it would have run; nothing else has touched the list
// since.
func (s *scheduler) catchUp(now clock.Time) {
	for i := 0; i < len(s.timers) && s.timers[i].expiry < now; {
		t := s.timers[i]
		if !t.quiet(s.busyUntil) {
			i++
			continue
		}
		s.timers = slices.Delete(s.timers, i, i+1)
		for t.expiry < now && t.quiet(s.busyUntil) {
			at := t.expiry
			t.expiry = t.expiry.Add(t.period)
			t.skipped(at)
		}
		t.insert()
	}
}

func (t *Timer) insert() {
	t.armed = true
	s := &t.d.sched
	i, _ := slices.BinarySearchFunc(s.timers, t.expiry, func(o *Timer, at clock.Time) int {
		if o.expiry < at {
			return -1
		}
		return 1 // equal expiry: the new one goes first
	})
	s.timers = slices.Insert(s.timers, i, t)
}

// Receive queues the processing of one received packet.
func (d *Device) Receive(fn func()) {
	if d.powered {
		d.sched.packets = append(d.sched.packets, fn)
		d.reschedule()
	}
}

// PostTask queues a task. It reports false when the queue of that priority is
// full.
func (d *Device) PostTask(p Priority, fn func()) bool {
	q := &d.sched.tasks[p]
	if len(*q) >= taskQueueLen {
		return false
	}
	*q = append(*q, fn)
	d.reschedule()
	return true
}

// reschedule makes sure that the world wakes the device when it has something
// to do.
func (d *Device) reschedule() {
	if d.running || !d.powered {
		return // run looks again when the current work is done
	}
	at := d.nextWork()
	if at == clock.Forever {
		return
	}
	if d.sched.wake.Pending() {
		if d.sched.wake.Time() <= at {
			return
		}
		d.sched.wake.Stop()
	}
	d.sched.wake = d.world.Clock.At(at, d.run)
}

// nextWork returns when the device has something to do next.
func (d *Device) nextWork() clock.Time {
	s := &d.sched
	at := clock.Forever
	if len(s.packets) > 0 || len(s.tasks[Low])+len(s.tasks[Medium])+len(s.tasks[High]) > 0 {
		at = 0
	} else {
		at = s.nextTimer()
	}
	return max(at, s.busyUntil, d.world.Clock.Now())
}

// nextTimer returns when a timer has something to do next.
func (s *scheduler) nextTimer() clock.Time {
	at := clock.Forever
	for _, t := range s.timers {
		if t.expiry >= at {
			break
		}
		if !t.quiet(s.busyUntil) {
			return t.expiry
		}
		if t.quietUntil < clock.Forever {
			at = min(at, t.expiry.Add((t.quietUntil.Sub(t.expiry)+t.period-1)/t.period*t.period))
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
func (d *Device) run() {
	now := d.world.Clock.Now()
	d.sched.catchUp(now)
	for n := 0; now >= d.sched.busyUntil; n++ {
		if n == burst {
			d.sched.busyUntil = now.Add(burstTime)
			break
		}
		work := d.sched.take(now)
		if work == nil {
			break
		}
		d.exec(work)
	}
	d.reschedule()
}

// take removes and returns the next piece of work that is due at now, or nil.
func (s *scheduler) take(now clock.Time) func() {
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
func (d *Device) exec(work func()) {
	now := d.world.Clock.Now()
	d.running = true
	d.local, d.cpuMark = now, d.vmCPU()
	d.feedWatchdog()
	d.tools.reported = false
	d.work(work)
	d.lookForLeaks()
	d.sched.busyUntil = d.Now()
	d.running = false
	if r := d.pendingReset; r != nil {
		// The reset comes when the CPU has got there, not before.
		d.pendingReset = nil
		d.stopCPU()
		d.world.Clock.At(d.sched.busyUntil, d.ifThisBoot(func() { d.reset(*r) }))
	}
}

// Now returns the device's own time: the world's, plus what the CPU has spent in
// the current piece of work.
func (d *Device) Now() clock.Time {
	if !d.running {
		return max(d.world.Clock.Now(), d.sched.busyUntil)
	}
	if !d.cpuCounts {
		return d.local
	}
	return d.local.Add(clock.Duration((d.vmCPU() - d.cpuMark) / 1000))
}

// Delay makes the CPU busy for us microseconds, as os_delay_us does.
func (d *Device) Delay(us clock.Duration) {
	d.local = d.local.Add(us)
	d.VM.RecordBusy(int64(us) * 1000)
}

// Spin is Delay for firmware code that does not feed the watchdog meanwhile. It
// reports false when the watchdog has bitten: the caller should return.
func (d *Device) Spin(us clock.Duration) bool {
	d.VM.AddCPU(int64(us) * 1000)
	if !d.cpuCounts {
		d.local = d.local.Add(us)
	}
	d.checkWatchdog()
	return d.pendingReset == nil
}

// Cycles returns the CPU's cycle counter (CCOUNT), which runs at the CPU clock
// and wraps.
func (d *Device) Cycles() uint32 {
	nanos := int64(d.Uptime()) * 1000
	if d.running && d.cpuCounts {
		nanos += (d.vmCPU() - d.cpuMark) % 1000
	}
	return uint32(d.cycleBase + (nanos-d.cycleAt)*int64(d.mhz)/1000)
}

// rebaseCycles keeps the cycle counter going over a change of the CPU clock.
func (d *Device) rebaseCycles() {
	d.cycleBase = int64(d.Cycles())
	d.cycleAt = int64(d.Uptime()) * 1000
}

func (d *Device) vmCPU() int64 {
	if d.VM == nil {
		return 0
	}
	return d.VM.CPU()
}
