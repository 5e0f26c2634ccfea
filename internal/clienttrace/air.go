package clienttrace

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// apAddress is the address of the device's access point.
var apAddress = netip.MustParseAddr("192.168.4.1")

// own are the device's addresses.
var own = []netip.Addr{deviceNet.Addr(), apAddress}

// wifi makes the air of a scenario and what its device has stored (oracle: formats.md,
// "enduser_setup …", Set-up; the times are that set-up's assumptions).
func (s *scenario) wifi(a *air.Air) (cfg radio.Config, err error) {
	a.ScanDelay, a.FailDelay = 2100*clock.Millisecond, 3000*clock.Millisecond
	a.ConnectDelay, a.DHCPDelay = 1499*clock.Millisecond, 1*clock.Millisecond
	cfg = radio.Config{Joined: true, Lease: deviceNet.Addr()}
	for _, c := range s.Config {
		key, value, _ := strings.Cut(c, "=")
		f := strings.Split(value, ",")
		for i := range f {
			if f[i], err = url.PathUnescape(f[i]); err != nil {
				return cfg, err
			}
		}
		n, _ := strconv.Atoi(value)
		switch {
		case c == atBoot && s.console:
		case c == "noip":
			cfg = radio.Config{Blank: true, Mode: max(cfg.Mode, radio.StationMode), Lease: cfg.Lease}
		case key == "sta" && len(f) == 2:
			cfg.SSID, cfg.Password = f[0], f[1]
		case key == "mode":
			cfg.Mode = radio.Mode(n)
		case key == "scanfail":
			a.ScanFails = true
		case key == "fail" && n == int(radio.StationFailed):
			a.NoAnswer = true
		case key == "net" && len(f) == 5:
			n := air.Network{SSID: f[0], Password: f[1]}
			n.Channel, _ = strconv.Atoi(f[2])
			n.RSSI, _ = strconv.Atoi(f[3])
			auth, _ := strconv.Atoi(f[4])
			n.Auth = air.AuthMode(auth)
			if n.Auth == air.AuthOpen {
				n.Password = "" // the air takes a network with one for WPA2
			}
			a.Networks = append(a.Networks, n)
		default:
			return cfg, fmt.Errorf("config %q", c)
		}
	}
	return cfg, nil
}
