package firmware

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// The published speeds of a device, each as a program that prints microseconds for
// n of something. Clocked twice as fast it takes half as long.
var speeds = []struct {
	name     string
	lua      string
	micros   float64 // at 80 MHz, each
	or       float64 // where a range is published: its other end
	requests int     // n
}{
	// Spiritdude, nodemcu-shell: 322,000 a second at 80 MHz, 645,000 at 160.
	{name: "loop", requests: 30000, micros: 1e6 / 322000,
		lua: `local i = N local t0 = tmr.now() while i>0 do i=i-1 end local t1 = tmr.now() print(t1 - t0)`},
	// #177, #128: 51 to 60 kHz.
	{name: "GPIO toggle, functions in locals", requests: 1000, micros: 1e6 / 60000, or: 1e6 / 51000,
		lua: `local write = gpio.write local t0 = tmr.now() for i = 1,N do write(2, 1) write(2, 0) end local t1 = tmr.now() print(t1 - t0)`},
	// #177: 10 kHz at 80 MHz, 20 kHz at 160.
	{name: "GPIO toggle through globals", requests: 1000, micros: 100,
		lua: `local t0 = tmr.now() for i = 1,N do gpio.write(2, 1) gpio.write(2, 0) end local t1 = tmr.now() print(t1 - t0)`},
	// #2906, measured there as the difference to an empty function.
	{name: "tmr.ccount() through a global in a function", requests: 1000, micros: 79,
		lua: `local function time(f) local t0 = tmr.ccount() for i = 1,N do f() end return tmr.ccount() - t0 end
			print(math.floor((time(function() tmr.ccount() end) - time(function() end)) / node.getcpufreq()))`},
	// #319.
	{name: "overhead of tmr.delay", requests: 1000, micros: 20, or: 45,
		lua: `local delay = tmr.delay local t0 = tmr.now() for i = 1,N do delay(15) end local t1 = tmr.now() print(t1 - t0 - 15*N)`},
}

func TestSpeeds(t *testing.T) {
	for _, tt := range speeds {
		for _, mhz := range []int{80, 160} {
			took := runAt(t, mhz, strings.ReplaceAll(tt.lua, "N", strconv.Itoa(tt.requests))) / float64(tt.requests)
			scale := 80 / float64(mhz)
			least, most := tt.micros*scale, max(tt.micros, tt.or)*scale
			off := 0.0
			switch {
			case took < least:
				off = took/least - 1
			case took > most:
				off = took/most - 1
			}
			line := fmt.Sprintf("%s at %d MHz: %.2f µs, published %.2f to %.2f (%+.0f %%)", tt.name, mhz, took, least, most, 100*off)
			if math.Abs(off) > 0.2 {
				t.Error(line)
			} else {
				t.Log(line)
			}
		}
	}
}

// runAt runs a program on a NodeMCU board with its default modules and returns the
// number that it prints.
func runAt(t *testing.T, mhz int, lua string) float64 {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	board.CPU.MHz = mhz
	modules, err := Select(board.Firmware.Modules)
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		if o, ok := e.Data.(event.Output); ok {
			out.WriteString(o.Text)
		}
	})
	d := device.New(w, device.Config{Board: board, Modules: modules})
	if err := d.Flash.WriteFile("init.lua", []byte(lua)); err != nil {
		t.Fatal(err)
	}
	d.PowerOn()
	w.Clock.RunUntil(clock.At(2 * clock.Second))
	for _, line := range strings.Split(out.String(), "\n") {
		if n, err := strconv.ParseFloat(strings.TrimSpace(line), 64); err == nil {
			return n
		}
	}
	t.Fatalf("no figure in %q", out.String())
	return 0
}
