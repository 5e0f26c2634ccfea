// Package lamp tests the example mqtt-lamp against a real broker.
package lamp

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/mosquitto"
	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

// led is the pin of the board's LED, which is on when that is low.
const led = 4

// lamp is the example with a broker, whose time passes ten times as fast as this computer's.
type lamp struct{ *simtest.Device }

func start(t *testing.T, b *mosquitto.Broker) lamp {
	t.Helper()
	config, err := os.ReadFile("broker.lua")
	if err != nil {
		t.Fatal(err)
	}
	return lamp{simtest.Boot(t, ".", simtest.Net("host"), simtest.Speed(10), simtest.Timeout(10*time.Minute),
		simtest.Files(map[string]string{"broker.lua": strings.Replace(string(config), "1883", fmt.Sprint(b.Port), 1)}))}
}

// await waits until somebody else has got so many messages that begin so.
func (l lamp) await(others *mosquitto.Lines, n int, prefix string) {
	l.Run(func() bool { return others.Count(prefix) >= n }, 10*time.Minute)
}

func TestLamp(t *testing.T) {
	b := mosquitto.Start(t, "allow_anonymous true\n")
	others := b.Sub("-t", "lamp/#")
	l := start(t, b)
	l.Expect("connected")
	l.await(others, 1, "lamp/available online")
	l.await(others, 1, "lamp/state off")
	b.Pub("", "-t", "lamp/set", "-m", "on")
	l.await(others, 1, "lamp/state on")
	if level := l.Pin(led).Level(); level != 0 {
		t.Errorf("the lamp is on, its pin %d", level)
	}
	b.Pub("", "-t", "lamp/set", "-m", "purple")
	l.Expect("lamp/set: on or off, not\tpurple")
	b.Pub("", "-t", "lamp/set", "-m", "off")
	l.await(others, 2, "lamp/state off")
	if level := l.Pin(led).Level(); level != 1 || len(l.Hints()) > 0 {
		t.Errorf("the lamp is off, its pin %d; hints %q", level, l.Hints())
	}

	b.Kill()
	l.Expect("offline")
	l.Expect("failed\t-5")
	if len(l.Hints()) != 1 || !strings.Contains(l.Hints()[0], "mqtt client 1: connfail -5: ") { // the log says what that means
		t.Errorf("hints %q", l.Hints())
	}
	b.Restart()
	l.Expect("connected")
	later := b.Sub("-t", "lamp/#")
	l.await(later, 1, "lamp/state off")
	l.await(later, 1, "lamp/available online")
	if len(l.Hints()) != 1 {
		t.Errorf("hints %q", l.Hints())
	}
}
