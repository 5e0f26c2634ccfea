package rtcmem

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestRTCMem(t *testing.T) {
	scripts := []string{
		`print(rtcmem.read32(0), rtcmem.read32(127), select("#", rtcmem.read32(128)), select("#", rtcmem.read32(-1)))
		rtcmem.write32(0, 0x7fffffff, 0x80000000, 0xffffffff, 2^32 + 5, -2, "7", {}, 1.9)
		print(rtcmem.read32(0, 8))
		print(select("#", rtcmem.read32(120, 100)), select("#", rtcmem.read32(0, 0)), select("#", rtcmem.read32(0, -1)),
			select("#", rtcmem.read32(0, nil)), select("#", rtcmem.read32(0, 1e5)), select("#", rtcmem.read32(0, "1")))
		print(pcall(rtcmem.write32, 127, 1, 2))
		print(pcall(rtcmem.write32, 2^40 + 128, 1))
		rtcmem.write32(-1, 8, 9)
		rtcmem.write32(127, 42)
		print(rtcmem.read32(0), rtcmem.read32(127))`,
		`print(rtcmem.read32(0), rtcmem.read32(127))`,
		`print(rtcmem.read32(0), rtcmem.read32(127))`,
	}
	const want = `0	0	0	0
2147483647	-2147483648	-1	-1	-2	7	0	1
8	0	0	0	0	1
false	bad argument #1 to '?' (RTC mem would overrun)
true
9	42
9	42
0	0
`
	w := world.New(1)
	var out strings.Builder
	w.Subscribe(func(e world.Event) {
		if d, ok := e.Data.(event.Output); ok {
			out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		}
	})
	board := &board.Board{Name: "test", Title: "Test", FS: board.FS{Size: 1 << 20},
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
	d.PowerOn()
	w.Clock.RunUntil(clock.At(1 * clock.Second))
	d.PressReset() // the memory survives
	w.Clock.RunUntil(clock.At(2 * clock.Second))
	d.Reset(device.PowerOn) // it does not
	w.Clock.RunUntil(clock.At(3 * clock.Second))
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
