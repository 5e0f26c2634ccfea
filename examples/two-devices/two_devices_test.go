// Package twodevices tests the example two-devices.
package twodevices

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// start runs hub and sensor for a time and returns what they printed.
func start(t *testing.T, o app.Options, length clock.Duration) map[string]string {
	t.Helper()
	o.Dir, o.Others, o.Net, o.Seed = "hub", []string{"sensor"}, "isolated", 1
	a, err := app.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	out := map[string]string{}
	a.World.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			out[e.Device] += d.Text
		case event.Panic, event.LuaError:
			t.Errorf("%s failed: %+v", e.Device, d)
		}
	})
	a.PowerOn()
	a.World.Clock.RunUntil(clock.At(length))
	return out
}

// readings returns how many readings the hub has printed, and fails the test if
// one is missing or out of order.
func readings(t *testing.T, hub string) int {
	t.Helper()
	n := 0
	for _, line := range strings.Split(hub, "\r\n") {
		_, text, ok := strings.Cut(line, ": reading ")
		if !ok {
			continue
		}
		if n++; text != fmt.Sprint(n) {
			t.Errorf("reading %d is %q", n, line)
			break
		}
	}
	return n
}

func TestGoodLink(t *testing.T) {
	out := start(t, app.Options{}, 60*clock.Second)
	if !strings.Contains(out["sensor"], "hub.local is 192.168.1.1") {
		t.Errorf("the sensor printed %q", out["sensor"])
	}
	if n := readings(t, out["hub"]); n < 25 {
		t.Errorf("%d readings in a minute", n)
	}
}

func TestBadLink(t *testing.T) {
	out := start(t, app.Options{Link: "latency=40ms,jitter=10ms,loss=5%"}, 60*clock.Second)
	if n := readings(t, out["hub"]); n < 10 {
		t.Errorf("%d readings in a minute", n)
	}
}

// TestOutage: the hub gives up for want of an answer, the sensor retransmits
// until it hears from the hub again, which then knows nothing of the connection;
// and the sensor finds the hub anew.
func TestOutage(t *testing.T) {
	out := start(t, app.Options{LinkDown: []string{"30s-110s"}}, 300*clock.Second)
	if !strings.Contains(out["hub"], ": gone, -8\r\n") {
		t.Errorf("the hub printed %q", out["hub"])
	}
	if s := out["sensor"]; !strings.Contains(s, "lost the hub: -9\r\n") || strings.Count(s, "hub.local is") != 2 {
		t.Errorf("the sensor printed %q", s)
	}
	if n := strings.Count(out["hub"], ": reading "); n < 60 {
		t.Errorf("%d readings", n)
	}
}
