package tmr

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestSnapshot(t *testing.T) {
	x := terminal.New(t, map[string]string{"t.lua": "a = tmr.create()\na:alarm(250, tmr.ALARM_AUTO,\nfunction() end)\nb = tmr.create() b:register(10, tmr.ALARM_SEMI, function() end) tmr.create()"}, Module)
	x.Device.REPL.SetStartupCommand("@t.lua")
	x.Reboot() // a bit over a second: the timer has fired
	got := x.Device.Snapshot().Timers
	if len(got) != 2 {
		t.Fatalf("timers %+v", got)
	}
	if a := got[0]; a.Mode != "auto" || a.Interval != 250*clock.Millisecond || a.DueIn <= 0 || a.DueIn > a.Interval || a.Site != "t.lua:2" {
		t.Errorf("running timer %+v", a)
	}
	if b := got[1]; b.Mode != "semi" || b.DueIn != -1 || b.Site != "t.lua:4" {
		t.Errorf("idle timer %+v", b)
	}
	x.Run("a:unregister()")
	if got := x.Device.Snapshot().Timers; len(got) != 1 {
		t.Errorf("after unregister: %+v", got)
	}
}

// A timer that was only registered goes with its last reference; a running one
// does not (oracle: tmr_gc_unreferenced_*).
func TestCollection(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("do local t = tmr.create() t:register(20, 0, print) local u = tmr.create() u:alarm(100000, 0, print) end")
	x.Run("collectgarbage()")
	got := x.Device.Snapshot().Timers
	if len(got) != 1 || got[0].DueIn < 0 {
		t.Errorf("timers left: %+v", got)
	}
}

func TestSoftWatchdog(t *testing.T) {
	for _, tt := range []struct {
		lua  string
		want clock.Duration // that it is called, at most, after the call; 0: never
	}{
		{"tmr.softwd(3)", 4 * clock.Second},
		{"tmr.softwd(3) tmr.softwd(5)", 6 * clock.Second},
		{"tmr.softwd(3) tmr.softwd(-1)", 0},
		{"tmr.softwd(0)", clock.Second},
	} {
		x := terminal.New(t, nil, Module)
		start := x.World.Clock.Now()
		x.Run(tt.lua)
		x.Wait(10 * clock.Second)
		var at clock.Duration
		for _, e := range x.Events {
			if r, ok := e.Data.(event.Restart); ok && r.Reason == device.SoftRestart.Text {
				at = e.Time.Sub(start)
				break
			}
		}
		if at > tt.want+clock.Millisecond*10 || at < tt.want-clock.Second {
			t.Errorf("%s: reset after %d µs, want up to %d", tt.lua, at, tt.want)
		}
	}
}

func TestCcount(t *testing.T) {
	x := terminal.New(t, nil, Module)
	if got := x.Run("a = tmr.ccount() tmr.delay(100) print(tmr.ccount() - a)"); got != "8000" {
		t.Errorf("%s cycles in 100 µs at 80 MHz", got)
	}
	x.Wait(30 * clock.Second) // bit 31 is set from 26.8 to 53.7 s
	if got := x.Run("print(tmr.ccount() < 0)"); got != "true" {
		t.Errorf("negative: %s", got)
	}
}

func TestDelayFeedsTheWatchdog(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("tmr.delay(10000000)")
	x.Wait(11 * clock.Second)
	if got := x.Run("print(tmr.time())"); got != "12" {
		t.Errorf("up for %s s, want 12", got)
	}
}

// legacy is a build for old programs.
var legacy = device.Build{Legacy: true}

func TestLegacy(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"alarm by number", "tmr.alarm(6, 10, tmr.ALARM_SINGLE, function(id) print('fired', id) end)", "fired\t6"},
		{"register and start", "tmr.register(0, 10, 1, function() print(tmr.state(0)) tmr.unregister(0) end) print(tmr.start(0))", "true\ntrue\t1"},
		{"stop", "tmr.alarm(0, 10, 0, print) print(tmr.stop(0)) print(tmr.state(0))", "true\nfalse\t0"},
		{"interval", "tmr.alarm(1, 100000, 0, function() print('soon') end) tmr.interval(1, 5)", "soon"},
		{"objects too", "t = tmr.create() tmr.alarm(t, 10, 0, function(x) print(x == t) end)", "true"},
		{"no such timer", "tmr.stop(7)", "Lua error: \tstdin:1: bad argument #1 to 'stop' (invalid timer index)\nstack traceback:\n\t[C]: in function 'stop'\n\tstdin:1: in main chunk\n\t[C]: ?\n\t[C]: ?"},
		{"neither number nor timer", "tmr.start({})", "Lua error: \tstdin:1: bad argument #1 to 'start' (timer object or numerical ID expected)\nstack traceback:\n\t[C]: in function 'start'\n\tstdin:1: in main chunk\n\t[C]: ?\n\t[C]: ?"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.NewBuild(t, legacy, nil, Module)
			if got := x.Run(tt.lua); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	x := terminal.New(t, nil, Module)
	if got := x.Run("print(tmr.alarm, tmr.stop)"); got != "nil\tnil" {
		t.Errorf("release 3.0 has %s", got)
	}
}
