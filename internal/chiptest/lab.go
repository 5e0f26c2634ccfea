package chiptest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Lab is a NodeMCU board at 192.168.1.10 that runs a program, and room for others at its
// network.
type Lab struct {
	*world.World
	D *device.Device

	Out    strings.Builder // what the device prints
	Log    strings.Builder // that, with hints and resets between
	Hints  []string
	Resets []string // why
}

// NewLab returns a lab with a device, switched off, that runs src once, as a file of that
// name. cfg says what else it has: its modules above all.
func NewLab(t testing.TB, name, src string, cfg device.Config) *Lab {
	t.Helper()
	began := false
	cfg.Startup = func(d *device.Device) {
		if began {
			return
		}
		began = true
		fn, err := d.VM.Load([]byte(src), "@"+name)
		if err != nil {
			t.Fatal(err)
		}
		d.Run(name, fn)
	}
	return NewBooting(t, nil, cfg)
}

// NewBooting is NewLab with a device that boots as it does on a desk: with these files in
// its flash, banner and prompt, and init.lua at every boot.
func NewBooting(t testing.TB, files map[string]string, cfg device.Config) *Lab {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	x := &Lab{World: world.New(1)}
	x.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			text := strings.ReplaceAll(d.Text, "\r\n", "\n")
			x.Out.WriteString(text)
			x.Log.WriteString(text)
		case event.Hint:
			x.Hints = append(x.Hints, d.Text)
			fmt.Fprintf(&x.Log, "hint: %s\n", d.Text)
		case event.Reset:
			x.Resets = append(x.Resets, d.Reason)
			fmt.Fprintf(&x.Log, "reset: %s\n", d.Reason)
		}
	})
	cfg.Board, cfg.HostCPU = board, true
	if cfg.WiFi == (radio.Config{}) {
		cfg.WiFi.Wired = netip.MustParsePrefix("192.168.1.10/24")
	}
	x.D = device.New(x.World, cfg)
	t.Cleanup(x.D.Close)
	for _, name := range slices.Sorted(maps.Keys(files)) { // where a file lies costs time
		if err := x.D.Flash.WriteFile(name, []byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// Run lets virtual time pass and returns what the device has printed since the last call.
func (x *Lab) Run(d clock.Duration) string {
	x.RunLog(d)
	defer x.Out.Reset()
	return x.Out.String()
}

// RunLog is Run for all of the log.
func (x *Lab) RunLog(d clock.Duration) string {
	x.Clock.RunUntil(x.Clock.Now().Add(d))
	defer x.Log.Reset()
	return x.Log.String()
}
