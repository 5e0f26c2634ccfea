package tmr_test

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
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
