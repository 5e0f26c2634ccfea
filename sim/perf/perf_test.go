package perf

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/gpio"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The documentation's example: all samples are in bins or outside.
func TestHistogram(t *testing.T) {
	x := terminal.New(t, nil, Module, tmr.Module)
	got := x.Run(`perf.start() tmr.delay(5050)
		total, outside, bins, size = perf.stop()
		sum, n = 0, 0 for address, k in pairs(bins) do sum, n = sum + k, n + 1 end
		print(total > 100, total == outside + sum, n, size, perf.stop())`)
	if got != "true\ttrue\t1\t4096" {
		t.Error(got)
	}
	got = x.Run(`do perf.start(0x40201000, 0x40201080, 2) tmr.delay(5050) local a, b, c, d = perf.stop()
		print(a, b, c[0x40201000], c[0x40201040], d) end`)
	if got != "101\t50\t26\t25\t64" {
		t.Error(got)
	}
	if got := x.Run(`do perf.start() tmr.delay(1e5) perf.start() print((perf.stop())) end`); got != "0" {
		t.Errorf("started again: %s samples", got)
	}
}

// There is one hardware timer.
func TestTimer(t *testing.T) {
	x := terminal.New(t, nil, Module, gpio.Module)
	x.Run("gpio.mode(1, gpio.OUTPUT) gpio.serout(1, 0, {5000}, 100, 1)")
	if got := terminal.FirstLine(x.Run("perf.start()")); got != "Unable to initialize timer" {
		t.Error(got)
	}
	x.Wait(clock.Second)
	x.Run("perf.start()")
	if got := terminal.FirstLine(x.Run("gpio.serout(1, 0, {5000}, 100, 1)")); got != "Unable to initialize timer" {
		t.Error(got)
	}
	x.Run("perf.stop()")
	if got := x.Run("gpio.serout(1, 0, {5000}, 1, 1) print('ok')"); got != "ok" {
		t.Error(got)
	}
}

// The histogram is charged, and does not outlive a stop. One that is too large is an error,
// or the firmware's mistake.
func TestMemory(t *testing.T) {
	x := terminal.New(t, nil, Module, node.Module)
	got := x.Run(`perf.start() perf.stop() collectgarbage() do local a = node.heap() perf.start() local b = node.heap()
		perf.stop() collectgarbage() print(a - b >= 28 + 4 * 672, a - b < 3000, a - node.heap() < 100) end`)
	if got != "true\ttrue\ttrue" {
		t.Error(got)
	}
	if got := x.Run("print(pcall(perf.start, 0, 1e6, 1e6))"); got != "E:M 4000072\nfalse\tnot enough memory" {
		t.Error(got)
	}
	for _, call := range []string{"perf.start(0, 100, 0)", "perf.start(0, 0x7fffffff, 0x7fffffff) perf.start(0, 0x7fffffff, -1)"} {
		x.Run(call)
		x.Wait(clock.Second)
		if got := x.Device.BootReason(); got != device.Exception {
			t.Errorf("%s: %v", call, got)
		}
		x.Reboot()
	}
}
