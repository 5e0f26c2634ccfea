package encoder

import (
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/board"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

func TestEncoder(t *testing.T) {
	const src = `
		local e = encoder
		print(e.toBase64(""), e.toBase64("a"), e.toBase64("ab"), e.toBase64("abc\255"))
		print(e.fromBase64("") == "", e.fromBase64("YQ=="), e.fromBase64("YWI="), e.fromBase64("YWJj/w==") == "abc\255", e.fromBase64("YR=="))
		print(e.toHex("\0\171z"), e.toHex("") == "", e.fromHex("00aBFF") == "\0\171\255", e.fromHex("") == "")
		for _, s in ipairs{"a", "YQ=", "YQ==YQ==", "Y!==", "YWJ\n", "=AAA"} do print(pcall(e.fromBase64, s)) end
		print(pcall(e.fromHex, "abc"))
		print(pcall(e.fromHex, "0g"))
		print(pcall(function() e.toHex() end))`
	const want = `	YQ==	YWI=	YWJj/w==
true	a	ab	true	a
00ab7a	true	true	true
false	Invalid base64 string
false	Invalid base64 string
false	Invalid base64 string
false	Invalid base64 string
false	Invalid base64 string
false	Invalid base64 string
false	Invalid hex string
false	Invalid hex string
false	t:9: bad argument #1 to 'toHex' (string expected, got no value)
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
	device.New(w, device.Config{Board: board, Modules: []device.Module{Module}, Startup: func(d *device.Device) {
		fn, err := d.VM.Load([]byte(src), "=t")
		if err != nil {
			t.Fatal(err)
		}
		d.Run("t", fn)
	}}).PowerOn()
	w.Clock.RunUntil(clock.At(1 * clock.Second))
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
