// Package terminal is a person at the serial port of a simulated device, for
// tests of firmware modules: it boots a device, types lines, and reads what comes
// back, all in virtual time.
package terminal

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Terminal is connected to one device.
type Terminal struct {
	World  *world.World
	Device *device.Device
	Events []world.Event

	out strings.Builder
}

// New boots a NodeMCU board with these modules and files and waits for its
// prompt. Lua takes no time on it.
func New(t testing.TB, files map[string]string, modules ...device.Module) *Terminal {
	t.Helper()
	return NewBuild(t, device.Build{}, files, modules...)
}

// NewBuild is New for a firmware that was compiled otherwise than usual.
func NewBuild(t testing.TB, build device.Build, files map[string]string, modules ...device.Module) *Terminal {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{World: world.New(1)}
	x.World.Subscribe(func(e world.Event) {
		x.Events = append(x.Events, e)
		if o, ok := e.Data.(event.Output); ok {
			x.out.WriteString(o.Text)
		}
	})
	x.Device = device.New(x.World, device.Config{Board: board, Modules: modules, Build: build, HostCPU: true})
	for _, name := range slices.Sorted(maps.Keys(files)) { // where a file lies costs time
		if err := x.Device.Flash.WriteFile(name, []byte(files[name])); err != nil {
			t.Fatal(err)
		}
	}
	x.Device.PowerOn()
	x.Wait(clock.Second)
	if out := x.Output(); !strings.HasSuffix(out, "> ") {
		t.Fatalf("no prompt: %q", out)
	}
	x.quiet()
	return x
}

// Reboot presses the reset button and waits for the prompt.
func (x *Terminal) Reboot() {
	x.Device.PressReset()
	x.Wait(clock.Second)
	x.quiet()
}

// quiet turns echo and prompts off, so that only what a program prints is left.
func (x *Terminal) quiet() {
	x.Device.Serial.SetEcho(false)
	x.Run("_PROMPT, _PROMPT2 = '', ''")
}

// Wait lets virtual time pass.
func (x *Terminal) Wait(d clock.Duration) { x.World.Clock.RunUntil(x.World.Clock.Now().Add(d)) }

// Output returns what came since the last call, with plain line ends.
func (x *Terminal) Output() string {
	s := strings.ReplaceAll(x.out.String(), "\r\n", "\n")
	x.out.Reset()
	return s
}

// Run types lines and returns what they print, without the last line end.
func (x *Terminal) Run(lines string) string {
	x.Output()
	lines = strings.TrimRight(lines, "\n") + "\n"
	x.Device.Serial.Type([]byte(lines))
	x.Wait(clock.Duration(len(lines))*100 + 100*clock.Millisecond)
	return strings.TrimSuffix(x.Output(), "\n")
}

// FirstLine returns what the prompt prints of an error, without the place on the
// line typed and without the traceback.
func FirstLine(s string) string {
	line, _, _ := strings.Cut(s, "\nstack traceback")
	return strings.TrimPrefix(line, "Lua error: \tstdin:1: ")
}
