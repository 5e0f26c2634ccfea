package app

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/project"
	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// applyAir sets up the air of a world as the project of its first device says.
func applyAir(w *world.World, wifi project.WiFi) {
	w.Air.Networks = wifi.Networks
	if wifi.Gateway.IsValid() {
		w.Air.Router = wifi.Gateway
	} else if wifi.IP.IsValid() {
		w.Air.Router = firstOther(wifi.IP)
	}
	w.Air.DNS = wifi.DNS
	w.Air.ConnectDelay, w.Air.DHCPDelay = wifi.ConnectDelay, wifi.DHCPDelay
}

// applyWiFi sets up the Wi-Fi part of a device's flash and the address it gets.
func applyWiFi(cfg *device.Config, wifi project.WiFi) {
	if wifi.IP.IsValid() {
		cfg.WiFi.Lease = wifi.IP.Addr()
	}
	cfg.WiFi.SSID, cfg.WiFi.Password = wifi.Join, wifi.Password
	cfg.WiFi.Blank = wifi.Blank
}

// firstOther returns the first host of a network that is not the given one, as its
// router.
func firstOther(host netip.Prefix) netip.Prefix {
	a := host.Masked().Addr().Next()
	if a == host.Addr() {
		a = a.Next()
	}
	return netip.PrefixFrom(a, host.Bits())
}
