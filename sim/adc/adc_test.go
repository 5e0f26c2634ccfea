package adc

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
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
	w := device.NewWorld(1)
	var out strings.Builder
	w.Subscribe(func(e device.Event) {
		if d, ok := e.Data.(device.OutputData); ok {
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		}
	})
	board := &device.Board{Name: "test", Title: "Test", FS: device.BoardFS{Size: 1 << 20}, ADC: device.BoardADC{Bits: 10, FullScale: 3.3},
		CPU: device.BoardCPU{MHz: 80, Clocks: []int{80}, Instruction: 1}, Heap: device.BoardHeap{Size: 50000}}
	boot := 0
	d := w.AddDevice(device.Config{Board: board, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(scripts[boot]), "=t")
		if err != nil {
			t.Fatal(err)
		}
		boot++
		d.Run("t", fn)
	}})
	d.SetADC(1.65)
	d.PowerOn()
	for boot < len(scripts) {
		w.Clock.RunUntil(w.Clock.Now().Add(1 * clock.Second))
		if boot < len(scripts) {
			d.SetADC(9)
			d.PressReset()
		}
	}
	w.Clock.RunUntil(w.Clock.Now().Add(1 * clock.Second))
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
