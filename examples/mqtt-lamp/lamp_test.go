// Package lamp tests the example mqtt-lamp against a real broker.
package lamp

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/internal/mosquitto"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// led is the pin of the board's LED, which is on when that is low.
const led = 4

// start runs the example with a broker and returns what happens on the device, a line
// each: what it prints, the LED, and what it fails with.
func start(t *testing.T, b *mosquitto.Broker) *mosquitto.Lines {
	t.Helper()
	dir := t.TempDir()
	for name, old := range map[string]string{"init.lua": "", "nodemcu-sim.toml": "", "broker.lua": "1883"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if old != "" {
			text = []byte(strings.Replace(string(text), old, fmt.Sprint(b.Port), 1))
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.New(app.Options{Dir: dir, Net: "host", OnPanic: "halt", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, line := mosquitto.NewLines(), ""
	a.World.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			parts := strings.Split(line+strings.ReplaceAll(d.Text, "\r", ""), "\n")
			line = parts[len(parts)-1]
			for _, s := range parts[:len(parts)-1] {
				l.Add(strings.TrimPrefix(s, "> "))
			}
		case event.Pin:
			if d.Pin == led {
				l.Add(fmt.Sprintf("LED %d", d.Level))
			}
		case event.Panic, event.LuaError, event.Hint:
			l.Add(fmt.Sprintf("FAILED %+v", d))
		}
	})
	a.World.Clock.SetSpeed(10)
	a.Device.PowerOn()
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.World.Clock.Run(clock.Forever, false)
	}()
	t.Cleanup(func() {
		a.World.Clock.Stop()
		<-done
		a.Close()
	})
	return l
}

func TestLamp(t *testing.T) {
	b := mosquitto.Start(t, "allow_anonymous true\n")
	others := b.Sub("-t", "lamp/#")
	device := start(t, b)
	device.Await(t, 1, "connected")
	others.Await(t, 1, "lamp/available online")
	others.Await(t, 1, "lamp/state off")
	b.Pub("", "-t", "lamp/set", "-m", "on")
	others.Await(t, 1, "lamp/state on")
	b.Pub("", "-t", "lamp/set", "-m", "purple")
	device.Await(t, 1, "lamp/set: on or off, not\tpurple")
	b.Pub("", "-t", "lamp/set", "-m", "off")
	others.Await(t, 2, "lamp/state off")
	if n := device.Count("FAILED"); n > 0 {
		t.Errorf("%q", device.List())
	}

	b.Kill()
	device.Await(t, 1, "offline")
	device.Await(t, 1, "failed\t-5")
	device.Await(t, 1, "FAILED {Text:mqtt client 1: connfail -5: ") // the log says what that means
	b.Restart()
	device.Await(t, 2, "connected")
	later := b.Sub("-t", "lamp/#")
	later.Await(t, 1, "lamp/state off")
	later.Await(t, 1, "lamp/available online")
	if n := device.Count("FAILED"); n != 1 {
		t.Errorf("%q", device.List())
	}
}
