package luatest

import (
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// Bounds of what sim.wifi.ap takes: an SSID and a WPA password (IEEE 802.11).
const (
	maxSSID     = 32
	minPassword = 8
	maxPassword = 64
)

// simWiFi has sim.wifi: the access points around the device.
func (r *run) simWiFi() []vm.Func {
	return []vm.Func{
		{Name: "down", Fn: func(c *vm.Call) int {
			r.room(c)
			r.app.World.Air.SetDown(true)
			r.sim.opened(func() { r.app.World.Air.SetDown(false) })
			return 0
		}},
		{Name: "up", Fn: func(*vm.Call) int {
			r.app.World.Air.SetDown(false)
			return 0
		}},
		{Name: "ap", Fn: func(c *vm.Call) int {
			c.Table(1)
			o := optionsOf(c, 1, "sim.wifi.ap", "ssid", "password", "channel", "rssi", "hidden")
			n := air.Network{SSID: o.text("ssid", ""), Password: o.text("password", ""), Hidden: o.flag("hidden"),
				Channel: o.whole("channel", 1, 13, 0), RSSI: o.whole("rssi", -100, -1, 0)}
			switch {
			case n.SSID == "" || len(n.SSID) > maxSSID:
				o.wrong("ssid", "a name of 1 to 32 bytes")
			case n.Password != "" && (len(n.Password) < minPassword || len(n.Password) > maxPassword):
				o.wrong("password", "8 to 64 bytes long, or left out for an open network")
			}
			a := r.app.World.Air
			// The list may be the project's.
			a.Networks = append(slices.DeleteFunc(slices.Clone(a.Networks), func(x air.Network) bool { return x.SSID == n.SSID }), n)
			return 0
		}},
	}
}
