package cron

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtctime"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Entries of all kinds over a day. 1700000000 is a Tuesday, 22:13:20.
func TestDay(t *testing.T) {
	x := terminal.New(t, nil, Module, rtctime.Module)
	x.Run(`n = {} function count(k) return function() n[k] = (n[k] or 0) + 1 end end rtctime.set(1700000000)`)
	for _, spec := range []string{"* * * * *", "*/5 * * * *", "0 */2 * * *", "30 8 * * *", "0,20,40 9,17 * * 3", "0 12 16 * *"} {
		x.Run(`cron.schedule("` + spec + `", count("` + spec + `"))`)
	}
	x.Wait(24 * clock.Hour)
	x.Run("cron.reset()")
	got := x.Run(`for _, k in ipairs{"* * * * *", "*/5 * * * *", "0 */2 * * *", "30 8 * * *", "0,20,40 9,17 * * 3", "0 12 16 * *"} do print(n[k], k) end`)
	const want = "1440\t* * * * *\n288\t*/5 * * * *\n12\t0 */2 * * *\n1\t30 8 * * *\n6\t0,20,40 9,17 * * 3\nnil\t0 12 16 * *"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A device that wakes with a time goes on.
func TestOverSleep(t *testing.T) {
	const program = `
		if rtctime.get() == 0 then rtctime.set(1700000000) end
		cron.schedule("*/5 * * * *", function() print("at", (rtctime.get())) if rtctime.get() < 1700000400 then rtctime.dsleep(70000000) end end)`
	x := terminal.New(t, map[string]string{"init.lua": program}, Module, rtctime.Module)
	x.Wait(13 * clock.Minute)
	var got []string
	for _, line := range strings.Split(x.Output(), "\n") {
		if _, at, ok := strings.Cut(line, "at\t"); ok {
			got = append(got, at)
		}
	}
	if want := "[1700000100 1700000400 1700000700]"; fmt.Sprint(got) != want {
		t.Errorf("ran at %v, want %s", got, want)
	}
}

// hints returns what the simulator has said of the program, in order.
func hints(events []world.Event) string {
	out := ""
	for _, e := range events {
		if h, ok := e.Data.(event.Hint); ok {
			out += h.Text + "\n"
		}
	}
	return out
}

func TestHints(t *testing.T) {
	withTime := []device.Module{Module, rtctime.Module}
	for _, tt := range []struct {
		modules   []device.Module
		run, want string
	}{
		{withTime[:1], `cron.schedule("* * * * *", print)`, "this build has no rtctime"},
		{withTime, `cron.schedule("* * * * *", print)`, "waited for a time for 60 s"},
		{withTime, `cron.schedule("* * * * *", print) rtctime.set(1e9)`, ""},
		{withTime, `cron.schedule("* * * * *", print):unschedule()`, ""},
		{withTime, `cron.schedule("0 0 1 * 1", print) rtctime.set(1e9)`, "both must match"},
		{withTime, `cron.schedule("0 0 1 * *", print) cron.schedule("0 0 * * 1", print) rtctime.set(1e9)`, ""},
		{withTime, `rtctime.set(1e9) for i = 1, 2 do cron.schedule("* * * * *", function(e) e:unschedule() end) end`, "leaves out the next one"},
		{withTime, `rtctime.set(1e9) cron.schedule("* * * * *", function(e) e:unschedule() end)`, ""},
	} {
		x := terminal.New(t, nil, tt.modules...)
		x.Run(tt.run)
		x.Wait(2 * clock.Minute)
		if got := hints(x.Events); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: hints %q, want %q", tt.run, got, tt.want)
		}
	}
}

// As long as there is no time nothing happens that a run in virtual time would go on for.
func TestQuiet(t *testing.T) {
	w := world.New(1)
	d := chiptest.Program(w, `cron.schedule("* * * * *", print)`, device.Config{Modules: []device.Module{Module, rtctime.Module}, HostCPU: true})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(2 * clock.Minute)) // a hint has been given
	if next := w.Clock.Next(); next != clock.Forever {
		t.Errorf("something happens after %.1f s", next.Seconds())
	}
}

// An entry and its place in the list are charged, and given back.
func TestMemory(t *testing.T) {
	x := terminal.New(t, nil, Module, node.Module, tmr.Module)
	x.Run(`e, f = {}, function() end for i = 1, 40 do e[i] = 0 end cron.schedule("* * * * *", f) cron.reset() collectgarbage()`)
	got := x.Run(`do local a = node.heap() for i = 1, 30 do e[i] = cron.schedule("* * * * *", f) end
		local b = node.heap() cron.reset() for i = 1, 30 do e[i] = 0 end collectgarbage() local c = node.heap() print(a - b > 30 * (32 + 4), a - c) end`)
	if !strings.HasPrefix(got, "true\t") {
		t.Errorf("memory: %s", got)
	}
	// Without memory for the list the firmware crashes; without any for an entry that is an
	// error.
	x.Run(`for i = 1, 200 do cron.schedule("* * * * *", f) end collectgarbage() g = {} for i = 1, 400 do g[i] = 0 end`)
	x.Run(`n = 0 while node.heap() > 900 do n = n + 1 g[n] = ("x"):rep(60) .. n end`)
	x.Run(`cron.schedule("* * * * *", f)`)
	x.Wait(clock.Second)
	if x.Device.BootReason() != device.Exception || !strings.Contains(hints(x.Events), "no memory for its list of 201 entries") {
		t.Errorf("no crash: %s", hints(x.Events))
	}
	x.Reboot()
	if out := x.Run(`for i = 1, 1e6 do cron.schedule("* * * * *", print) end`); !strings.Contains(out, "not enough memory") {
		t.Errorf("memory for all entries: %q", out)
	}
}
