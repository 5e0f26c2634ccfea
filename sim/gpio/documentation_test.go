package gpio_test

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/internal/docpage"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The page's examples (fw: docs/modules/gpio.md). Somebody presses the button at pin 2 for
// 300 ms, a second after power-on. pulse_test.go and serout of gpio_test.go look at the pins.
func TestDocumentation(t *testing.T) {
	const clockwork = `
		gpio.mode(5, gpio.OUTPUT) gpio.mode(6, gpio.OUTPUT)
		pulser = gpio.pulse.build({
			{[5] = gpio.HIGH, [6] = gpio.LOW, delay = 20000},
			{[5] = gpio.LOW, [6] = gpio.HIGH, delay = 20000, loop = 1, count = 10, min = 15000, max = 25000}})
		local function show(what, pos, steps, offset, now) print(what, pos, steps, offset > 0, now > 0) end `
	docpage.Page{
		Module: "gpio", With: "tmr",
		Around: func(t testing.TB, x *chiptest.Lab) {
			for after, level := range map[clock.Duration]int{0: 1, clock.Second: 0, 1300 * clock.Millisecond: 1} {
				x.Clock.After(after+clock.Microsecond, func() {
					if err := x.D.Pins.Apply(2, level); err != nil {
						t.Error(err)
					}
				})
			}
		},
		Examples: []docpage.Example{
			{Of: "gpio.mode()", What: "example; with a pull-up", Lua: `print((gpio.mode(0, gpio.OUTPUT))) gpio.mode(5, gpio.INPUT, gpio.PULLUP) print(gpio.read(5)) gpio.mode(5, gpio.OPENDRAIN) gpio.mode(5, gpio.INT, gpio.FLOAT)`, Want: "nil\n1"},
			{Of: "gpio.read()", What: "example", Lua: `gpio.mode(2, gpio.INPUT) print(gpio.read(2)) tmr.create():alarm(1000, 0, function() print(gpio.read(2)) end)`, Want: "1\n0"},
			{Of: "gpio.write()", What: "example", Lua: `local led = 7 gpio.mode(led, gpio.OUTPUT) print((gpio.write(led, gpio.HIGH)), gpio.read(led)) gpio.write(led, gpio.LOW) print(gpio.read(led))`, Want: "nil\t1\n0"},
			{Of: "gpio.trig()", What: "example: how long a pulse is", Lua: `
				local began = 0 gpio.mode(2, gpio.INT)
				local function edge(level, when) if level == 1 then print("pressed for ms", math.floor((when - began) / 1000 + 0.5)) end began = when gpio.trig(2, level == gpio.HIGH and "down" or "up") end
				gpio.trig(2, "down", edge)`, Want: "pressed for ms\t300"},
			{Of: "gpio.trig()", What: "both edges, counted; none", Lua: `
				gpio.mode(2, gpio.INT, gpio.PULLUP) gpio.trig(2, "both", function(level, when, count) print(level, count) if level == 1 then gpio.trig(2) end end)`, Want: "0\t1\n1\t1"},
			{Of: "gpio.serout()", What: "example: synchronous, by cycles, and in the background", For: 5 * clock.Second, Lua: `
				gpio.mode(5, gpio.OUTPUT, gpio.PULLUP)
				local t = tmr.now() gpio.serout(5, gpio.HIGH, {40, 20, 60, 20}) print(tmr.now() - t >= 140)
				t = tmr.now() gpio.serout(5, gpio.HIGH, {30, 70}, 8) print(tmr.now() - t >= 800)
				gpio.serout(5, gpio.LOW, {0, 0}, 8)
				gpio.serout(5, gpio.HIGH, {5000, 195000}, 10, function() print("flashed", gpio.read(5)) gpio.serout(5, gpio.HIGH, {5000, 195000}, 2, 1) end)
				print("goes on")`, Want: "true\ntrue\ngoes on\nflashed\t0"},
			// A loop of count n is gone through n + 1 times (fw: gpio_pulse_timeout).
			{Of: "gpio.pulse.build()", What: "example: two pins out of phase", Lua: clockwork + `
				pulser:start(function(pos, steps) print("done", pos, steps, gpio.read(5), gpio.read(6)) end)`, Want: "done\tnil\t23\t0\t1"},
			{Of: "gpio.pulse.build()", What: "the loops of the page's table", Lua: clockwork + `
				gpio.pulse.build({{[5] = 1, delay = 500}, {[5] = 0, delay = 500, loop = 1, count = 3, min = 400, max = 600}, {loop = 1, count = 4}}):start(function(pos, steps) print(pos, steps) end)`, Want: "nil\t46"},
			{Of: "gpio.pulse:start()", What: "example; with an adjustment", Lua: clockwork + `pulser:start(100, function(pos, steps, offset, now) print(pos, steps, offset <= 0, now > 0) end)`, Want: "nil\t23\ttrue\ttrue"},
			{Of: "gpio.pulse:getstate()", What: "example", Lua: clockwork + `pulser:start(print) pulser:stop(function() end) show("state", pulser:getstate())`, Want: "state\t1\t1\ttrue\ttrue"},
			{Of: "gpio.pulse:stop()", What: "example; at a state", Lua: clockwork + `
				pulser:start(print) print(pulser:stop(1, function(pos, steps) print("stopped", pos, steps) end))`, Want: "true\nstopped\t1\t3"},
			{Of: "gpio.pulse:cancel()", What: "at once", Lua: clockwork + `pulser:start(print) show("cancelled", pulser:cancel())`, Want: "cancelled\t1\t1\ttrue\ttrue"},
			{Of: "gpio.pulse:adjust()", What: "example", Lua: clockwork + `pulser:start(function() end) show("adjusted", pulser:adjust(177))`, Want: "adjusted\t1\t1\ttrue\ttrue"},
			{Of: "gpio.pulse:update()", What: "example", Lua: clockwork + `
				print((pulser:update(1, {delay = 1000}))) local t = tmr.now() pulser:start(function(_, _, _, now) print((now - t) < 300000) end)`, Want: "nil\ntrue"},
		},
	}.Run(t)
}
