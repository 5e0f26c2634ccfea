package clock

import (
	"testing"
	"time"
)

// computer is a host whose time passes when it is slept through, and by 10 µs with
// each look at another goroutine. A sleep ends a millisecond late.
type computer struct {
	wall   time.Time
	slept  []time.Duration
	yields int
}

func (h *computer) host() host {
	return host{
		now: func() time.Time { return h.wall },
		sleep: func(wake <-chan struct{}, d time.Duration) {
			select {
			case <-wake:
				return
			default:
			}
			h.slept = append(h.slept, d)
			h.wall = h.wall.Add(d + time.Millisecond)
		},
		yield: func() {
			h.yields++
			h.wall = h.wall.Add(10 * time.Microsecond)
		},
	}
}

// on returns a clock of that host, at a speed.
func on(h *computer, speed float64) *Clock {
	c := New()
	c.pacer.host = h.host()
	c.Receive = func(any) {}
	c.SetSpeed(speed)
	return c
}

// What follows from an input within 100 µs is not slept for, and comes on time.
func TestShortWaitsArePolled(t *testing.T) {
	h := &computer{wall: time.Unix(0, 0)}
	c := on(h, 1000)
	began := h.wall
	var took time.Duration
	c.Receive = func(any) {
		for i := range 5 {
			c.After(Duration(i+1)*50*Millisecond, func() { took = h.wall.Sub(began) })
		}
	}
	c.Post("request")
	c.Run(At(Second), false)
	if took < 250*time.Microsecond || took > 300*time.Microsecond {
		t.Errorf("250 ms at a thousand times the speed took %v", took)
	}
	if len(h.slept) != 1 || h.slept[0] < 700*time.Microsecond {
		t.Errorf("slept %v, want once, for the rest", h.slept)
	}
}

// A wait that is polled ends when something comes.
func TestAPolledWaitIsWoken(t *testing.T) {
	h := &computer{wall: time.Unix(0, 0)}
	c := on(h, 1000)
	yield := c.pacer.host.yield
	c.pacer.host.yield = func() {
		if yield(); h.yields == 3 {
			c.Look(func() { c.Stop() })
		}
	}
	c.At(At(90*Millisecond), func() { t.Error("the event ran") })
	c.Post("request")
	c.Run(Forever, false)
	if h.yields != 3 {
		t.Errorf("polled %d times", h.yields)
	}
}

// A world in which something happens all the time does not poll when nobody waits for
// it: it sleeps, is late, and catches up.
func TestAWorldWithoutInputsSleeps(t *testing.T) {
	for _, inputs := range []int{0, 1} {
		h := &computer{wall: time.Unix(0, 0)}
		c := on(h, 1000)
		ticks := 0
		var tick func()
		tick = func() { ticks++; c.After(20*Millisecond, tick) }
		tick()
		for range inputs {
			c.Post("once")
		}
		c.Run(At(100*Second), false)
		if most := inputs * int(maxPolls/(10*time.Microsecond)); h.yields > most || inputs > 0 && h.yields < most/2 {
			t.Errorf("%d inputs: polled %d times, of at most %d", inputs, h.yields, most)
		}
		if ticks != 5001 {
			t.Errorf("%d ticks", ticks)
		}
		if took := h.wall.Sub(time.Unix(0, 0)); took > 102*time.Millisecond {
			t.Errorf("100 s at a thousand times the speed took %v", took)
		}
	}
}

// A world in virtual mode that follows what is outside answers an input at once, and
// keeps to wall time when it has nothing to answer.
func TestAnInputIsAnsweredAtOnce(t *testing.T) {
	h := &computer{wall: time.Unix(0, 0)}
	c := on(h, Max)
	var took [3]time.Duration
	release := c.Follow()
	c.Receive = func(any) {
		began := h.wall
		note := func(i int) func() { return func() { took[i] = h.wall.Sub(began) } }
		c.After(2*Millisecond, note(0))
		c.After(leadTime, note(1))
		c.After(Second, func() {
			note(2)()
			release()
		})
	}
	c.Post("request")
	c.Run(At(Hour), false)
	if took[0] != 0 || took[1] != 0 {
		t.Errorf("the answer took %v and %v", took[0], took[1])
	}
	if took[2] < 990*time.Millisecond || took[2] > 1010*time.Millisecond {
		t.Errorf("what was due after a second came after %v", took[2])
	}
	if len(h.slept) != 1 {
		t.Errorf("slept %v after the release", h.slept)
	}
}

// Inputs do not add up: after the last one virtual time waits for wall time no longer
// than for what it was ahead.
func TestLeadsDoNotAddUp(t *testing.T) {
	h := &computer{wall: time.Unix(0, 0)}
	c := on(h, Max)
	defer c.Follow()()
	n := 0
	var last time.Duration
	c.Receive = func(any) {
		if n++; n < 100 {
			c.After(leadTime-Millisecond, func() { c.Post("next") })
			return
		}
		began := h.wall
		c.After(2*leadTime, func() { last = h.wall.Sub(began) })
	}
	c.Post("first")
	c.Run(At(Minute), false)
	if last < 190*time.Millisecond || last > 210*time.Millisecond {
		t.Errorf("200 ms after the last of %d inputs took %v", n, last)
	}
}

// A sleep ends in time whatever alarm the one before it has left, and one that leaves it
// alone may end early.
func TestSleepsLeaveTheirAlarm(t *testing.T) {
	var p pacer
	p.init()
	slept := func(d time.Duration) time.Duration {
		began := time.Now()
		p.host.sleep(p.wake, d)
		return time.Since(began)
	}
	const short, long = 20 * time.Millisecond, 10 * time.Second
	for _, tt := range []struct {
		d, least, most time.Duration
		woken          bool
	}{
		{d: time.Hour, most: long, woken: true},
		{d: short, least: short, most: long},     // sooner than the alarm
		{d: short, least: short, most: long},     // it has rung
		{d: short, most: long, woken: true},      // leaves one
		{d: time.Hour, most: long},               // which comes too early
		{d: 2 * short, least: short, most: long}, // and not again
	} {
		if tt.woken {
			p.notify()
		}
		if took := slept(tt.d); took < tt.least || took > tt.most {
			t.Errorf("%v took %v", tt.d, took)
		}
	}
}
