package adc

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestADC(t *testing.T) {
	scripts := []string{
		`print(adc.read(0), adc.readvdd33(), pcall(adc.read, 1))
		print(adc.force_init_mode(adc.INIT_ADC), adc.force_init_mode(adc.INIT_VDD33), adc.force_init_mode(adc.INIT_VDD33))
		print(adc.read(0), pcall(adc.force_init_mode, 7))`,
		`print(adc.read(0), adc.readvdd33(), adc.force_init_mode(0))`,
		`print(adc.read(0), adc.readvdd33())`,
	}
	const want = `512	65535	false	adc 1 does not exist
false	true	false
512	false	bad argument #1 to '?' (Invalid mode)
65535	3300	true
1024	65535
`
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		if d, ok := e.Data.(event.Output); ok {
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Size: 1 << 20}, ADC: board.ADC{Bits: 10, FullScale: 3.3},
		CPU: board.CPU{MHz: 80, Clocks: []int{80}, Instruction: 1}, Heap: board.Heap{Size: 50000}}
	boot := 0
	d := device.New(w, device.Config{Board: board, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(scripts[boot]), "=t")
		if err != nil {
			t.Fatal(err)
		}
		boot++
		d.Run("t", fn)
	}})
	d.Pins.ADC.Apply(1.65)
	d.PowerOn()
	for boot < len(scripts) {
		w.Clock.RunUntil(w.Clock.Now().Add(1 * clock.Second))
		if boot < len(scripts) {
			d.Pins.ADC.Apply(9)
			d.PressReset()
		}
	}
	w.Clock.RunUntil(w.Clock.Now().Add(1 * clock.Second))
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
