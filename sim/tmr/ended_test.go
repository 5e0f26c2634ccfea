package tmr_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A stopped timer is a leak when only its own callback holds it; a program that
// holds it may start it again.
func TestStoppedTimers(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		leak      bool
	}{
		{"stopped by its own upvalue", `local t = tmr.create() t:alarm(1000, tmr.ALARM_AUTO, function() t:stop() end)`, true},
		{"stopped by the argument", `tmr.create():alarm(1000, tmr.ALARM_AUTO, function(t) t:stop() end)`, false},
		{"unregistered", `local t = tmr.create() t:alarm(1000, tmr.ALARM_AUTO, function() t:unregister() end)`, false},
		{"kept for later", `t = tmr.create() t:alarm(1000, tmr.ALARM_AUTO, function() t:stop() end)`, false},
		{"semi, kept", `t = tmr.create() t:alarm(1000, tmr.ALARM_SEMI, function() end)`, false},
		{"semi, let go", `local t = tmr.create() t:alarm(1000, tmr.ALARM_SEMI, function() return t end)`, true},
		{"single", `local t = tmr.create() t:alarm(1000, tmr.ALARM_SINGLE, function() return t end)`, false},
		{"running", `local t = tmr.create() t:alarm(1000, tmr.ALARM_AUTO, function() return t end)`, false},
	} {
		board, err := boards.Load("nodemcu-v1")
		if err != nil {
			t.Fatal(err)
		}
		w := world.New(1)
		var hints []string
		w.Subscribe(func(e world.Event) {
			if h, ok := e.Data.(event.Hint); ok {
				hints = append(hints, h.Where+" "+h.Text)
			}
		})
		device.New(w, device.Config{Board: board, Modules: []device.Module{tmr.Module}, Startup: func(d *device.Device) {
			fn, err := d.VM.Load([]byte(tt.src+` tmr.create():alarm(5000, tmr.ALARM_AUTO, function() end)`), "@init.lua")
			if err != nil {
				t.Fatal(err)
			}
			d.Run("init.lua", fn)
		}}).PowerOn()
		w.Clock.RunUntil(clock.At(300 * clock.Second))
		if leak := len(hints) == 1 && strings.HasPrefix(hints[0], "init.lua:1 tmr callback is still referenced 6"); leak != tt.leak || !tt.leak && len(hints) > 0 {
			t.Errorf("%s: hints %q", tt.name, hints)
		}
	}
}

// A repeating timer whose callback takes its period lets nothing else run, until the
// watchdog resets the device; a hint names the timer.
func TestStarvingTimer(t *testing.T) {
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(1)
	var seen []string
	w.Subscribe(func(e world.Event) {
		switch what := e.Data.(type) {
		case event.Hint:
			if strings.Contains(what.Text, "no packets") {
				seen = append(seen, what.Where+" "+what.Text)
			}
		case event.Reset:
			seen = append(seen, what.Reason)
		}
	})
	d := device.New(w, device.Config{Board: board, Modules: []device.Module{tmr.Module, node.Module}, Startup: func(d *device.Device) {
		if d.Boots() > 0 {
			return
		}
		fn, err := d.VM.Load([]byte(`ran = 0
			tmr.create():alarm(10, tmr.ALARM_AUTO, function() ran = ran + 1 for i = 1, 12000 do end end)
			tmr.create():alarm(15, tmr.ALARM_SINGLE, function() node.task.post(function() ran = -1000 end) end)`), "@init.lua")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("init.lua", fn)
	}})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if n, _ := d.VM.RawGetString(d.VM.Globals(), "ran").(vm.Number); n < 100 {
		t.Errorf("ran %v times: a task came in between", float64(n))
	}
	w.Clock.RunUntil(clock.At(4 * clock.Second))
	if len(seen) != 2 || !strings.HasPrefix(seen[0], "init.lua:2 timers fire again before their callbacks are through (this one each 10 ms)") || seen[1] != device.SoftWatchdog.Text {
		t.Errorf("seen %q", seen)
	}
}
