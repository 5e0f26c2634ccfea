package gateway_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/internal/chiptest"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// The host is told of the end of what the device sends: by closing when the host has
// ended before, else on its own. Virtual time waits for it while it may send.
func TestTheEndIsToldOnce(t *testing.T) {
	for _, tt := range []struct {
		name      string
		hostFirst bool
		want      string
	}{
		{"the host ends first", true, "read -1, read -1, close -1"},
		{"the device ends first", false, "read -1, read -1, close write -1, close -1"},
	} {
		w := world.New(1)
		var log []string
		g := gateway.New(w, gateway.Options{Network: spy{log: &log}})
		d := device.New(w, device.Config{
			Board: chiptest.Board(), WiFi: radio.Config{Wired: netip.MustParsePrefix("192.168.1.20/24")},
			Startup: func(d *device.Device) {
				c := d.Net.Stack().NewTCP()
				c.Bind(lwip.AnyAddr, 80)
				c.Listen().OnAccept = func(c *lwip.TCPConn) lwip.Err {
					c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
						if data != nil {
							c.Recved(len(data[0]))
						}
						if data == nil || !tt.hostFirst {
							c.OnRecv = nil
							return c.Close()
						}
						return lwip.OK
					}
					return lwip.OK
				}
			},
		})
		d.PowerOn()
		w.Clock.RunUntil(clock.At(clock.Second))
		for _, in := range []world.Stimulus{
			hostnet.Accepted{Conn: -1, Device: d.Name(), Port: 80},
			hostnet.Received{Conn: -1, Data: []byte("x")},
			hostnet.Ended{Conn: -1},
		} {
			if _, err := g.Take(in); err != nil {
				t.Fatal(err)
			}
			accepted := in.Kind() == hostnet.Accepted{}.Kind()
			if accepted && w.Clock.State().Following {
				t.Errorf("%s: time waits for a host that waits for the device", tt.name)
			}
			w.Clock.RunUntil(w.Clock.Now().Add(clock.Second))
			if accepted && !w.Clock.State().Following {
				t.Errorf("%s: time does not wait for the host", tt.name)
			}
		}
		if w.Clock.State().Following {
			t.Errorf("%s: time still waits", tt.name)
		}
		if got := strings.Join(log, ", "); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}
