package device

import (
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// MAC is the address of a radio.
type MAC [6]byte

// String returns the address as the SDK prints it (MACSTR).
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// AuthMode is how a network admits stations (SDK: AUTH_MODE).
type AuthMode int

// The ways to be admitted.
const (
	AuthOpen AuthMode = iota
	AuthWEP
	AuthWPA
	AuthWPA2
	AuthWPAWPA2
	authModes
)

// NumAuthModes is the SDK's AUTH_MAX.
const NumAuthModes = int(authModes)

// Network is a Wi-Fi network that stations can see and join.
type Network struct {
	SSID     string
	Password string // empty: open
	BSSID    MAC    // zero: made from the SSID
	Channel  int    // 1 to 13; zero: 6
	RSSI     int    // dBm; zero: -55
	Auth     AuthMode
	Hidden   bool

	ap *Radio // the device whose soft access point this is
}

// Air is what the radios of a world share: the networks around them and the
// router behind these, which gives out addresses. All networks lead onto the
// world's one wire.
//
// With no Networks the air is open: whatever network a station asks for is
// there and takes its password, so that a program with someone's own SSID in it
// runs as it is. With Networks only those exist, and the soft access points of
// the world's devices.
type Air struct {
	Networks []Network

	// Router is the address of the router in the stations' network, and that
	// network. Default DefaultRouter.
	Router netip.Prefix

	// DNS are the servers that the router's DHCP names, at most two. Default: the
	// router.
	DNS []netip.Addr

	// ConnectDelay and DHCPDelay are how long a station takes from connect to
	// connected, and from there to an address. Zero: random times as on a device.
	ConnectDelay, DHCPDelay clock.Duration

	world  *World
	down   bool
	leases []lease
	noted  bool
}

// DefaultRouter is the router's address in a world that sets none.
var DefaultRouter = netip.MustParsePrefix("192.168.1.1/24")

// DefaultSSID is the network in a board's flash when the project names none, and
// the one a scan of open air finds.
const DefaultSSID = "nodemcu-sim"

const (
	defaultChannel = 6
	defaultRSSI    = -55
	firstLease     = 10 // host part of the first address that the router gives out
)

type lease struct {
	mac  MAC
	addr netip.Addr
}

// router returns the router's address and network.
func (a *Air) router() netip.Prefix {
	if a.Router.IsValid() {
		return a.Router
	}
	return DefaultRouter
}

// RouterPrefix returns the router's address and the stations' network.
func (a *Air) RouterPrefix() netip.Prefix { return a.router() }

// SetDown switches the access points off or on again. Stations notice when
// they have missed beacons for a while; until then their packets are lost.
// Soft access points are not affected.
func (a *Air) SetDown(down bool) {
	if a.down == down {
		return
	}
	a.down = down
	for _, d := range a.world.devices {
		d.radio.beaconsChanged()
	}
}

// Outages switches the access points off during each span. Call it before the
// world runs.
func (a *Air) Outages(spans []wire.Span) {
	for _, s := range spans {
		for _, at := range []clock.Time{s.From, s.To} {
			if at < clock.Forever {
				a.world.Clock.At(at, func() { a.SetDown(wire.Within(at, spans)) })
			}
		}
	}
}

// open reports whether every SSID exists.
func (a *Air) open() bool { return len(a.Networks) == 0 }

// visible lists the networks that a radio can hear, in a fixed order. In open
// air a scan finds the one that the radio is set to.
func (a *Air) visible(by *Radio) []Network {
	out := a.present(by)
	if a.open() && !a.down {
		cfg := by.Station()
		if cfg.SSID == "" {
			cfg.SSID = DefaultSSID
		}
		out = append(out, Network{SSID: cfg.SSID, Password: cfg.Password}.filled())
	}
	return out
}

// present lists the networks that were set up, by the project or by a device.
func (a *Air) present(by *Radio) []Network {
	var out []Network
	if !a.down {
		for _, n := range a.Networks {
			out = append(out, n.filled())
		}
	}
	for _, d := range a.world.devices {
		if n, ok := d.radio.beacon(); ok && d.radio != by {
			out = append(out, n)
		}
	}
	return out
}

// find returns the best network for a station's configuration.
func (a *Air) find(by *Radio, cfg StationConfig) (best Network, ok bool) {
	for _, n := range a.present(by) {
		if n.SSID == cfg.SSID && (!cfg.BSSIDSet || n.BSSID == cfg.BSSID) && (!ok || n.RSSI > best.RSSI) {
			best, ok = n, true
		}
	}
	if ok || !a.open() || a.down || cfg.SSID == "" {
		return best, ok
	}
	if !a.noted && cfg.SSID != DefaultSSID {
		a.noted = true
		by.d.Emit(Note, NoteData{fmt.Sprintf("Wi-Fi: the project names no networks, so any SSID is there and takes any password (%q)", cfg.SSID)})
	}
	return Network{SSID: cfg.SSID, Password: cfg.Password, BSSID: cfg.BSSID}.filled(), true
}

// filled returns the network with defaults for what was left out.
func (n Network) filled() Network {
	if n.BSSID == (MAC{}) {
		h := fnv.New64a()
		h.Write([]byte(n.SSID))
		s := h.Sum64()
		n.BSSID = MAC{0x02, byte(s >> 32), byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}
	}
	if n.Channel == 0 {
		n.Channel = defaultChannel
	}
	if n.RSSI == 0 {
		n.RSSI = defaultRSSI
	}
	if n.Auth == AuthOpen && n.Password != "" {
		n.Auth = AuthWPA2
	}
	return n
}

// lease returns the address that the router gives to a station, the same one as
// long as the world lives. It reports false when all are taken.
func (a *Air) lease(mac MAC) (netip.Addr, bool) {
	r := a.router()
	for _, l := range a.leases {
		if l.mac == mac && r.Contains(l.addr) {
			return l.addr, true
		}
	}
	for _, d := range a.world.devices {
		if d.radio.mac[StationIf] == mac && r.Contains(d.cfg.WiFi.Lease) {
			return d.cfg.WiFi.Lease, true
		}
	}
	addr := r.Masked().Addr()
	for range firstLease {
		addr = addr.Next()
	}
	for ; r.Contains(addr) && !wire.IsBroadcast(addr, r); addr = addr.Next() {
		taken := slices.ContainsFunc(a.leases, func(l lease) bool { return l.addr == addr }) ||
			slices.ContainsFunc(a.world.devices, func(d *Device) bool { return d.cfg.WiFi.Lease == addr })
		if taken || addr == r.Addr() || a.world.DeviceAt(addr) != nil {
			continue
		}
		a.leases = append(a.leases, lease{mac, addr})
		return addr, true
	}
	return netip.Addr{}, false
}

// Inside reports whether an address belongs to the world even if nobody has it at
// the moment: the router has given it to a device, or it lies in the network of a
// device's access point.
func (a *Air) Inside(addr netip.Addr) bool {
	return slices.ContainsFunc(a.leases, func(l lease) bool { return l.addr == addr }) ||
		slices.ContainsFunc(a.world.devices, func(d *Device) bool {
			return d.cfg.WiFi.Lease == addr || d.Address(APIf).Contains(addr)
		})
}

// DeviceAt returns the device that has an address, or nil.
func (w *World) DeviceAt(addr netip.Addr) *Device {
	for _, d := range w.devices {
		for _, i := range []Interface{StationIf, APIf} {
			if p := d.Address(i); p.IsValid() && p.Addr() == addr {
				return d
			}
		}
	}
	return nil
}

// connectDelay is how long a station takes to join a network.
func (a *Air) connectDelay(by *Radio) clock.Duration {
	if a.ConnectDelay > 0 {
		return a.ConnectDelay
	}
	return between(by.rand, associateMin, associateMax)
}

// dhcpDelay is how long it takes to get an address then.
func (a *Air) dhcpDelay(by *Radio) clock.Duration {
	if a.DHCPDelay > 0 {
		return a.DHCPDelay
	}
	return between(by.rand, dhcpMin, dhcpMax)
}

// setDNS tells a stack the servers that come with a lease.
func (a *Air) setDNS(s *lwip.Stack) {
	servers := a.DNS
	if len(servers) == 0 {
		servers = []netip.Addr{a.router().Addr()}
	}
	for i, addr := range servers {
		s.SetDNS(i, addr)
	}
}

// Times of the radio. Where the source says "assumed", only their order of
// magnitude was known.
const (
	// From connect to connected: 0.12–2.2 s with a static address (reference:
	// speed; #1676, #1796). DHCP makes it 1–3 s in all.
	associateMin = 120 * clock.Millisecond
	associateMax = 1200 * clock.Millisecond
	dhcpMin      = 880 * clock.Millisecond
	dhcpMax      = 1800 * clock.Millisecond

	// scanChannel is what a scan spends on each channel; the firmware asks for
	// 60 to 120 ms (fw: wifi.c, scan_time), the rest is switching (assumed).
	scanChannel = 160 * clock.Millisecond
	channels    = 13

	// handshakeTimeout is how long a station tries a wrong password (assumed).
	handshakeTimeout = 4 * clock.Second
	// retryPause is between two attempts to connect (assumed).
	retryPause = 1 * clock.Second
	// beaconTimeout is how long a station hears no beacon before it gives a
	// network up (assumed).
	beaconTimeout = 6 * clock.Second
	// dhcpTimeout is when a station without an address says so (assumed).
	dhcpTimeout = 60 * clock.Second
)
