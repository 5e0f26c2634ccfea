package gpio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

const twoPins = "gpio.mode(1, gpio.OUTPUT) gpio.mode(2, gpio.OUTPUT) "

func TestPulseArguments(t *testing.T) {
	for _, tt := range []struct{ lua, want string }{
		{"gpio.pulse.build(1)", "bad argument #1 to 'build' (table expected, got number)"},
		{"gpio.pulse.build({1})", "All entries must be tables"},
		{"gpio.pulse.build({{[13] = 1}})", "pin number 13 must be in range 0 .. 12"},
		{"gpio.pulse.build({{[1] = 'x'}})", "bad argument #-1 to 'build' (number expected, got string)"},
		{"gpio.pulse.build({{[true] = 1}})", "bad argument #-2 to 'build' (string expected, got boolean)"},
		{"gpio.pulse.build({{dealy = 1}})", "Unrecognized key found: dealy"},
		{"gpio.pulse.build({{delay = 64000001}})", "delay of 64000001 must be in the range 0 .. 64000000 microseconds"},
		{"gpio.pulse.build({{min = -1}})", "delay minimum of -1 must be in the range 0 .. 64000000 microseconds"},
		{"gpio.pulse.build({{delay = 5, min = 6, max = 9}})", "Delay of 5 must be between min and max"},
		{"gpio.pulse.build({{delay = 5, min = 4}})", "Delay of 5 must be between min and max"},
		{"t = {} for i = 1, 101 do t[i] = {} end gpio.pulse.build(t)", "table is too large: 101 entries is more than 100"},
		{"p = gpio.pulse.build({{}}) p:start()", "missing callback"},
		{"p = gpio.pulse.build({{delay = 100}}) p:start(print) p:start(print)", "pulse operation already in progress"},
		{"p = gpio.pulse.build({{delay = 100}}) p:start(print) p:stop(2, print)", "bad stop position: 2 (valid range 1 - 1)"},
		{"p = gpio.pulse.build({{delay = 100}}) p:start(print) p:stop()", "missing callback"},
		{"p = gpio.pulse.build({{}}) p:update(2, {})", "entry number must be in range 1 .. 1"},
		{"p = gpio.pulse.build({{}}) print(p:stop(print), p:cancel(), p:adjust(1))", "nil\tnil"},
		{"gpio.serout(1, 1, {900, 900}, 9, 1) gpio.pulse.build({{}}):start(print)", "Unable to initialize timer"},
		{"gpio.pulse.build({{delay = 900}}):start(print) gpio.serout(1, 1, {900}, 9, 1)", "Unable to initialize timer"},
		{"a = collectgarbage('count') p = gpio.pulse.build({{}, {}}) print(p)", "userdata: "},
	} {
		x := terminal.New(t, nil, Module)
		if got := terminal.FirstLine(x.Run(tt.lua)); got != tt.want && !(tt.want == "userdata: " && strings.HasPrefix(got, tt.want)) {
			t.Errorf("%s\ngot  %q\nwant %q", tt.lua, got, tt.want)
		}
	}
}

// The examples of the documentation, and how they end.
func TestPulse(t *testing.T) {
	const square = twoPins + "p = gpio.pulse.build({ {[1] = 1, [2] = 0, delay = 1000}, {[1] = 0, [2] = 1, delay = 1000, loop = 1, count = 3} }) "
	for _, tt := range []struct {
		name, lua string
		pins      string // changes of pins 1 and 2: pin, level, microseconds since the one before
		out       string
	}{
		{"out of phase", square + "p:start(function(pos, steps) print(pos, steps) end)",
			"1+0 2+1000 1-0 1+1000 2-0 2+1000 1-0 1+1000 2-0 2+1000 1-0 1+1000 2-0 2+1000 1-0", "nil\t9"},
		{"stop at an entry", square + "p:start(print) print(p:stop(2, function(pos, steps) print(pos, steps) end))",
			"1+0 2+1000 1-0", "true\n2\t2"},
		{"stop at once", square + "p:start(print) p:stop(function(pos, steps) print(pos, steps) end)", "1+0 2+1000 1-0", "2\t2"},
		{"cancel", square + "p:start(print) print(p:cancel() == 1) print(p:cancel())", "1+0", "true\n"},
		{"another one in the callback", square + "p:start(function() gpio.pulse.build({{[2] = 0}}):start(function() print('both') end) end)",
			"1+0 2+1000 1-0 1+1000 2-0 2+1000 1-0 1+1000 2-0 2+1000 1-0 1+1000 2-0 2+1000 1-0 2-1000", "both"},
		{"update", square + "p:update(1, {delay = 50}) p:update(2, {count = 0}) p:start(function() print('end') end)", "1+0 2+50 1-0", "end"},
		{"update of a pin keeps what was", twoPins + "p = gpio.pulse.build({{[1] = 0, delay = 10}}) p:update(1, {[1] = 1}) p:start(function() print(gpio.read(1)) end)",
			"1+0 1-0", "0"},
		{"pin 0", "p = gpio.pulse.build({{[0] = 1, delay = 10}}) gpio.mode(0, gpio.OUTPUT) p:start(function() print(gpio.read(0)) end)", "", "1"},
		{"no delay", twoPins + "p = gpio.pulse.build({{[1] = 1}, {[1] = 0, delay = 2}, {[1] = 1, delay = 3}, {[1] = 0}}) p:start(function() end)", "1+0 1-1 1+1 1-3", ""},
		{"an empty one", "gpio.pulse.build({}):start(function(pos, steps) print(pos, steps) end)", "", "nil\t1"},
		{"nobody else keeps it", square + "p:start(function(pos) print('done') end) p = nil collectgarbage() collectgarbage()",
			"1+0 2+1000 1-0 1+1000 2-0 2+1000 1-0 1+1000 2-0 2+1000 1-0 1+1000 2-0 2+1000 1-0", "done"},
		{"an error in the callback", "gpio.pulse.build({}):start(function() error('oops', 0) end) node.setonerror(print)", "", "oops"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module, onerror)
			x.Events = nil
			out := x.Run(tt.lua)
			if out, _, _ := strings.Cut(out, "\nstack traceback"); out != tt.out {
				t.Errorf("output %q, want %q", out, tt.out)
			}
			if got := changes(x); got != tt.pins {
				t.Errorf("pins %s\nwant %s", got, tt.pins)
			}
		})
	}
}

// onerror stands for the module node.
var onerror = device.Module{Name: "node", Open: func(d *device.Device) *device.Lib {
	return &device.Lib{Funcs: []vm.Func{{Name: "setonerror", Fn: func(c *vm.Call) int { d.SetOnError(c.Function(1)); return 0 }}}}
}}

// changes lists the changes of pins 1 and 2.
func changes(x *terminal.Terminal) string {
	var list []string
	last := clock.Time(-1)
	for _, e := range x.Events {
		if p, ok := e.Data.(event.Pin); ok && (p.Pin == 1 || p.Pin == 2) {
			if last < 0 {
				last = e.Time
			}
			list = append(list, fmt.Sprintf("%d%c%d", p.Pin, "-+"[p.Level], e.Time.Sub(last)))
			last = e.Time
		}
	}
	return strings.Join(list, " ")
}

// A delay that may vary makes up for one that did not fit, and for what adjust
// asks for.
func TestPulseVaries(t *testing.T) {
	const build = twoPins + `s = 1000000
p = gpio.pulse.build({ {[1] = 1, delay = s}, {[1] = 0, delay = s, min = s-100, max = s+200}, {[1] = 1, delay = s, min = s-100, max = s+100, loop = 1, count = 1} })
`
	// The first delay that may vary aims at the time since boot, so it is as short
	// as it may be. The next makes up for that, and for 50 of what is asked for.
	for _, tt := range []struct {
		name, start, later string
		last               clock.Duration // what the last delay took
	}{
		{"by itself", "p:start(print)", "", 1000000},
		{"from the start", "p:start(50, print)", "", 1000050},
		{"while it runs", "p:start(print)", "p:adjust(70)", 1000070},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := terminal.New(t, nil, Module)
			x.Run(build)
			x.Events = nil
			x.Run(tt.start)
			x.Wait(2 * clock.Second)
			x.Run(tt.later)
			x.Wait(9 * clock.Second)
			want := fmt.Sprintf("1+0 1-1000000 1+999900 1-2000100 1+%d", tt.last)
			if got := changes(x); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestPulseState(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run(twoPins + "p = gpio.pulse.build({ {[1] = 1, delay = 2000000}, {[1] = 0, delay = 3000000} }) p:start(function(...) print(...) end)")
	x.Wait(clock.Second)
	got := x.Run("print(p:getstate())")
	var pos, steps, left, now int
	if n, err := fmt.Sscan(got, &pos, &steps, &left, &now); n != 4 || pos != 1 || steps != 1 || left < 500000 || left > 1000000 {
		t.Errorf("%q: %v", got, err)
	}
	x.Wait(5 * clock.Second)
	var rest, end int
	if n, _ := fmt.Sscanf(x.Output(), "nil\t3\t%d\t%d", &rest, &end); n != 2 || rest != 0 || end != now+left+3000000 {
		t.Errorf("at the end: %d left at %d, which was to be %d", rest, end, now+left+3000000)
	}
}

// A sequence without any delay keeps the chip in the interrupt.
func TestPulseWithoutEndIsReset(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run("gpio.pulse.build({ {}, {loop = 1, count = 4000000000} }):start(print)")
	x.Wait(hardwareWatchdog + clock.Second)
	for _, e := range x.Events {
		if r, ok := e.Data.(event.Reset); ok && r.Reason == device.HardwareWatchdog.Text {
			return
		}
	}
	t.Error("the watchdog did not bite")
}

func TestPulseEndsWithTheDevice(t *testing.T) {
	x := terminal.New(t, nil, Module)
	x.Run(twoPins + "gpio.pulse.build({ {[1] = 1, delay = 100}, {[1] = 0, delay = 100, loop = 1, count = 1000000} }):start(print)")
	x.Reboot()
	x.Events = nil
	x.Wait(clock.Second)
	if got := changes(x); got != "" {
		t.Errorf("after the reset: %s", got)
	}
}
