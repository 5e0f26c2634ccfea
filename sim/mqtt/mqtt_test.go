package mqtt_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/sim/mqtt"
	"github.com/nodemcu-sim/nodemcu-sim/sim/node"
	"github.com/nodemcu-sim/nodemcu-sim/sim/tmr"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// lab is a device with a program, and a broker that does what the test says.
type lab struct {
	*world.World
	t      testing.TB
	d      *device.Device
	broker *peer.Host
	conn   *peer.Conn // the last one
	got    []string   // packets of that, in hex
	out    strings.Builder
	hints  []string
	resets []string
}

// newLab starts a device with a program. on answers a packet of the device's, in hex, with
// others; nil answers CONNECT only.
func newLab(t testing.TB, program string, on func(packet string) string) *lab {
	t.Helper()
	board, err := boards.Load("nodemcu-v1")
	if err != nil {
		t.Fatal(err)
	}
	w := &lab{World: world.New(1), t: t}
	w.Subscribe(func(e world.Event) {
		switch d := e.Data.(type) {
		case event.Output:
			w.out.WriteString(strings.ReplaceAll(d.Text, "\r\n", "\n"))
		case event.Hint:
			w.hints = append(w.hints, d.Text)
		case event.Reset:
			w.resets = append(w.resets, d.Reason)
		}
	})
	if on == nil {
		on = func(string) string { return "" }
	}
	w.broker = peer.New(w.Wire, "broker", netip.MustParsePrefix("192.168.1.20/24"))
	if _, err := w.broker.Listen(1883, func(c *peer.Conn) {
		w.conn = c
		c.OnData = func(data []byte) {
			p := hex.EncodeToString(data)
			w.got = append(w.got, p)
			answer := on(p)
			if answer == "" && strings.HasPrefix(p, "10") {
				answer = "20020000"
			}
			w.send(answer)
		}
	}); err != nil {
		t.Fatal(err)
	}
	w.d = device.New(w.World, device.Config{
		Board: board, Modules: []device.Module{mqtt.Module, node.Module, tmr.Module}, HostCPU: true, OnPanic: device.HaltOnPanic,
		WiFi: radio.Config{Wired: netip.MustParsePrefix("192.168.1.10/24")},
		Startup: func(d *device.Device) {
			if len(w.resets) > 0 {
				return
			}
			fn, err := d.VM.Load([]byte(program), "@init.lua")
			if err != nil {
				t.Fatal(err)
			}
			d.Run("init.lua", fn)
		},
	})
	w.d.PowerOn()
	return w
}

// send has the broker send packets.
func (w *lab) send(packets string) {
	data, err := hex.DecodeString(packets)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(data) > 0 {
		w.conn.Write(data)
	}
}

// run runs the world for a while and returns what was printed since the last call.
func (w *lab) run(d clock.Duration) string {
	w.Clock.RunUntil(w.Clock.Now().Add(d))
	out := w.out.String()
	w.out.Reset()
	return out
}

func (w *lab) hinted(part string) bool { return strings.Contains(strings.Join(w.hints, "\n"), part) }
