package cron

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/snippets"
)

// The module's measured snippets.
func TestOracleSnippets(t *testing.T) {
	oracle.Set{Name: "modules-cron", Read: snippets.Read(measured()...)}.Compare(t)
}

// measured returns cron, and what the snippets call to have it run:
// nmx.cron(month, day, weekday, hour, minute) is what the timer does at that minute. There
// an error of a handler was printed at once, not in a task.
func measured() []device.Module {
	var m *module
	minute := func(c *vm.Call) int {
		m.run(moment{c.Int(1), c.Int(2), c.Int(3), c.Int(4), c.Int(5)}, func(e scheduled) {
			if _, err := c.PCall(c.VM.Deref(e.fn), 0, nil, c.VM.Deref(e.object)); err != nil {
				c.Invoke(c.Global("print"), 0, vm.String("cberr "+err.Message()))
			}
		})
		return 0
	}
	return []device.Module{
		{Name: "cron", Open: func(d *device.Device) *device.Lib {
			m = open(d)
			return m.lib()
		}},
		{Name: "nmx", Open: func(*device.Device) *device.Lib {
			return &device.Lib{Funcs: []vm.Func{{Name: "cron", Fn: minute}}}
		}},
	}
}
