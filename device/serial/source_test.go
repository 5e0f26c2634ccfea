package serial_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// lines is a source that gives one text and then nothing.
func lines(text string) func() []byte {
	return func() []byte {
		out := []byte(text)
		text = ""
		return out
	}
}

// A source loses nothing: neither what there is before the device has started,
// nor while a line takes long, nor across a restart.
func TestSourceWaitsForTheDevice(t *testing.T) {
	var text strings.Builder
	for i := range 60 {
		fmt.Fprintf(&text, "sum = (sum or 0) + %d busy() --%s\n", i, strings.Repeat("x", i))
	}
	text.WriteString("print('sum is '..sum)\nrestart()\nprint('up again', sum)\r\nprint('end')")
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		if o, ok := e.Data.(event.Output); ok {
			out.WriteString(o.Text)
		}
	})
	d := device.New(w, device.Config{Board: chiptest.Board(), Modules: []device.Module{busyModule()}})
	if err := d.Flash.WriteFile("init.lua", []byte("busy, restart = t.busy, t.restart busy() busy()")); err != nil {
		t.Fatal(err)
	}
	d.Serial.SetSource(lines(text.String()))
	d.PowerOn()
	w.Clock.RunUntil(clock.At(10 * clock.Second))
	for _, want := range []string{"\r\nsum is 1770\r\n", "\r\nup again\tnil\r\n> "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, out.String())
		}
	}
	if !strings.HasSuffix(out.String(), "> print('end')") {
		t.Errorf("a line without an end waits: %q", out.String())
	}
}

// busyModule has a function that takes 100 ms of device time, and node.restart.
func busyModule() device.Module {
	return device.Module{Name: "t", Open: func(d *device.Device) *device.Lib {
		return &device.Lib{Funcs: []vm.Func{
			{Name: "busy", Fn: func(c *vm.Call) int { d.ETS.DelayFed(100 * clock.Millisecond); return 0 }},
			{Name: "restart", Fn: func(c *vm.Call) int { d.Restart(); return 0 }},
		}}
	}}
}

// A handler that takes raw bytes gets them at the speed of the line.
func TestSourceFeedsAHandler(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{HostCPU: true})
	var got strings.Builder
	begin := x.World.Clock.Now()
	var end clock.Time
	x.Device.Serial.OnData(0, 0, false, func(b []byte) { got.Write(b); end = x.World.Clock.Now() })
	text := strings.Repeat("0123456789\r\n\x00\xff", 200)
	x.Device.Serial.SetSource(lines(text))
	x.Wait(clock.Second)
	if got.String() != text {
		t.Errorf("%d of %d bytes", got.Len(), len(text))
	}
	if took, want := end.Sub(begin), clock.Duration(len(text))*1e6/11520; took < want-100 || took > want+100 {
		t.Errorf("took %d µs, the line needs %d", took, want)
	}
}

// What comes late is taken when the source is asked again.
func TestPollSerialSource(t *testing.T) {
	x := chiptest.New(t, nil, device.Config{HostCPU: true})
	next := ""
	x.Device.Serial.SetSource(func() []byte { out := []byte(next); next = ""; return out })
	x.Wait(clock.Second)
	next = "print(1+1)\n"
	x.Device.Serial.Pull()
	x.Wait(clock.Second)
	if !strings.HasSuffix(x.Out.String(), "print(1+1)\r\n2\r\n> ") {
		t.Errorf("%q", x.Out.String())
	}
}

// An eager source does not wait for the device: what comes while Lua is busy is lost as on a
// board, unless the line is fast, which waits for room.
func TestEagerSource(t *testing.T) {
	for _, fast := range []bool{false, true} {
		x := chiptest.New(t, nil, device.Config{})
		x.Device.Serial.SetFast(fast)
		n := 0
		x.Device.Serial.OnData(0, 0, false, func(b []byte) { n++ })
		x.Device.PostTask(ets.High, func() { x.Device.ETS.DelayFed(clock.Second) })
		next := make([]byte, 1000)
		x.Device.Serial.SetEagerSource(func() []byte { out := next; next = nil; return out })
		x.Wait(2 * clock.Second)
		if want := map[bool]int{false: 256, true: 1000}[fast]; n != want {
			t.Errorf("fast: %v: %d bytes arrived, want %d", fast, n, want)
		}
		if x.Device.Serial.Pending() != 0 {
			t.Errorf("%d bytes are on the line", x.Device.Serial.Pending())
		}
	}
}
