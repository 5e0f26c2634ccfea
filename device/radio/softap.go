package radio

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// AccessPoint is the device's own access point and the stations in it: other devices
// of the world.
type AccessPoint struct {
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

func (a *AccessPoint) on() {
	a.ip = air.IPInfo{Prefix: defaultAPAddress, Gateway: defaultAPAddress.Addr()}
	a.pool = a.ip.Prefix.Addr().Next()
	a.r.net.Set(air.APIf, a.ip, true)
	a.r.show(air.APIf, "up as "+a.r.apConfig.SSID)
}

func (a *AccessPoint) off() {
	a.expel(nil)
	a.ip = air.IPInfo{}
	a.r.net.Set(air.APIf, a.ip, false)
	a.r.show(air.APIf, "down")
}

// vanish is the access point at reset: its stations hear no more of it.
func (a *AccessPoint) vanish() {
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
	n := air.Network{SSID: c.SSID, BSSID: r.mac[air.APIf], Channel: c.Channel, RSSI: air.DefaultRSSI, Auth: c.Auth, Hidden: c.Hidden, Beacon: c.Beacon, AP: r.AP}
	if c.Auth != air.AuthOpen {
		n.Password = c.Password
	}
	return n, true
}

// Probed is a request that a station sends while it looks for networks. That the SDK tells of
// one for each look is assumed.
func (a *AccessPoint) Probed(by air.MAC) {
	a.r.event(Event{Kind: APProbeRequest, MAC: by, RSSI: air.DefaultRSSI})
}

// Admit takes a station in, unless the access point is full.
func (a *AccessPoint) Admit(s air.Station) bool {
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
func (a *AccessPoint) Lease(s air.Station) (air.IPInfo, bool) {
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
func (a *AccessPoint) Addressed(s air.Station, ip air.IPInfo) {
	if i := a.index(s); i >= 0 {
		a.clients[i].ip = ip.Prefix.Addr()
		a.r.event(Event{Kind: APStationGotIP, MAC: s.MAC(), AID: i + 1})
	}
}

func (a *AccessPoint) index(s air.Station) int {
	return slices.IndexFunc(a.clients, func(c apClient) bool { return c.station == s })
}

// Dismiss notes that a station has left.
func (a *AccessPoint) Dismiss(s air.Station) {
	i := a.index(s)
	if i < 0 {
		return
	}
	mac := a.clients[i].mac
	a.clients[i] = apClient{}
	a.r.show(air.APIf, "station "+mac.String()+" left")
	a.r.event(Event{Kind: APStationDisconnected, MAC: mac, AID: i + 1})
}

// expel throws out one station, or all when mac is nil.
func (a *AccessPoint) expel(mac *air.MAC) {
	for _, c := range slices.Clone(a.clients) {
		if c.station != nil && (mac == nil || *mac == c.mac) {
			c.station.Expelled()
		}
	}
}

func (a *AccessPoint) setIP(ip air.IPInfo) {
	a.ip = ip
	a.pool = ip.Prefix.Addr().Next()
	a.r.net.Set(air.APIf, ip, true)
}

// Config returns the access point's configuration, DefaultConfig the stored one.
func (a *AccessPoint) Config() APConfig { return a.r.apConfig }

// DefaultConfig is described at Config.
func (a *AccessPoint) DefaultConfig() APConfig { return a.r.flash.ap }

// Configure changes the access point's configuration, and the stored one when save is
// set. Its stations have to join again. It reports false when the access point is off.
func (a *AccessPoint) Configure(cfg APConfig, save bool) bool {
	if !a.r.mode.has(air.APIf) {
		return false
	}
	if save {
		a.r.flash.ap = cfg
		a.r.keep()
	}
	if a.r.apConfig != cfg {
		a.r.apConfig = cfg
		a.expel(nil)
		a.r.show(air.APIf, "up as "+cfg.SSID)
	}
	return true
}

// Clients lists the stations in the access point.
func (a *AccessPoint) Clients() []APClient {
	var out []APClient
	for _, c := range a.clients {
		if c.station != nil {
			out = append(out, APClient{c.mac, c.ip})
		}
	}
	return out
}

// Deauth throws a station out of the access point, or all when mac is nil. It
// reports false when the access point is off.
func (a *AccessPoint) Deauth(mac *air.MAC) bool {
	if !a.r.mode.has(air.APIf) {
		return false
	}
	a.expel(mac)
	return true
}

// SetPool sets the first address that the access point gives out; the pool has
// as many as stations may join.
func (a *AccessPoint) SetPool(first netip.Addr) { a.pool = first }

// SetDHCP starts or stops giving out addresses. It reports false when the
// access point is off or that is no change.
func (a *AccessPoint) SetDHCP(on bool) bool {
	if !a.r.mode.has(air.APIf) || a.dhcpOff == !on {
		return false
	}
	a.dhcpOff = !on
	return true
}
