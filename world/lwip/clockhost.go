package lwip

import (
	"math/rand/v2"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// ClockHost is a Host without a CPU: timers expire on time and memory never ends.
// Far ends and tests use it.
type ClockHost struct {
	// Send puts a packet on the wire.
	Send func(*wire.Packet)
	// InUse is the native memory allocated, in bytes, and Blocks in how many
	// pieces; Peak is the most that was in use.
	InUse, Blocks, Peak int
	// Limit makes Alloc fail beyond that many bytes, unless it is 0.
	Limit int

	clock *clock.Clock
	rand  *rand.Rand
}

// NewClockHost returns a host whose random numbers follow from the seed.
func NewClockHost(c *clock.Clock, seed uint64, send func(*wire.Packet)) *ClockHost {
	return &ClockHost{Send: send, clock: c, rand: rand.New(rand.NewPCG(seed, 0x6c776970))}
}

// Now implements Host.
func (h *ClockHost) Now() clock.Time { return h.clock.Now() }

// Alloc implements Host.
func (h *ClockHost) Alloc(_ Kind, size int) bool {
	if h.Limit > 0 && h.InUse+size > h.Limit {
		return false
	}
	h.InUse += size
	h.Blocks++
	h.Peak = max(h.Peak, h.InUse)
	return true
}

// Free implements Host.
func (h *ClockHost) Free(_ Kind, size int) {
	h.InUse -= size
	h.Blocks--
}

// Rand implements Host.
func (h *ClockHost) Rand() uint32 { return h.rand.Uint32() }

// Transmit implements Host.
func (h *ClockHost) Transmit(_ int, p *wire.Packet) { h.Send(p) }

// NewTimer implements Host.
func (h *ClockHost) NewTimer(fn func()) Timer { return &clockTimer{h: h, fn: fn} }

// clockTimer is a QuietTimer: what is quiet costs no events.
type clockTimer struct {
	h       *ClockHost
	fn      func()
	expiry  clock.Time
	period  clock.Duration
	repeat  bool
	armed   bool
	running bool // schedule comes when the expiry is over
	until   clock.Time
	skipped func(clock.Time) clock.Time
	event   *clock.Event
}

func (t *clockTimer) Arm(period clock.Duration, repeat bool) {
	t.expiry, t.period, t.repeat = t.h.clock.Now().Add(period), period, repeat
	t.armed, t.until = true, 0
	t.schedule()
}

func (t *clockTimer) Disarm() bool {
	armed := t.armed
	t.armed = false
	t.event.Stop()
	return armed
}

// Quiet implements QuietTimer.
func (t *clockTimer) Quiet(until clock.Time, skipped func(clock.Time) clock.Time) {
	t.until, t.skipped = until, skipped
	t.schedule()
}

// schedule wakes the host for the first expiry that matters.
func (t *clockTimer) schedule() {
	if !t.armed || t.running {
		return
	}
	at := t.expiry
	if t.repeat && t.until > at {
		if t.until == clock.Forever {
			t.event.Stop()
			return
		}
		at = at.FirstFrom(t.until, t.period)
	}
	if t.event.Pending() && t.event.Time() == at {
		return
	}
	if t.event == nil {
		t.event = t.h.clock.At(at, t.expire)
	} else {
		t.h.clock.Again(t.event, at)
	}
}

// CatchUp implements QuietTimer.
func (t *clockTimer) CatchUp() {
	now := t.h.clock.Now()
	for t.armed && t.repeat && t.expiry <= now && t.expiry < t.until {
		at := t.expiry
		t.expiry = at.Add(t.period)
		next := t.skipped(at) // which may change until
		t.expiry = t.expiry.FirstFrom(min(next, t.until, now.Add(1)), t.period)
	}
}

func (t *clockTimer) expire() {
	t.running = true
	t.CatchUp()
	if t.expiry <= t.h.clock.Now() { // else it has turned out to be quiet
		t.expiry = t.expiry.Add(t.period)
		t.armed = t.repeat
		t.fn()
	}
	t.running = false
	t.schedule()
}
