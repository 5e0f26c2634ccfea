package ets_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// TestQuietTimer checks that a timer which may be slept through leaves the order
// of everything else as it is when each expiry runs.
func TestQuietTimer(t *testing.T) {
	trace := func(quiet bool) string {
		w := world.New(1)
		d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, Startup: func(*device.Device) {}})
		d.PowerOn()
		w.Clock.RunUntil(clock.At(clock.Second))
		out := ""
		// Every third poll does something.
		const each = 75 * clock.Millisecond
		at := func(when clock.Time) clock.Time {
			next := clock.At(clock.Second).FirstFrom(when, each)
			if next == when {
				out += fmt.Sprintf("poll %d; ", when)
				next = next.Add(each)
			}
			return next
		}
		note := func(what string) func() {
			return func() { out += fmt.Sprintf("%s %d; ", what, d.Now()) }
		}
		poll := d.NewTimer(func() { at(d.Now()) })
		poll.Arm(25*clock.Millisecond, true)
		if quiet {
			poll.Quiet(clock.At(clock.Second+410*clock.Millisecond), at)
		}
		d.NewTimer(note("same instant")).Arm(50*clock.Millisecond, false)
		auto := d.NewTimer(note("auto"))
		auto.Arm(75*clock.Millisecond, true)
		d.NewTimer(func() { d.ETS.DelayFed(40 * clock.Millisecond); note("busy")() }).Arm(190*clock.Millisecond, false)
		w.Clock.At(clock.At(clock.Second+300*clock.Millisecond), func() {
			d.ETS.Receive(func() {
				note("packet")()
				poll.CatchUp()
				d.NewTimer(note("late")).Arm(25*clock.Millisecond, false)
			})
		})
		w.Clock.RunUntil(clock.At(clock.Second + 500*clock.Millisecond))
		return out
	}
	if got, want := trace(true), trace(false); got != want {
		t.Errorf("quiet: %s\nalways: %s", got, want)
	}
}

// The same with timers that are armed at random, close to each other, with the SDK's
// ticks and on the microsecond.
func TestQuietTimerAmongOthers(t *testing.T) {
	for seed := range uint64(300) {
		trace := func(quiet bool) string {
			rnd := rand.New(rand.NewPCG(seed, 1))
			w := world.New(1)
			d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, ExactTimers: seed%3 == 0, Startup: func(*device.Device) {}})
			d.PowerOn()
			w.Clock.RunUntil(clock.At(clock.Second))
			out := ""
			const each = 25 * clock.Millisecond
			counts := 0
			poll := d.NewTimer(func() {})
			poll.Arm(each, true)
			if quiet {
				poll.Quiet(clock.Forever, func(clock.Time) clock.Time { return clock.Forever })
			}
			for range 60 {
				counts++
				name := counts
				ms := clock.Duration(rnd.IntN(8)) * each
				timer := d.NewTimer(func() {
					out += fmt.Sprintf("%d at %d; ", name, d.Now())
					if name%5 == 0 {
						d.ETS.DelayFed(clock.Duration(rnd.IntN(40)) * clock.Millisecond)
					}
				})
				timer.Arm(ms+clock.Duration(rnd.IntN(3))*clock.Millisecond, name%7 == 0 && ms > 0)
				w.Clock.RunUntil(w.Clock.Now().Add(clock.Duration(rnd.IntN(30000))))
				if name%7 == 0 {
					timer.Disarm()
				}
			}
			w.Clock.RunUntil(w.Clock.Now().Add(clock.Second))
			return out
		}
		if got, want := trace(true), trace(false); got != want {
			t.Fatalf("seed %d:\nquiet:  %s\nalways: %s", seed, got, want)
		}
	}
}
