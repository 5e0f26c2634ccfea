// Package twodevices tests the example two-devices.
package twodevices

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

// start runs hub and sensor for a time, and returns what each has printed.
func start(t *testing.T, length time.Duration, opts ...simtest.Option) (hub, sensor string) {
	t.Helper()
	d := simtest.Boot(t, "hub", opts...)
	other := d.Another("sensor", opts...)
	d.Advance(length)
	return d.Output(), other.Output()
}

// readings returns how many readings the hub has printed, and fails the test if
// one is missing or out of order.
func readings(t *testing.T, hub string) int {
	t.Helper()
	n := 0
	for _, line := range strings.Split(hub, "\n") {
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
	hub, sensor := start(t, time.Minute)
	if !strings.Contains(sensor, "hub.local is 192.168.1.1") {
		t.Errorf("the sensor printed %q", sensor)
	}
	if n := readings(t, hub); n < 25 {
		t.Errorf("%d readings in a minute", n)
	}
}

func TestBadLink(t *testing.T) {
	hub, _ := start(t, time.Minute, simtest.Link("latency=40ms,jitter=10ms,loss=5%"))
	if n := readings(t, hub); n < 10 {
		t.Errorf("%d readings in a minute", n)
	}
}

// TestOutage: the hub gives up for want of an answer, the sensor retransmits
// until it hears from the hub again, which then knows nothing of the connection;
// and the sensor finds the hub anew.
func TestOutage(t *testing.T) {
	hub, sensor := start(t, 5*time.Minute, simtest.LinkDown("30s-110s"))
	if !strings.Contains(hub, ": gone, -8\n") {
		t.Errorf("the hub printed %q", hub)
	}
	if !strings.Contains(sensor, "lost the hub: -9\n") || strings.Count(sensor, "hub.local is") != 2 {
		t.Errorf("the sensor printed %q", sensor)
	}
	if n := strings.Count(hub, ": reading "); n < 60 {
		t.Errorf("%d readings", n)
	}
}
