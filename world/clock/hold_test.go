package clock

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A hold within an event serves the inbox while virtual time stands, and what it lets
// happen comes after the event.
func TestHoldServesTheInboxWithinAnEvent(t *testing.T) {
	for _, speed := range []float64{Max, 1} {
		c := New()
		c.SetSpeed(speed)
		var got []string
		note := func(what any) { got = append(got, fmt.Sprintf("%v@%d", what, c.Now())) }
		held := true
		c.Receive = func(in any) {
			note(in)
			switch in {
			case "go on":
				held = false
			case "later":
				c.At(c.Now(), func() { note("event of the input") })
			}
		}
		c.At(10, func() {
			note("begin")
			go func() {
				c.Post("later")
				c.Look(func() { note("look") })
				time.Sleep(30 * time.Millisecond)
				c.Post("go on")
			}()
			if c.Hold(func() bool { return held }) {
				t.Error("stopped")
			}
			note("end")
		})
		c.At(20, func() { note("next") })
		c.Run(1000, false)
		want := "begin@10, later@10, look@10, go on@10, end@10, event of the input@10, next@20"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("speed %v: %s\nwant %s", speed, s, want)
		}
	}
}

func TestStopEndsAHold(t *testing.T) {
	c := New()
	after := false
	c.At(10, func() {
		go func() { time.Sleep(10 * time.Millisecond); c.Stop() }()
		if !c.Hold(func() bool { return true }) {
			t.Error("the hold does not say that it was stopped")
		}
		if !c.Ending(c.Now()) {
			t.Error("the run does not end")
		}
	})
	c.At(20, func() { after = true })
	c.Run(Forever, false)
	if after || c.Now() != 10 {
		t.Errorf("the run went on to %d", c.Now())
	}
}

// The wall time of a hold is not made up for: what is due 50 ms later comes 50 ms
// after it.
func TestAHoldIsNotMadeUpFor(t *testing.T) {
	c := New()
	c.SetSpeed(1)
	var released time.Time
	c.At(1, func() {
		until := time.Now().Add(100 * time.Millisecond)
		go func() { time.Sleep(100 * time.Millisecond); c.Look(func() {}) }()
		c.Hold(func() bool { return time.Now().Before(until) })
		released = time.Now()
	})
	var took time.Duration
	c.At(At(50*Millisecond), func() { took = time.Since(released) })
	c.Run(At(100*Millisecond), false)
	if took < 45*time.Millisecond {
		t.Errorf("the next event came %v after the hold", took)
	}
}

// KeepAlive keeps a run that drains from ending.
func TestKeepAlive(t *testing.T) {
	c := New()
	c.Receive = func(any) {}
	release := c.KeepAlive()
	seen := false
	go func() {
		time.Sleep(20 * time.Millisecond)
		c.Look(func() { seen = true; release() })
	}()
	c.Run(Forever, true)
	if !seen {
		t.Error("the run ended while more could come")
	}
}

// A hold that begins in an input takes what stands behind it in the inbox, in order.
func TestHoldWithinAnInput(t *testing.T) {
	for _, release := range []string{"input", "look"} {
		c := New()
		held := false
		var got []any
		c.Receive = func(in any) {
			got = append(got, in)
			switch in {
			case "hold":
				held = true
				go func() { time.Sleep(10 * time.Millisecond); c.Post("late"); c.Post("last") }()
				c.Hold(func() bool { return held })
				got = append(got, "end of hold")
			case "release":
				held = false
			case "last":
				c.Stop()
			}
		}
		c.Post("hold")
		c.Post("second")
		if release == "input" {
			c.Post("release")
		} else {
			c.Look(func() { held = false })
		}
		c.Post("third")
		c.Run(Forever, false)
		want := "[hold second release end of hold third late last]"
		if release == "look" {
			want = strings.Replace(want, "release ", "", 1)
		}
		if s := fmt.Sprint(got); s != want {
			t.Errorf("%s: %s\nwant %s", release, s, want)
		}
	}
}

// Whoever releases twice releases only its own.
func TestReleaseTwice(t *testing.T) {
	c := New()
	other := c.KeepAlive()
	release := c.KeepAlive()
	release()
	release()
	if !c.pacer.keptAlive() {
		t.Error("nobody keeps the run alive any more")
	}
	other()
	if c.pacer.keptAlive() {
		t.Error("somebody still does")
	}
}
