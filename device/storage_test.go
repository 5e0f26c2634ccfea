package device_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/sim/file"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// bootOn boots a device on a flash and returns what it prints and what is hinted.
func bootOn(t *testing.T, f *flash.FS, change func(d *device.Device)) (out, hints string) {
	t.Helper()
	b, err := boards.Load(boards.Default)
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(1)
	w.Subscribe(func(e world.Event) {
		switch x := e.Data.(type) {
		case event.Output:
			out += x.Text
		case event.Hint:
			hints += x.Text + "\n"
		}
	})
	d := device.New(w, device.Config{Board: b, Modules: []device.Module{file.Module}, Flash: f})
	d.PowerOn()
	w.Clock.RunUntil(clock.At(30 * clock.Second))
	if change != nil {
		out, hints = "", ""
		change(d)
		w.Clock.RunUntil(clock.At(60 * clock.Second))
	}
	return out, hints
}

// TestFormatAtBoot boots on what is no file system: the firmware formats it, and says so (oracle:
// uart-traces.json, boot_no_init).
func TestFormatAtBoot(t *testing.T) {
	const size = 0x100000
	broken := flash.New(size)
	_ = broken.WriteFile("init.lua", []byte("print('mine')"))
	_, image := broken.Image()
	copy(image[5*8192:], bytes.Repeat([]byte{0xff}, 2*8192))
	for name, tt := range map[string]struct {
		image []byte
		hint  string
	}{
		"erased":             {flash.Blank(size), ""},
		"two blocks missing": {image, "the firmware finds no file system that it could mount: more than one block has no magic number: 5, 6; it formats the partition, and all files are gone\n"},
	} {
		f, err := flash.FromImage(tt.image, flash.Layout{Size: size})
		if err != nil {
			t.Fatal(err)
		}
		out, hints := bootOn(t, f, nil)
		if !strings.HasPrefix(out, "Formatting file system. Please wait...\r\n................\r\n\r\nNodeMCU") && !strings.HasPrefix(out, "Formatting file system. Please wait...\r\n................\r\nNodeMCU") {
			t.Errorf("%s: %q", name, out)
		}
		if hints != tt.hint || !f.Mounted() || f.WriteFile("x", nil) != nil {
			t.Errorf("%s: hints %q, mounted: %v", name, hints, f.Mounted())
		}
	}
}

// TestPowerGoesWhileCollecting takes the power while SPIFFS moves the pages of a file: the boot
// behind it says what that has cost, as the firmware does not.
func TestPowerGoesWhileCollecting(t *testing.T) {
	f := flash.New(0x10000)
	_ = f.WriteFile("kept", bytes.Repeat([]byte("k"), 6000))
	for i := range 60 { // until blocks must be cleaned that hold it
		_ = f.WriteFile("churn", bytes.Repeat([]byte{byte(i)}, 5000))
	}
	_, before := f.Image()
	for n := 1; ; n++ {
		g, err := flash.FromImage(bytes.Clone(before), flash.Layout{Size: len(before)})
		if err != nil {
			t.Fatal(err)
		}
		cut := false
		_, hints := bootOn(t, g, func(d *device.Device) {
			g.CutAt(n, 0, func() { cut = true })
			for range 6 {
				_ = g.WriteFile("churn", bytes.Repeat([]byte("n"), 5000))
			}
			d.PowerCycle()
		})
		if !cut {
			t.Fatal("no cut breaks the file")
		}
		if data, _ := g.Peek("kept"); len(data) < 6000 {
			if !strings.Contains(hints, `power went while SPIFFS moved or wrote pages of "kept": of its 6000 bytes `) {
				t.Errorf("hints %q", hints)
			}
			return
		}
		n += 3
	}
}
