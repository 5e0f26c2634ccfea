package project

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/internal/tomlfile"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// WiFi is what the project says of the air around the device and of the
// configuration in its flash.
type WiFi struct {
	// Networks that exist; none means that every SSID does.
	Networks []air.Network
	// Blank is a device whose flash stores no network: it comes up as an access
	// point, as one that was never used.
	Blank bool
	// Join is the SSID of the network stored in the device's flash, "" for none
	// named.
	Join string
	// Password is that of the network to join, if it is one of Networks.
	Password string
	// IP is the station's own address with its network; invalid when DHCP is to
	// give one.
	IP netip.Prefix
	// Gateway is the router's address with its network; invalid when not given.
	Gateway netip.Prefix
	// DNS are the servers the device asks, at most two.
	DNS []netip.Addr
	// ConnectDelay and DHCPDelay are the times from connect to connected and on
	// to an address, 0 for what is usual.
	ConnectDelay, DHCPDelay clock.Duration
	// Outages are the times at which the access points are off.
	Outages []wire.Span
}

type wifiDocument struct {
	Stored       bool              `toml:"stored"`
	Join         string            `toml:"join"`
	IP           string            `toml:"ip"`
	Netmask      string            `toml:"netmask"`
	Gateway      string            `toml:"gateway"`
	DNS          []string          `toml:"dns"`
	ConnectDelay time.Duration     `toml:"connect_delay"`
	DHCPDelay    time.Duration     `toml:"dhcp_delay"`
	Networks     []networkDocument `toml:"network"`
	Outages      []outageDocument  `toml:"outage"`
}

type networkDocument struct {
	SSID     string `toml:"ssid"`
	Password string `toml:"password"`
	Auth     string `toml:"auth"`
	Channel  int    `toml:"channel"`
	RSSI     int    `toml:"rssi"`
	BSSID    string `toml:"bssid"`
	Hidden   bool   `toml:"hidden"`
	WPS      bool   `toml:"wps"`
}

// Limits (IEEE 802.11; fw: docs/modules/wifi.md; oracle: net-constants.json for
// the number of DNS servers).
const (
	maxSSID     = 32 // bytes
	minPassword = 8  // bytes, of WPA
	maxPassword = 64 // bytes
	maxChannel  = 13 // Europe; the highest the SDK scans by default
	minRSSI     = -110
	maxRSSI     = -1
	maxDNS      = 2
	maxDelay    = time.Hour
)

var authModes = map[string]air.AuthMode{
	"open": air.AuthOpen, "wep": air.AuthWEP, "wpa": air.AuthWPA, "wpa2": air.AuthWPA2, "wpa-wpa2": air.AuthWPAWPA2,
}

func (w *wifiDocument) check(f *tomlfile.File) (WiFi, error) {
	out := WiFi{Join: w.Join, ConnectDelay: duration(w.ConnectDelay), DHCPDelay: duration(w.DHCPDelay)}
	out.Blank = f.Has("wifi.stored") && !w.Stored
	if out.Blank && w.Join != "" {
		return out, f.Errorf("wifi.join", "wifi.join names a network, wifi.stored = false says that none is stored: leave one out")
	}
	for i := range w.Networks {
		n, err := w.Networks[i].check(f, fmt.Sprintf("wifi.network[%d]", i))
		if err != nil {
			return out, err
		}
		out.Networks = append(out.Networks, n)
	}
	if len(w.Join) > maxSSID {
		return out, f.Errorf("wifi.join", "wifi.join: an SSID has at most %d bytes", maxSSID)
	}
	if w.Join != "" && len(out.Networks) > 0 {
		i := slices.IndexFunc(out.Networks, func(n air.Network) bool { return n.SSID == w.Join })
		if i < 0 {
			return out, f.Errorf("wifi.join", "wifi.join: there is no [[wifi.network]] with ssid = %q", w.Join)
		}
		out.Password = out.Networks[i].Password
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"wifi.connect_delay", w.ConnectDelay}, {"wifi.dhcp_delay", w.DHCPDelay}} {
		if d.d < 0 || d.d > maxDelay {
			return out, f.Errorf(d.key, "%s = %v: write a time from 0 to %v", d.key, d.d, maxDelay)
		}
	}
	var err error
	if out.Outages, err = outages(f, "wifi.outage", w.Outages); err != nil {
		return out, err
	}
	return out, w.addresses(f, &out)
}

// addresses checks ip, netmask, gateway and dns.
func (w *wifiDocument) addresses(f *tomlfile.File, out *WiFi) error {
	bits := 24
	if f.Has("wifi.netmask") {
		a, err := address(f, "wifi.netmask", w.Netmask)
		if err != nil {
			return err
		}
		ones, size := net.IPMask(a.AsSlice()).Size()
		if size == 0 || ones < 8 || ones > 30 {
			return f.Errorf("wifi.netmask", "wifi.netmask = %q: write a mask such as \"255.255.255.0\"", w.Netmask)
		}
		bits = ones
	}
	for _, p := range []struct {
		key, text string
		to        *netip.Prefix
	}{{"wifi.ip", w.IP, &out.IP}, {"wifi.gateway", w.Gateway, &out.Gateway}} {
		if !f.Has(p.key) {
			continue
		}
		a, err := address(f, p.key, p.text)
		if err != nil {
			return err
		}
		if a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() {
			return f.Errorf(p.key, "%s = %q is not the address of a host in a network", p.key, p.text)
		}
		*p.to = netip.PrefixFrom(a, bits)
		if a == p.to.Masked().Addr() || wire.IsBroadcast(a, *p.to) {
			return f.Errorf(p.key, "%s = %q is the network %v itself or its broadcast address, not a host", p.key, p.text, p.to.Masked())
		}
	}
	if out.IP.IsValid() && out.Gateway.IsValid() {
		if !out.IP.Contains(out.Gateway.Addr()) {
			return f.Errorf("wifi.gateway", "wifi.gateway = %q is outside the network %v of wifi.ip", w.Gateway, out.IP.Masked())
		}
		if out.IP.Addr() == out.Gateway.Addr() {
			return f.Errorf("wifi.gateway", "wifi.gateway and wifi.ip are the same address")
		}
	}
	if len(w.DNS) > maxDNS {
		return f.Errorf(fmt.Sprintf("wifi.dns[%d]", maxDNS), "wifi.dns: the device has room for %d servers", maxDNS)
	}
	for i, text := range w.DNS {
		a, err := address(f, fmt.Sprintf("wifi.dns[%d]", i), text)
		if err != nil {
			return err
		}
		out.DNS = append(out.DNS, a)
	}
	return nil
}

func address(f *tomlfile.File, key, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return a, f.Errorf(key, "%s = %q: write an IPv4 address such as \"192.168.1.50\"", key, text)
	}
	return a, nil
}

// check turns one [[wifi.network]] at key into a network.
func (n *networkDocument) check(f *tomlfile.File, key string) (air.Network, error) {
	out := air.Network{SSID: n.SSID, Password: n.Password, Channel: n.Channel, RSSI: n.RSSI, Hidden: n.Hidden, WPS: n.WPS}
	switch {
	case n.SSID == "" || len(n.SSID) > maxSSID:
		return out, f.Errorf(key+".ssid", "%s needs an ssid of 1 to %d bytes", key, maxSSID)
	case f.Has(key+".channel") && (n.Channel < 1 || n.Channel > maxChannel):
		return out, f.Errorf(key+".channel", "%s.channel = %d: write 1 to %d", key, n.Channel, maxChannel)
	case f.Has(key+".rssi") && (n.RSSI < minRSSI || n.RSSI > maxRSSI):
		return out, f.Errorf(key+".rssi", "%s.rssi = %d: write %d to %d dBm", key, n.RSSI, minRSSI, maxRSSI)
	}
	if n.BSSID != "" {
		mac, err := net.ParseMAC(n.BSSID)
		if err != nil || len(mac) != len(out.BSSID) {
			return out, f.Errorf(key+".bssid", "%s.bssid = %q: write six bytes such as \"02:00:00:00:00:01\"", key, n.BSSID)
		}
		out.BSSID = air.MAC(mac)
	}
	if !f.Has(key + ".auth") {
		if n.Password != "" {
			out.Auth = air.AuthWPA2
		}
	} else {
		mode, ok := authModes[n.Auth]
		if !ok {
			return out, f.Errorf(key+".auth", "%s.auth = %q: write open, wep, wpa, wpa2 or wpa-wpa2", key, n.Auth)
		}
		out.Auth = mode
	}
	switch {
	case out.Auth == air.AuthOpen && n.Password != "":
		return out, f.Errorf(key+".password", "%s: an open network has no password", key)
	case out.Auth == air.AuthWEP && n.Password == "":
		return out, f.Errorf(key, "%s: auth = %q needs a password", key, n.Auth)
	case out.Auth > air.AuthWEP && len(n.Password) < minPassword || len(n.Password) > maxPassword:
		return out, f.Errorf(key+".password", "%s needs a password of %d to %d bytes", key, minPassword, maxPassword)
	}
	return out, nil
}
