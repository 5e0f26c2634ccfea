package ets_test

import (
	"fmt"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// While the Wi-Fi task has the CPU, what becomes due goes by its priority, and never before
// what was due earlier of the same.
func TestBusy(t *testing.T) {
	const ms = clock.Millisecond
	names := map[ets.Work]string{ets.Handler: "handler", ets.Received: "packet", ets.LuaTask: "task"}
	for _, tt := range []struct {
		name string
		busy map[ets.Work][]clock.Duration // before the first, the second … of its kind
		want string
	}{
		{"never", nil, "low 0, low 0, packet 1000, handler 2000, high 2000, packet 3000"},
		{"before the tasks", map[ets.Work][]clock.Duration{ets.LuaTask: {1500}}, "packet 1500, low 1500, low 1500, handler 2000, high 2000, packet 3000"},
		{"before them, for longer", map[ets.Work][]clock.Duration{ets.LuaTask: {2 * ms}}, "handler 2000, packet 2000, high 2000, low 2000, low 2000, packet 3000"},
		{"before the packet", map[ets.Work][]clock.Duration{ets.Received: {2 * ms}}, "low 0, low 0, handler 3000, packet 3000, packet 3000, high 3000"},
		{"before the timers", map[ets.Work][]clock.Duration{ets.Handler: {5 * ms}}, "low 0, low 0, packet 1000, handler 7000, packet 7000, high 7000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := world.New(1)
			out, on := "", false
			asked := map[ets.Work]int{}
			d := device.New(w, device.Config{Board: chiptest.Board(), HostCPU: true, Startup: func(*device.Device) {}, Busy: func(before ets.Work) clock.Duration {
				n := asked[before]
				if _, ok := names[before]; !ok {
					t.Errorf("asked before work of kind %d", before)
				}
				if !on || n >= len(tt.busy[before]) {
					return 0
				}
				asked[before]++
				return tt.busy[before][n]
			}})
			d.PowerOn()
			w.Clock.RunUntil(clock.At(clock.Second))
			began := w.Clock.Now()
			note := func(what string) func() {
				return func() {
					if out != "" {
						out += ", "
					}
					out += fmt.Sprintf("%s %d", what, d.Now().Sub(began))
				}
			}
			on = true
			d.NewTimer(func() {
				note("handler")()
				d.PostTask(ets.High, note("high"))
			}).Arm(2*ms, false)
			d.PostTask(ets.Low, note("low"))
			d.PostTask(ets.Low, note("low"))
			for _, at := range []clock.Duration{ms, 3 * ms} {
				w.Clock.After(at, func() { d.ETS.Receive(note("packet")) })
			}
			w.Clock.RunUntil(began.Add(20 * ms))
			if out != tt.want {
				t.Errorf("%s\nwant %s", out, tt.want)
			}
		})
	}
}
