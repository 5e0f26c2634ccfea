package gpio

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestModule(t *testing.T) {
	for _, tt := range []struct{ lua, want string }{
		{"print(gpio.OUTPUT, gpio.OPENDRAIN, gpio.INPUT, gpio.INT, gpio.HIGH, gpio.LOW, gpio.FLOAT, gpio.PULLUP)", "1\t3\t0\t2\t1\t0\t0\t1"},
		{"gpio.mode(1, gpio.OUTPUT) gpio.write(1, gpio.HIGH) print(gpio.read(1))", "1"},
		{"gpio.mode(1, gpio.INPUT, gpio.PULLUP) print(gpio.read(1))", "1"},
		{"gpio.mode(1, gpio.INPUT) print(gpio.read(1))", "0"},
		{"gpio.write(0, 1) print(gpio.read(0))", "1"},
		{"gpio.mode(0, gpio.INT)", "bad argument #1 to 'mode' (Invalid pin)"},
		{"gpio.mode(13, gpio.OUTPUT)", "bad argument #1 to 'mode' (Invalid pin)"},
		{"gpio.mode(1, 4)", "bad argument #2 to 'mode' (wrong arg type)"},
		{"gpio.mode('x', 1)", "bad argument #1 to 'mode' (number expected, got string)"},
		{"gpio.read(13)", "gpio 13 does not exist"},
		{"gpio.read(-1)", "gpio -1 does not exist"},
		{"gpio.write(1, 2)", "bad argument #2 to 'write' (wrong level type)"},
		{"gpio.trig(0, 'up', print)", "bad argument #1 to 'trig' (Invalid interrupt pin)"},
		{"gpio.trig(1, 'sideways', print)", "bad argument #2 to 'trig' (invalid option 'sideways')"},
		{"gpio.trig(1, 'up')", "bad argument #3 to 'trig' (invalid callback type)"},
		{"gpio.serout(99, 1, {1})", "bad argument #1 to 'serout' (Invalid pin)"},
		{"gpio.serout(1, 3, {1})", "bad argument #2 to 'serout' (Wrong level type)"},
		{"gpio.serout(1, 1, 5)", "bad argument #3 to 'serout' (Invalid delay_times)"},
	} {
		x := terminal.New(t, nil, Module)
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

// press applies levels to a pin, a millisecond apart.
func press(x *terminal.Terminal, pin int, levels ...int) {
	for _, level := range levels {
		if err := x.Device.Pins.Apply(pin, level); err != nil {
			panic(err)
		}
		x.Wait(clock.Millisecond)
	}
}

func TestTrig(t *testing.T) {
	for _, tt := range []struct{ name, lua, want string }{
		{"up", "gpio.mode(1, gpio.INT) gpio.trig(1, 'up', function(l, w, n) print(l, n) end)", "1\t1\n1\t1"},
		{"down", "gpio.mode(1, gpio.INT) gpio.trig(1, 'down', function(l, w, n) print(l, n) end)", "0\t1\n0\t1"},
		{"both", "gpio.mode(1, gpio.INT) gpio.trig(1, 'both', function(l, w, n) print(l, n) end)", "1\t1\n0\t1\n1\t1\n0\t1"},
		{"the function before stays", "gpio.mode(1, gpio.INT) gpio.trig(1, 'down', function(l) print(l) end) gpio.trig(1, 'up')", "1\n1"},
		{"a callback that is none", "gpio.mode(1, gpio.INT) gpio.trig(1, 'up', print) pcall(gpio.trig, 1, 'up', 5) gpio.trig(1, 'up')",
			"attempt to call a nil value\nstack traceback:\nattempt to call a nil value\nstack traceback:"},
		{"and one after it", "gpio.mode(1, gpio.INT) gpio.trig(1, 'up', print) pcall(gpio.trig, 1, 'up', 5) gpio.trig(1, 'up', print)",
			"attempt to call a nil value\nstack traceback:\nattempt to call a nil value\nstack traceback:"},
		{"and none after it", "gpio.mode(1, gpio.INT) gpio.trig(1, 'up', print) pcall(gpio.trig, 1, 'up', 5) gpio.trig(1) gpio.trig(1, 'up', function(l) print(l) end)",
			"1\n1"},
		{"none ends it", "gpio.mode(1, gpio.INT) gpio.trig(1, 'up', print) gpio.trig(1)", ""},
		{"another mode ends it", "gpio.mode(1, gpio.INT) gpio.trig(1, 'up', print) gpio.mode(1, gpio.INPUT)", ""},
		{"turned round in the callback", "gpio.mode(1, gpio.INT) d = 'up' function f(l) print(l) d = l == 1 and 'down' or 'up' gpio.trig(1, d) end gpio.trig(1, d, f)", "1\n0\n1\n0"},
		{"a level fires as often as it is answered", "n = 0 gpio.mode(1, gpio.INT) gpio.trig(1, 'high', function(l) n = n + 1 if n == 3 then print(l, n) gpio.trig(1, 'none') end end)", "1\t3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			if out := x.Run(tt.lua); out != "" {
				t.Fatal(out)
			}
			press(x, 1, 1, 0, 1, 0)
			if got := strings.TrimSpace(x.Output()); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Interrupts that come while the program is busy are counted; the callback gets
// level and time of the first.
func TestTrigCountsWhileBusy(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("gpio.mode(1, gpio.INT) gpio.trig(1, 'both', function(l, w, n) print(l, w, n) end)")
	start := x.World.Clock.Now()
	x.Device.PostTask(ets.High, func() { x.Device.ETS.DelayFed(100 * clock.Millisecond) })
	x.Wait(10 * clock.Millisecond)
	press(x, 1, 1, 0, 1)
	x.Wait(clock.Second)
	want := start.Add(10 * clock.Millisecond) // since power-on, which was at 0
	if got := strings.TrimSpace(x.Output()); got != "1\t"+decimal(want)+"\t3" {
		t.Errorf("got %q, want time %d and 3 interrupts", got, want)
	}
}

func decimal(n clock.Time) string {
	var digits []byte
	for ; n > 0; n /= 10 {
		digits = append([]byte{byte('0' + n%10)}, digits...)
	}
	return string(digits)
}

// edges returns the levels of pin 1 and the time from each change to the next.
func edges(x *terminal.Terminal) (levels []int, times []clock.Duration) {
	var last clock.Time
	for _, e := range x.Events {
		if p, ok := e.Data.(event.Pin); ok && p.Pin == 1 {
			levels = append(levels, p.Level)
			times = append(times, e.Time.Sub(last))
			last = e.Time
		}
	}
	return levels, times[min(1, len(times)):]
}

func TestSerout(t *testing.T) {
	for _, tt := range []struct {
		name, lua string
		edges     int
		first     clock.Duration // between the first two
		out       string
	}{
		{"synchronous", "gpio.mode(1, gpio.OUTPUT) gpio.serout(1, 1, {30, 70}, 8) print('after')", 16, 30, "after"},
		{"asynchronous", "gpio.mode(1, gpio.OUTPUT) gpio.serout(1, 1, {5000, 7000}, 3, function() print('done') end) print('at once')", 6, 5000, "at once\ndone"},
		{"asynchronous without callback", "gpio.mode(1, gpio.OUTPUT) gpio.serout(1, 1, {10, 70}, 2, 1)", 4, 50, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			x.Events = nil
			out := x.Run(tt.lua)
			levels, times := edges(x)
			if len(levels) != tt.edges || len(times) == 0 || times[0] != tt.first {
				t.Errorf("levels %v after %v", levels, times)
			}
			if out != tt.out {
				t.Errorf("output %q, want %q", out, tt.out)
			}
		})
	}
}

func TestEndlessSeroutIsReset(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("gpio.mode(1, gpio.OUTPUT) gpio.serout(1, 1, {1000, 1000}, 0)")
	x.Wait(5 * clock.Second)
	for _, e := range x.Events {
		if r, ok := e.Data.(event.Reset); ok && r.Reason == device.SoftWatchdog.Text {
			return
		}
	}
	t.Error("the watchdog did not bite")
}

func TestAsynchronousSeroutEndsWithTheDevice(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("gpio.mode(1, gpio.OUTPUT) gpio.serout(1, 1, {1000, 1000}, 1000000, 1)")
	x.Reboot()
	x.Events = nil
	x.Wait(clock.Second)
	if levels, _ := edges(x); levels != nil {
		t.Errorf("%d changes after the reset", len(levels))
	}
}
