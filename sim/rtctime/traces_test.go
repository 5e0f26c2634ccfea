package rtctime

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/oracle"
	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/sim/cron"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/perf"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtcfifo"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtcmem"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wifi"
	wifimonitor "github.com/nodemcu-sim/nodemcu-sim/sim/wifi_monitor"
	"github.com/nodemcu-sim/nodemcu-sim/sim/wps"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// scenario is one measured program of rtc-cron-traces.json.
type scenario struct{ traces.Scenario }

// TestOracleRTC runs every measured scenario and compares what it logged, with its
// times: events, calls with their results and errors, what was printed, restarts and
// sleeps.
func TestOracleRTC(t *testing.T) {
	oracle.Set{
		Name:     "rtc-cron-traces",
		Parallel: true,
		Read:     traces.Scenarios(func(s traces.Scenario) string { return scenario{s}.check() }),
	}.Compare(t)
}

// How the measurement was made (oracle: formats.md).
const (
	scriptDelay = 1003 * clock.Millisecond // from boot to the script
	sleepTick   = 6                        // µs
	bootDelay   = 1 * clock.Microsecond    // a boot took no time there
)

// check runs the scenario and returns the first difference, or "".
func (s scenario) check() string {
	got, err := s.run()
	if err != nil {
		return err.Error()
	}
	want := slices.DeleteFunc(slices.Clone(s.Trace), func(e traces.Entry) bool { return e["ev"] == "sdk" }) // what the SDK was called for
	for i := range max(len(got), len(want)) {
		a, b := traces.Plain(traces.Nth(got, i)), traces.Nth(want, i)
		delete(b, "q")
		if !reflect.DeepEqual(a, b) {
			return fmt.Sprintf("entry %d:\n\tgot  %v\n\twant %v", i, a, b)
		}
	}
	return ""
}

// recorder makes the trace of a run.
type recorder struct {
	d     *device.Device
	trace []traces.Entry
	began bool
	// start is when the script started, less what boots have taken that took none in
	// the measurement.
	start clock.Time
	// boots is when the device starts anew, by the measurement; sdk that it was the SDK
	// which was asked for that.
	boots clock.Time
	sdk   bool
	err   error
}

// run runs the scenario and returns its trace.
func (s scenario) run() ([]traces.Entry, error) {
	base, err := boards.Load("nodemcu-v1")
	if err != nil {
		return nil, err
	}
	b := *base
	b.Heap.Size = 1 << 20 // the measurement's Lua had no limit
	b.RTC.Tick = sleepTick

	w := world.New(1)
	r := &recorder{}
	r.d = device.New(w, device.Config{
		Board: &b, HostCPU: true, ExactTimers: true, BootDelay: bootDelay, OnPanic: device.HaltOnPanic,
		WiFi: s.wifi(),
		Modules: []device.Module{
			cron.Module, file.Module, defaultNode, perf.Module, rtcfifo.Module, rtcmem.Module, Module, tmr.Module, wifi.Module, wifimonitor.Module, wps.Module,
			{Name: "oracle", Open: func(d *device.Device) *device.Lib {
				if slices.Contains(s.Config, "hwbusy") {
					d.TakeHardwareTimer(r)
				}
				return r.open(d)
			}},
		},
	})
	w.Subscribe(func(e world.Event) { r.happened(e, s.Lua) })
	r.d.PowerOn()
	until := clock.Duration(s.UntilMS) * clock.Millisecond
	w.Clock.RunUntil(clock.At(bootDelay + scriptDelay))
	for r.start.Add(until) > w.Clock.Now() {
		w.Clock.RunUntil(r.start.Add(until))
	}
	return r.trace, r.err
}

// wifi is what the device has stored: with noip nothing, else a network that it is in.
func (s scenario) wifi() radio.Config {
	if slices.Contains(s.Config, "noip") {
		return radio.Config{Blank: true, Mode: radio.StationMode, WPS: s.wps()}
	}
	return radio.Config{Joined: true, WPS: s.wps()}
}

// wps is the result that config names: wps=RESULT,MS.
func (s scenario) wps() *radio.WPSResult {
	for _, c := range s.Config {
		var status, ms int
		if n, _ := fmt.Sscanf(c, "wps=%d,%d", &status, &ms); n == 2 {
			return &radio.WPSResult{Status: radio.WPSStatus(status), After: clock.Duration(ms) * clock.Millisecond}
		}
	}
	return nil
}

// defaultNode is node as the measured build had it, without PLATFORM_STARTUP_COUNT.
var defaultNode = device.Module{Name: node.Module.Name, Open: func(d *device.Device) *device.Lib {
	lib := node.Module.Open(d)
	lib.Funcs = slices.DeleteFunc(lib.Funcs, func(f vm.Func) bool { return f.Name == "startupcounts" })
	return lib
}}

// happened makes entries of what happens on the device, and starts the script when it
// has booted for the first time.
func (r *recorder) happened(e world.Event, script string) {
	switch what := e.Data.(type) {
	case event.Boot:
		if !r.began {
			r.d.NewTimer(func() { r.begin(script) }).Arm(scriptDelay, false)
			return
		}
		r.start = r.start.Add(e.Time.Sub(r.boots))
	case event.Output:
		r.print(what.Text)
	case event.Restart:
		r.sdk, r.boots = true, e.Time
		if what.Reason == device.SoftRestart.Text {
			r.add(traces.Entry{"ev": "system_restart"})
		}
	case event.Reset:
		if what.Reason != "deep sleep" {
			return
		}
		sleep := traces.Entry{"us": what.Sleep}
		if !r.sdk {
			sleep["rtc_ticks"] = what.Sleep / sleepTick
		}
		r.boots, r.sdk = e.Time.Add(what.Sleep), false
		r.addAt(traces.Entry{"ev": "deep_sleep", "a": []any{sleep}}, e.Time)
	}
}

// begin runs the script.
func (r *recorder) begin(script string) {
	r.began, r.start = true, r.d.Now()
	fn, err := r.d.VM.Load([]byte(script), "=script")
	if err != nil {
		r.err = err
		return
	}
	r.d.Run("script", fn)
}

func (r *recorder) add(e traces.Entry) { r.addAt(e, r.d.Now()) }

func (r *recorder) addAt(e traces.Entry, at clock.Time) {
	e["t"] = at.Sub(r.start)
	r.trace = append(r.trace, e)
}

var (
	address = regexp.MustCompile(`0x[0-9a-f]{8}`)
	banner  = regexp.MustCompile(`\r\nNodeMCU [^\r]*\r\n`)
)

// print logs what the device printed; pieces that follow each other are one.
func (r *recorder) print(text string) {
	if !r.began {
		return
	}
	text = banner.ReplaceAllString(address.ReplaceAllString(traces.Latin1(text), "0xADDR"), "<BANNER>")
	if n := len(r.trace); n > 0 {
		if last, ok := r.trace[n-1]["uart"].(string); ok {
			r.trace[n-1]["uart"] = last + text
			return
		}
	}
	r.add(traces.Entry{"uart": text})
}

// open gives the script its helper functions.
func (r *recorder) open(d *device.Device) *device.Lib {
	for _, f := range []vm.Func{
		{Name: "L", Fn: func(c *vm.Call) int {
			e := traces.Entry{"ev": traces.Value(c.VM, c.Arg(1))}
			if c.NArgs() > 1 {
				e["a"] = traces.Values(c, 2)
			}
			r.add(e)
			return 0
		}},
		{Name: "X", Fn: r.call},
	} {
		d.VM.SetField(d.VM.Globals(), f.Name, d.VM.NewFunction(f))
	}
	return &device.Lib{}
}

// call is X(text).
func (r *recorder) call(c *vm.Call) int {
	began := r.d.Now()
	var call traces.Entry
	traces.Call(c, func(e traces.Entry) {
		call = e
		r.add(e)
	})
	if now := r.d.Now(); now != began {
		call["t_end"] = now.Sub(r.start)
	}
	return 0
}
