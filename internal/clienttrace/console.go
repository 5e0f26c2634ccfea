package clienttrace

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// typed is what somebody types at the serial port: when, in ms since the script started, in
// which steps, in µs (0: all at once), and what.
type typed struct {
	at, gap float64
	text    []byte
}

func (x *typed) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &[]any{&x.at, &x.gap, &text})
	x.text = traces.Bytes(text)
	return err
}

// atBoot is the configuration of a scenario that begins with the boot.
const atBoot = "console"

// bootDelay is how long the device takes to boot.
func (s *scenario) bootDelay() clock.Duration {
	if s.console && !slices.Contains(s.Config, atBoot) {
		return device.DefaultBootDelay
	}
	return scriptDelay
}

// sitDown has the script run and somebody type at a device that is at its prompt. The
// measurement's line had no speed: what was typed was received.
func (s *scenario) sitDown(t *testing.T, d *device.Device, start clock.Time) {
	d.Serial.SetFast(true)
	c := d.World().Clock
	if s.Lua != "" {
		c.At(start, func() { d.ETS.Receive(func() { s.script(t, d) }) })
	}
	for _, x := range s.Input {
		at := x.at * 1000
		if x.gap == 0 {
			c.At(start.Add(clock.Duration(at)), func() { d.Serial.Type(x.text) })
			continue
		}
		for i := range x.text {
			c.At(start.Add(clock.Duration(at+float64(i)*x.gap)), func() { d.Serial.Type(x.text[i : i+1]) })
		}
	}
}
