package clock

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

func TestEventsRunByTimeThenSequence(t *testing.T) {
	c := New()
	var got []string
	at := func(tm Time, name string) {
		c.At(tm, func() { got = append(got, fmt.Sprintf("%s@%d", name, c.Now())) })
	}
	at(20, "b")
	at(10, "a")
	at(20, "c")
	c.At(10, func() { at(5, "past"); at(20, "d") })
	c.RunUntil(100)
	if want := "[a@10 past@10 b@20 c@20 d@20]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if c.Now() != 100 {
		t.Errorf("now is %d, want 100", c.Now())
	}
}

// TestRunToAPlaceBetweenEvents comes between two events of the same time.
func TestRunToAPlaceBetweenEvents(t *testing.T) {
	c := New()
	got := ""
	for _, name := range []string{"a", "b"} {
		c.At(10, func() { got += name })
	}
	c.RunTo(1, 10)
	if got != "a" || c.Happened() != 1 || c.Now() != 10 {
		t.Errorf("%q after %d events at %d", got, c.Happened(), c.Now())
	}
	c.RunTo(2, 15)
	if got != "ab" || c.Happened() != 2 || c.Now() != 15 {
		t.Errorf("%q after %d events at %d", got, c.Happened(), c.Now())
	}
}

// TestAwait ends between two events of the same time, when its time is over, or when
// nothing is left.
func TestAwait(t *testing.T) {
	c := New()
	got := ""
	for _, name := range []string{"a", "b", "c"} {
		c.At(10, func() { got += name })
	}
	until := func(want string) func() bool { return func() bool { return got == want } }
	for _, tt := range []struct {
		to   Time
		want string
		ok   bool
		now  Time
	}{{50, "", true, 0}, {50, "ab", true, 10}, {50, "ab", true, 10}, {5, "x", false, 10}, {30, "x", false, 30}, {Forever, "x", false, 30}, {Forever, "abc", true, 30}} {
		if ok := c.Await(tt.to, until(tt.want)); ok != tt.ok || c.Now() != tt.now {
			t.Errorf("to %d for %q: %v, now %d, %q", tt.to, tt.want, ok, c.Now(), got)
		}
	}
	c.After(10, func() {
		if c.Ending(c.Now().Add(5)) || !c.Ending(c.Now().Add(15)) {
			t.Error("the limit is not that of Await")
		}
	})
	c.Await(c.Now().Add(20), func() bool { return false })
}

func TestFirstFrom(t *testing.T) {
	for _, tt := range []struct{ from, want Time }{{0, 100}, {100, 100}, {101, 125}, {125, 125}, {126, 150}, {200, 200}} {
		if got := Time(100).FirstFrom(tt.from, 25); got != tt.want {
			t.Errorf("from %d: %d, want %d", tt.from, got, tt.want)
		}
	}
}

func TestStopTakesAnEventOut(t *testing.T) {
	c := New()
	ran := 0
	e := c.At(10, func() { ran++ })
	if !e.Pending() || !e.Stop() || e.Stop() || e.Pending() {
		t.Error("a pending event stops once")
	}
	late := c.At(10, func() { ran++ })
	c.RunUntil(20)
	if ran != 1 || late.Stop() {
		t.Errorf("%d events ran, want 1; stopping it afterwards does nothing", ran)
	}
	var none *Event
	if none.Pending() || none.Stop() {
		t.Error("a nil event is not pending")
	}
}

// An event that comes again keeps no place: of equal times it is the last.
func TestAgain(t *testing.T) {
	c := New()
	got := ""
	note := func(s string) func() { return func() { got += fmt.Sprintf("%s@%d ", s, c.Now()) } }
	a := c.At(10, note("a"))
	b := c.At(20, note("b"))
	c.Again(a, 20)
	c.RunUntil(20)
	c.Again(b, 5) // the past is now
	c.Again(a, 30)
	c.Again(a, 25)
	c.RunUntil(40)
	if want := "b@20 a@20 b@20 a@25 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is done is in order with other events, also where an event is used again.
func TestDo(t *testing.T) {
	c := New()
	got := ""
	note := func(s string) func() { return func() { got += fmt.Sprintf("%s@%d ", s, c.Now()) } }
	c.Do(10, func() {
		note("a")()
		c.Do(10, note("d"))
		c.After(10, note("e"))
		c.Do(5, note("c"))
	})
	c.After(10, note("b"))
	c.RunUntil(100)
	if want := "a@10 b@10 c@15 d@20 e@20 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if allocs := testing.AllocsPerRun(100, func() { c.Do(1, func() {}); c.RunUntil(c.Next()) }); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// The inbox keeps its order over bursts, and gives the room of a large one back.
func TestInbox(t *testing.T) {
	c := New()
	n := 0
	c.Receive = func(in any) {
		if in.(int) != n {
			t.Fatalf("got %v, want %d", in, n)
		}
		if n++; n == 2500 {
			c.Stop()
		} else if n <= 1000 && n%2 == 0 {
			c.Post(2000 + n/2 - 1)
		}
	}
	for i := range 2000 {
		c.Post(i)
	}
	c.Run(Forever, false)
	if n != 2500 || cap(c.pacer.inbox) > keptInbox {
		t.Errorf("%d items came; the inbox has room for %d", n, cap(c.pacer.inbox))
	}
}

// The queue against a sorted list, with random insertions, removals and events that
// are moved.
func TestQueueAgainstSort(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	c := New()
	type rec struct{ at, seq int }
	var got, want []rec
	var moved []func()
	for i := range 2000 {
		r := rec{rnd.IntN(100), i}
		e := c.At(Time(r.at), func() { got = append(got, r) })
		switch rnd.IntN(4) {
		case 0:
			e.Stop()
			continue
		case 1:
			moved = append(moved, func() {
				r.at = rnd.IntN(100)
				c.Again(e, Time(r.at))
				want = append(want, r)
			})
			continue
		}
		want = append(want, r)
	}
	for _, again := range moved {
		again()
	}
	sort.SliceStable(want, func(i, j int) bool { return want[i].at < want[j].at })
	c.RunUntil(100)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("order differs from a stable sort by time")
	}
}

func TestVirtualRunJumps(t *testing.T) {
	c := New()
	days := 0
	var tick func()
	tick = func() { days++; c.After(24*Hour, tick) }
	c.After(24*Hour, tick)
	c.Run(At(1000*24*Hour), false)
	if days != 1000 || c.Now() != At(1000*24*Hour) {
		t.Errorf("%d days, now %v", days, c.Now())
	}
}

func TestRunDrains(t *testing.T) {
	c := New()
	c.At(5, func() {})
	c.Run(Forever, true)
	if c.Now() != 5 {
		t.Errorf("now %d, want 5", c.Now())
	}
}

// Real time is checked from below only: a run may be late, never early.
func TestRealTimeIsNeverEarly(t *testing.T) {
	c := New()
	c.SetSpeed(10)
	start := time.Now()
	c.Run(At(500*Millisecond), false)
	if d := time.Since(start); d < 50*time.Millisecond {
		t.Errorf("half a second at ten times the speed took %v", d)
	}
}

func TestPostWakesAnIdleRealTimeRun(t *testing.T) {
	c := New()
	c.SetSpeed(1)
	var at Time
	go func() {
		time.Sleep(20 * time.Millisecond)
		c.Look(func() { at = c.Now(); c.Stop() })
	}()
	c.Run(Forever, false)
	if at < At(20*Millisecond) {
		t.Errorf("posted after 20 ms of wall time, seen at %d µs of virtual time", at)
	}
}

func TestPauseStepContinue(t *testing.T) {
	c := New()
	var got []int
	for i := range 4 {
		c.At(Time(i), func() { got = append(got, i) })
	}
	c.Pause()
	c.Step()
	go func() {
		// Posted functions run while paused; time stands.
		done := make(chan int)
		c.Look(func() {
			if len(got) <= 1 {
				c.Step()
			}
			close(done)
		})
		<-done
		time.Sleep(20 * time.Millisecond)
		c.Look(func() {
			if len(got) != 2 || !c.State().Paused {
				t.Errorf("paused after two steps: %v ran, state %+v", got, c.State())
			}
			c.Continue()
		})
	}()
	c.Run(10, false)
	if fmt.Sprint(got) != "[0 1 2 3]" {
		t.Errorf("got %v", got)
	}
}

func TestStopBeforeRun(t *testing.T) {
	c := New()
	c.At(1, func() { t.Error("ran after Stop") })
	c.Stop()
	c.Run(Forever, false)
}

func TestSpeedMustBePositive(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("speed 0 was taken")
		}
	}()
	New().SetSpeed(0)
}

func BenchmarkEvents(b *testing.B) {
	c := New()
	var tick func()
	n := 0
	tick = func() {
		if n++; n < b.N {
			c.After(10, tick)
		}
	}
	for range 50 { // a queue of realistic depth
		c.At(Forever-1, func() {})
	}
	c.After(10, tick)
	b.ResetTimer()
	for n < b.N {
		c.RunUntil(c.Next())
	}
}
