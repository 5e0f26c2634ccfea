package device

import (
	"net/netip"
	"slices"
)

// softAP is the device's own access point and the stations in it: other devices
// of the world.
type softAP struct {
	r       *Radio
	ip      IPInfo
	dhcpOff bool
	pool    netip.Addr // first address given out
	clients []apClient // by AID - 1
}

type apClient struct {
	station *Radio // nil: free
	mac     MAC
	ip      netip.Addr
}

// defaultAPAddress is the access point's (fw: docs/modules/wifi.md, setmode).
var defaultAPAddress = netip.MustParsePrefix("192.168.4.1/24")

// APClient is a station in a device's access point.
type APClient struct {
	MAC MAC
	IP  netip.Addr // invalid until it has one
}

func (a *softAP) on() {
	a.ip = IPInfo{defaultAPAddress, defaultAPAddress.Addr()}
	a.pool = a.ip.Prefix.Addr().Next()
	a.r.d.net.set(APIf, a.ip, true)
	a.r.show(APIf, "up as "+a.r.apConfig.SSID)
}

func (a *softAP) off() {
	a.deauth(nil)
	a.ip = IPInfo{}
	a.r.d.net.set(APIf, a.ip, false)
	a.r.show(APIf, "down")
}

// vanish is the access point at reset: its stations hear no more of it.
func (a *softAP) vanish() {
	clients := a.clients
	a.clients = nil
	for _, c := range clients {
		if s := c.station; s != nil {
			s.sta.after(beaconTimeout, func() { s.sta.lost(BeaconTimeout) })
		}
	}
	a.r.d.net.set(APIf, IPInfo{}, false)
}

// beacon is the network that others see.
func (r *Radio) beacon() (Network, bool) {
	if !r.mode.has(APIf) {
		return Network{}, false
	}
	c := r.apConfig
	n := Network{SSID: c.SSID, BSSID: r.mac[APIf], Channel: c.Channel, RSSI: defaultRSSI, Auth: c.Auth, Hidden: c.Hidden, ap: r}
	if c.Auth != AuthOpen {
		n.Password = c.Password
	}
	return n, true
}

// admit takes a station in, unless the access point is full.
func (a *softAP) admit(s *Radio) bool {
	i := slices.IndexFunc(a.clients, func(c apClient) bool { return c.station == nil || c.station == s })
	if i < 0 {
		if len(a.clients) >= a.r.apConfig.MaxStations {
			return false
		}
		i = len(a.clients)
		a.clients = append(a.clients, apClient{})
	}
	a.clients[i] = apClient{station: s, mac: s.mac[StationIf]}
	a.r.show(APIf, "station "+s.mac[StationIf].String()+" joined")
	a.r.event(RadioEvent{Kind: APStationConnected, MAC: s.mac[StationIf], AID: i + 1})
	return true
}

// lease gives a station an address: the pool's, by its place in the list. The
// access point names itself as gateway and as DNS server, which captive portals
// live on (fw: app/lwip/app/dhcpserver.c, USE_DNS).
func (a *softAP) lease(s *Radio) (IPInfo, bool) {
	i := a.index(s)
	if i < 0 || a.dhcpOff {
		return IPInfo{}, false
	}
	addr := a.pool
	for range i {
		addr = addr.Next()
	}
	if !a.ip.Prefix.Contains(addr) {
		return IPInfo{}, false
	}
	return IPInfo{netip.PrefixFrom(addr, a.ip.Prefix.Bits()), a.ip.Prefix.Addr()}, true
}

// addressed notes the address that a station has got.
func (a *softAP) addressed(s *Radio, ip IPInfo) {
	if i := a.index(s); i >= 0 {
		a.clients[i].ip = ip.Prefix.Addr()
		a.r.event(RadioEvent{Kind: APStationGotIP, MAC: s.mac[StationIf], AID: i + 1})
	}
}

func (a *softAP) index(s *Radio) int {
	return slices.IndexFunc(a.clients, func(c apClient) bool { return c.station == s })
}

// dismiss notes that a station has left.
func (a *softAP) dismiss(s *Radio) {
	i := a.index(s)
	if i < 0 {
		return
	}
	mac := a.clients[i].mac
	a.clients[i] = apClient{}
	a.r.show(APIf, "station "+mac.String()+" left")
	a.r.event(RadioEvent{Kind: APStationDisconnected, MAC: mac, AID: i + 1})
}

// deauth throws out one station, or all when mac is nil.
func (a *softAP) deauth(mac *MAC) {
	for _, c := range slices.Clone(a.clients) {
		if c.station != nil && (mac == nil || *mac == c.mac) {
			c.station.sta.lost(AuthExpire)
		}
	}
}

func (a *softAP) setIP(ip IPInfo) {
	a.ip = ip
	a.pool = ip.Prefix.Addr().Next()
	a.r.d.net.set(APIf, ip, true)
}

// AP returns the access point's configuration, DefaultAP the stored one.
func (r *Radio) AP() APConfig { return r.apConfig }

// DefaultAP is described at AP.
func (r *Radio) DefaultAP() APConfig { return r.flash.ap }

// SetAP changes the access point's configuration, and the stored one when save
// is set. Its stations have to join again. It reports false when the access
// point is off.
func (r *Radio) SetAP(cfg APConfig, save bool) bool {
	if !r.mode.has(APIf) {
		return false
	}
	if save {
		r.flash.ap = cfg
	}
	if r.apConfig != cfg {
		r.apConfig = cfg
		r.ap.deauth(nil)
		r.show(APIf, "up as "+cfg.SSID)
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
func (r *Radio) Deauth(mac *MAC) bool {
	if !r.mode.has(APIf) {
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
	if !r.mode.has(APIf) || r.ap.dhcpOff == !on {
		return false
	}
	r.ap.dhcpOff = !on
	return true
}
