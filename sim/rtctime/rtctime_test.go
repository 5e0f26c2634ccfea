package rtctime

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/terminal"
	"github.com/nodemcu-sim/nodemcu-sim/sim/cron"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/rtcmem"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// A sensor that sleeps keeps the time, by a sleep clock of the chip's own speed; the next
// boots are no further off than a tick.
func TestTimeOverSleeps(t *testing.T) {
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		switch what := e.Data.(type) {
		case event.Output:
			out.WriteString(strings.ReplaceAll(what.Text, "\r\n", "\n"))
		case event.Reset:
			fmt.Fprintf(&out, "[%s]\n", what.Reason)
		}
	})
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	d := device.New(w, device.Config{Board: board, Modules: []device.Module{node.Module, Module}, HostCPU: true})
	const program = `
		node.startup({banner = false})
		if rtctime.get() == 0 then rtctime.set(1436430589) end
		local t = rtctime.epoch2cal(rtctime.get())
		print(("%04d/%02d/%02d %02d:%02d:%02d"):format(t.year, t.mon, t.day, t.hour, t.min, t.sec))
		if t.min < 32 then rtctime.dsleep_aligned(60 * 1000000, 3 * 1000000) else node.dsleep(1000000) end
		print("not reached, but for 100 ms")
	`
	if err := d.Flash.WriteFile("init.lua", []byte("node.startup({banner=false}) "+program)); err != nil {
		t.Fatal(err)
	}
	d.PowerOn()
	w.Clock.RunUntil(clock.At(155 * clock.Second))
	_, got, _ := strings.Cut(out.String(), "\n2015/")
	const want = `07/09 08:29:49
[deep sleep]
2015/07/09 08:30:00
[deep sleep]
2015/07/09 08:31:00
[deep sleep]
2015/07/09 08:32:00
not reached, but for 100 ms
> [deep sleep]
2015/07/09 08:29:49
`
	if !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A device that nobody asks for the time keeps it as one that is asked: when the counter
// wraps, after 3.8 hours, and where the rate counts anew.
func TestIdle(t *testing.T) {
	times := func(program string) string {
		x := terminal.New(t, nil, Module, tmr.Module)
		x.Run("rtctime.set(1700000000, 0, 4294967) " + program)
		out := ""
		for range 3 {
			x.Wait(10 * clock.Hour)
			out += x.Run("print(rtctime.get())") + "\n"
		}
		return out
	}
	idle, busy := times(""), times("tmr.create():alarm(59000, tmr.ALARM_AUTO, function() rtctime.get() end)")
	var a, b [3]int
	for i := range a {
		fmt.Sscan(strings.Split(idle, "\n")[i], &a[i])
		fmt.Sscan(strings.Split(busy, "\n")[i], &b[i])
	}
	if a != b || a[2] != 1700000000+108000+108 {
		t.Errorf("idle\n%sasked\n%s", idle, busy)
	}
}

// hints returns what the simulator has said of the program, in order.
func hints(x *terminal.Terminal) string {
	out := ""
	for _, e := range x.Events {
		if h, ok := e.Data.(event.Hint); ok {
			out += h.Text + "\n"
		}
	}
	return out
}

func TestHints(t *testing.T) {
	for _, tt := range []struct{ run, want string }{
		{"rtctime.epoch2cal(rtctime.get())", "no time yet"},
		{"rtctime.set(1e9) rtctime.epoch2cal(rtctime.get())", ""},
		{"rtctime.set(1e9) rtctime.set(1e9 - 100)", "set back by 100.0 s"},
		{"rtctime.set(1e9) rtctime.set(1e9 + 100)", ""},
		{"rtctime.dsleep(2 * 3600e6)", "of 7200000000 µs it sleeps 2905032704"},
		{"rtctime.set(1e9) node.dsleep(1e6)", "loses the time of day"},
		{"node.dsleep(1e6)", ""},
		{"rtcmem.write32(8, 1)", "words 0 to 8"},
		{"rtcmem.write32(9, 1)", ""},
	} {
		x := terminal.New(t, nil, node.Module, Module, rtcmem.Module)
		x.Run(tt.run)
		if got := hints(x); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: hints %q, want %q", tt.run, got, tt.want)
		}
	}
}

// What reset button and power do to the time.
func TestLost(t *testing.T) {
	x := terminal.New(t, nil, Module, rtcmem.Module, cron.Module)
	x.Run("rtctime.set(1e9) rtcmem.write32(9, 42)")
	x.Reboot()
	if got := x.Run("print(rtctime.get(), rtcmem.read32(0, 10))"); got != "0\t1147753844\t0\t0\t0\t6656\t0\t0\t0\t0\t42" {
		t.Errorf("after the reset button: %s", got)
	}
	x.Run("rtctime.set(1e9) rtctime.dsleep(10e6)")
	x.Reboot() // in the sleep
	if got := x.Run("print(rtctime.get())"); !strings.HasPrefix(got, "0\t0") {
		t.Errorf("woken by the reset button: %s", got)
	}
	x.Run("rtctime.set(1e9)")
	x.Device.PowerCycle()
	x.Wait(clock.Second)
	if got := x.Run("print(rtctime.get(), rtcmem.read32(0), rtcmem.read32(9))"); !strings.Contains(got, "0\t0\t0") {
		t.Errorf("after a power cycle: %q", got)
	}
}
