package radio

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// softAP is the device's own access point and the stations in it: other devices
// of the world.
type softAP struct {
	r       *Radio
	ip      air.IPInfo
	dhcpOff bool
	pool    netip.Addr // first address given out
	clients []apClient // by AID - 1
}

type apClient struct {
	station air.Station // nil: free
	mac     air.MAC
	ip      netip.Addr
}

// defaultAPAddress is the access point's (fw: docs/modules/wifi.md, setmode).
var defaultAPAddress = netip.MustParsePrefix("192.168.4.1/24")

// APClient is a station in a device's access point.
type APClient struct {
	MAC air.MAC
	IP  netip.Addr // invalid until it has one
}

func (a *softAP) on() {
	a.ip = air.IPInfo{Prefix: defaultAPAddress, Gateway: defaultAPAddress.Addr()}
	a.pool = a.ip.Prefix.Addr().Next()
	a.r.net.Set(air.APIf, a.ip, true)
	a.r.show(air.APIf, "up as "+a.r.apConfig.SSID)
}

func (a *softAP) off() {
	a.deauth(nil)
	a.ip = air.IPInfo{}
	a.r.net.Set(air.APIf, a.ip, false)
	a.r.show(air.APIf, "down")
}

// vanish is the access point at reset: its stations hear no more of it.
func (a *softAP) vanish() {
	clients := a.clients
	a.clients = nil
	for _, c := range clients {
		if s := c.station; s != nil {
			s.Deserted()
		}
	}
	a.r.net.Set(air.APIf, air.IPInfo{}, false)
}

// Beacon is the network that others see.
func (r *Radio) Beacon() (air.Network, bool) {
	if !r.mode.has(air.APIf) {
		return air.Network{}, false
	}
	c := r.apConfig
	n := air.Network{SSID: c.SSID, BSSID: r.mac[air.APIf], Channel: c.Channel, RSSI: air.DefaultRSSI, Auth: c.Auth, Hidden: c.Hidden, AP: &r.ap}
	if c.Auth != air.AuthOpen {
		n.Password = c.Password
	}
	return n, true
}

// Admit takes a station in, unless the access point is full.
func (a *softAP) Admit(s air.Station) bool {
	i := slices.IndexFunc(a.clients, func(c apClient) bool { return c.station == nil || c.station == s })
	if i < 0 {
		if len(a.clients) >= a.r.apConfig.MaxStations {
			return false
		}
		i = len(a.clients)
		a.clients = append(a.clients, apClient{})
	}
	a.clients[i] = apClient{station: s, mac: s.MAC()}
	a.r.show(air.APIf, "station "+s.MAC().String()+" joined")
	a.r.event(Event{Kind: APStationConnected, MAC: s.MAC(), AID: i + 1})
	return true
}

// Lease gives a station an address: the pool's, by its place in the list. The
// access point names itself as gateway and as DNS server, which captive portals
// live on (fw: app/lwip/app/dhcpserver.c, USE_DNS).
func (a *softAP) Lease(s air.Station) (air.IPInfo, bool) {
	i := a.index(s)
	if i < 0 || a.dhcpOff {
		return air.IPInfo{}, false
	}
	addr := a.pool
	for range i {
		addr = addr.Next()
	}
	if !a.ip.Prefix.Contains(addr) {
		return air.IPInfo{}, false
	}
	return air.IPInfo{Prefix: netip.PrefixFrom(addr, a.ip.Prefix.Bits()), Gateway: a.ip.Prefix.Addr()}, true
}

// Addressed notes the address that a station has got.
func (a *softAP) Addressed(s air.Station, ip air.IPInfo) {
	if i := a.index(s); i >= 0 {
		a.clients[i].ip = ip.Prefix.Addr()
		a.r.event(Event{Kind: APStationGotIP, MAC: s.MAC(), AID: i + 1})
	}
}

func (a *softAP) index(s air.Station) int {
	return slices.IndexFunc(a.clients, func(c apClient) bool { return c.station == s })
}

// Dismiss notes that a station has left.
func (a *softAP) Dismiss(s air.Station) {
	i := a.index(s)
	if i < 0 {
		return
	}
	mac := a.clients[i].mac
	a.clients[i] = apClient{}
	a.r.show(air.APIf, "station "+mac.String()+" left")
	a.r.event(Event{Kind: APStationDisconnected, MAC: mac, AID: i + 1})
}

// deauth throws out one station, or all when mac is nil.
func (a *softAP) deauth(mac *air.MAC) {
	for _, c := range slices.Clone(a.clients) {
		if c.station != nil && (mac == nil || *mac == c.mac) {
			c.station.Expelled()
		}
	}
}

func (a *softAP) setIP(ip air.IPInfo) {
	a.ip = ip
	a.pool = ip.Prefix.Addr().Next()
	a.r.net.Set(air.APIf, ip, true)
}

// AP returns the access point's configuration, DefaultAP the stored one.
func (r *Radio) AP() APConfig { return r.apConfig }

// DefaultAP is described at AP.
func (r *Radio) DefaultAP() APConfig { return r.flash.ap }

// SetAP changes the access point's configuration, and the stored one when save
// is set. Its stations have to join again. It reports false when the access
// point is off.
func (r *Radio) SetAP(cfg APConfig, save bool) bool {
	if !r.mode.has(air.APIf) {
		return false
	}
	if save {
		r.flash.ap = cfg
	}
	if r.apConfig != cfg {
		r.apConfig = cfg
		r.ap.deauth(nil)
		r.show(air.APIf, "up as "+cfg.SSID)
	}
	return true
}

// APClients lists the stations in the access point.
func (r *Radio) APClients() []APClient {
	var out []APClient
	for _, c := range r.ap.clients {
		if c.station != nil {
			out = append(out, APClient{c.mac, c.ip})
		}
	}
	return out
}

// Deauth throws a station out of the access point, or all when mac is nil. It
// reports false when the access point is off.
func (r *Radio) Deauth(mac *air.MAC) bool {
	if !r.mode.has(air.APIf) {
		return false
	}
	r.ap.deauth(mac)
	return true
}

// SetAPPool sets the first address that the access point gives out; the pool has
// as many as stations may join.
func (r *Radio) SetAPPool(first netip.Addr) { r.ap.pool = first }

// SetAPDHCP starts or stops giving out addresses. It reports false when the
// access point is off or that is no change.
func (r *Radio) SetAPDHCP(on bool) bool {
	if !r.mode.has(air.APIf) || r.ap.dhcpOff == !on {
		return false
	}
	r.ap.dhcpOff = !on
	return true
}
