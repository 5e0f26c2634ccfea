package radio

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// StationStatus is what wifi.sta.status() tells (SDK: STATION_IDLE …).
type StationStatus int

// The states of a station.
const (
	StationIdle StationStatus = iota
	StationConnecting
	StationWrongPassword
	StationNoAP
	StationFailed
	StationHasIP
)

// String returns the state as consoles show it.
func (s StationStatus) String() string {
	return [...]string{"idle", "connecting", "wrong password", "no such network", "failed", "got IP"}[s]
}

// Station is the station of a radio. It connects to a network and keeps trying until it is told to stop. Each
// step is a timer of the device: look for the network, then associate, then ask
// for an address.
type Station struct {
	r      *Radio
	status StationStatus
	net    *air.Network // what it is connected to
	ip     air.IPInfo
	fixed  bool // no DHCP
	trying bool // connect when possible
	left   bool // the program has left the network, and has not connected since
	sought int  // the channel of the network that it tries to join, 0: none
	timer  *ets.Timer
	told   air.IPInfo // the address that the last event told

	// What the SDK's Wi-Fi part takes from the heap while it is connected.
	memory heap.Block
}

// connectedBytes is the heap that a connection takes, in bytes. node.heap() goes
// from about 44 KB at the prompt to about 40 KB with Wi-Fi connected and a few
// modules in use (#1303, #1804); the SDK does not say for what. Assumed: most of it
// is the connection.
const connectedBytes = 2800

// after does the next step later; there is only one.
func (s *Station) after(t clock.Duration, fn func()) {
	s.halt()
	s.timer = s.r.host.NewTimer(fn)
	s.timer.Arm(t, false)
}

func (s *Station) halt() {
	if s.timer != nil {
		s.timer.Disarm()
		s.timer = nil
	}
}

// wired is a station without a radio: up for ever.
func (s *Station) wired(p netip.Prefix) {
	s.net = &air.Network{Channel: air.DefaultChannel, RSSI: air.DefaultRSSI}
	s.fixed = true
	s.ip = air.IPInfo{Prefix: p, Gateway: s.r.air.RouterPrefix().Addr()}
	s.status = StationHasIP
	s.follow()
}

// follow makes the network interface what the station is.
func (s *Station) follow() { s.r.net.Set(air.StationIf, s.ip, s.net != nil) }

// MAC, Expelled and Deserted are what an access point of another device knows of
// the station: see air.Station.
func (s *Station) MAC() air.MAC { return s.r.mac[air.StationIf] }
func (s *Station) Expelled() {
	if s.net != nil {
		s.r.air.Expelled(s.MAC(), *s.net, int(AuthExpire))
	}
	s.lost(AuthExpire, retryPause)
}
func (s *Station) Deserted() {
	s.after(beaconTimeout(s.net.Beacon), func() { s.lost(BeaconTimeout, 0) })
}

// Connect makes the station connect, and connect again whenever it has lost the
// network, until Disconnect.
func (s *Station) Connect() {
	s.left = false
	s.connectAfter(0)
}

// connectAfter is Connect with the first attempt that much later.
func (s *Station) connectAfter(t clock.Duration) {
	if s.trying || s.net != nil || s.r.Sniffer.on || !s.r.mode.has(air.StationIf) {
		return
	}
	if s.r.config.SSID == "" {
		return
	}
	s.trying = true
	s.status = StationConnecting
	s.r.show(air.StationIf, "connecting to "+s.r.config.SSID)
	if t > 0 {
		s.after(t, s.seek)
		return
	}
	s.seek()
}

// seek looks for the network: on the channel of the last connection, where there was
// one. That the next attempt looks on all again is assumed.
func (s *Station) seek() {
	cfg := s.r.config
	s.r.air.Probe(s.r, s.r.lastChannel)
	n, ok := s.r.air.Find(s.r, cfg)
	if s.sought = 0; ok {
		s.sought = n.Channel
		s.r.air.Probed(s.MAC(), n.SSID, n.Channel, 0, []air.Network{n})
	}
	last := s.r.lastChannel
	if ok = ok && (last == 0 || last == n.Channel); !ok {
		scanned := clock.Duration(channels)
		if last != 0 {
			scanned = 1
		}
		s.r.lastChannel = 0
		s.after(s.r.failDelay(scanned*scanChannel), func() { s.failed(StationNoAP, NoAPFound, air.MAC{}, retryPause) })
	} else if n.Password != "" && n.Password != cfg.Password {
		s.after(s.r.failDelay(handshakeTimeout), func() { s.failed(StationWrongPassword, HandshakeTimeout, n.BSSID, 0) })
	} else if s.r.air.NoAnswer {
		s.after(s.r.failDelay(authTimeout), func() { s.failed(StationFailed, AuthExpire, n.BSSID, 0) })
	} else {
		s.after(s.r.connectDelay(), s.associate)
	}
}

// associate joins the network, if it is still there.
func (s *Station) associate() {
	n, ok := s.r.air.Find(s.r, s.r.config)
	if !ok { // nobody answers
		s.after(authTimeout, func() { s.failed(StationFailed, AuthExpire, air.MAC{}, 0) })
		return
	}
	if n.AP != nil && !n.AP.Admit(s) {
		s.failed(StationFailed, AssocTooMany, n.BSSID, retryPause)
		return
	}
	s.net = &n
	s.r.lastChannel, s.r.tuned = n.Channel, 0
	s.r.air.Associated(s.MAC(), n, s.id())
	s.memory, _ = s.r.host.Malloc(connectedBytes, heap.WiFi) // without it the SDK makes do
	s.r.show(air.StationIf, "connected to "+n.SSID)
	s.r.event(Event{Kind: StationConnected, SSID: n.SSID, MAC: n.BSSID, Channel: n.Channel})
	if s.fixed {
		s.gotIP()
		return
	}
	s.after(s.r.dhcpDelay(), s.lease) // before the event's handler runs
}

// join is a station that has joined its network at some time before.
func (s *Station) join() {
	if n, ok := s.r.air.Find(s.r, s.r.config); ok && s.r.mode.has(air.StationIf) {
		s.net, s.r.lastChannel = &n, n.Channel
		s.halt()
		s.lease()
	}
}

// id is the station's number in its network. In a router's it is the first: assumed.
func (s *Station) id() int {
	if ap, ok := s.net.AP.(*AccessPoint); ok {
		return ap.index(s) + 1
	}
	return 1
}

// Joined is the network that the station is in.
func (r *Radio) Joined() (air.Network, bool) {
	if r.Station.net == nil || r.cfg.Wired.IsValid() {
		return air.Network{}, false
	}
	return *r.Station.net, true
}

// lease takes the address that the network's router gives, or asks again: for ever, and
// without StationDHCPTimeout, because lwIP's limit of tries is none.
func (s *Station) lease() {
	var ok bool
	if s.net.AP != nil {
		if s.ip, ok = s.net.AP.Lease(s); ok {
			s.r.net.Stack().SetDNS(0, s.ip.Gateway)
		}
	} else {
		router := s.r.air.RouterPrefix()
		var addr netip.Addr
		if addr, ok = s.r.air.Lease(s.MAC()); ok {
			s.ip = air.IPInfo{Prefix: netip.PrefixFrom(addr, router.Bits()), Gateway: router.Addr()}
			for i, server := range s.r.air.Servers() {
				s.r.net.Stack().SetDNS(i, server)
			}
		}
	}
	if !ok {
		s.after(dhcpMax, s.lease)
		return
	}
	s.gotIP()
}

func (s *Station) gotIP() {
	s.trying = false
	s.status = StationHasIP
	s.follow()
	if s.net.AP != nil {
		s.net.AP.Addressed(s, s.ip)
	}
	s.r.show(air.StationIf, "got IP")
	if s.told != s.ip {
		s.told = s.ip
		s.r.event(Event{Kind: StationGotIP, IP: s.ip})
	}
}

// failed reports an attempt that led nowhere, and tries again after a pause.
func (s *Station) failed(status StationStatus, why Reason, bssid air.MAC, pause clock.Duration) {
	if s.status != status {
		s.r.show(air.StationIf, why.String()+": "+s.r.config.SSID)
	}
	s.status = status
	s.r.event(Event{Kind: StationDisconnected, SSID: s.r.config.SSID, MAC: bssid, Reason: why})
	if pause == 0 {
		s.seek()
	} else {
		s.after(pause, s.seek)
	}
}

// lost is the end of a connection that the station did not want; it tries again after a
// pause.
func (s *Station) lost(why Reason, pause clock.Duration) {
	s.disconnect(why)
	s.connectAfter(pause)
}

// disconnect ends what the station is at, and all trying.
func (s *Station) disconnect(why Reason) {
	was := s.net
	if was != nil && why == AssocLeave {
		s.r.air.Left(s.MAC(), *was, int(why))
	}
	s.leave()
	s.status = StationIdle
	if was != nil {
		s.r.show(air.StationIf, "disconnected: "+why.String())
		s.r.event(Event{Kind: StationDisconnected, SSID: s.r.config.SSID, MAC: was.BSSID, Reason: why})
	}
}

// leave drops the connection without a word.
func (s *Station) leave() {
	was := s.net
	s.halt()
	s.trying = false
	s.net, s.told, s.sought = nil, air.IPInfo{}, 0
	s.r.host.Free(&s.memory, heap.WiFi)
	if !s.fixed {
		s.ip = air.IPInfo{}
	}
	s.follow()
	if was != nil && was.AP != nil {
		was.AP.Dismiss(s)
	}
}

// off forgets a fixed address when the station is switched off.
func (s *Station) off() {
	s.fixed, s.ip = false, air.IPInfo{}
	s.follow()
}

// setIP stops DHCP and uses a fixed address.
func (s *Station) setIP(ip air.IPInfo) {
	s.fixed, s.ip = true, ip
	if s.net == nil {
		return
	}
	s.halt()
	s.gotIP()
}

// BeaconsChanged is called when access points went silent or came back.
func (r *Radio) BeaconsChanged() {
	if r.Station.net == nil || r.cfg.Wired.IsValid() || r.Station.net.AP != nil {
		return
	}
	if r.air.Down() {
		r.Station.Deserted()
	} else if r.Station.status == StationHasIP {
		r.Station.halt()
	} else {
		r.Station.after(r.dhcpDelay(), r.Station.lease)
	}
}

// Deaf is why packets of an interface do not get through; empty when they do.
func (r *Radio) Deaf(i air.Interface) string {
	s := r.Station
	switch {
	case i != air.StationIf:
	case s.net == nil:
		return "Wi-Fi not connected"
	case s.net.AP == nil && s.r.air.Down() && !s.r.cfg.Wired.IsValid():
		return "Wi-Fi down"
	}
	return ""
}

// Config returns the station's configuration, DefaultConfig the stored one.
func (s *Station) Config() StationConfig { return s.r.config }

// DefaultConfig is described at Config.
func (s *Station) DefaultConfig() StationConfig { return s.r.flash.station }

// Configure leaves the network and changes the configuration, and the stored one when
// save is set. It reports false when the station is off.
func (s *Station) Configure(cfg StationConfig, save bool) bool {
	if !s.r.mode.has(air.StationIf) {
		return false
	}
	if s.r.cfg.Wired.IsValid() {
		return true
	}
	s.disconnect(AssocLeave)
	s.r.config = cfg
	if save {
		s.r.flash.station = cfg
		s.r.flash.remember(cfg)
		s.r.keep()
	}
	return true
}

// SetAutoConnect stores whether the station connects at boot.
func (s *Station) SetAutoConnect(on bool) {
	s.r.flash.auto = on
	s.r.keep()
}

// Disconnect leaves the network.
func (s *Station) Disconnect() {
	if !s.r.cfg.Wired.IsValid() {
		s.disconnect(AssocLeave)
		s.left = true
	}
}

// AutoConnect is what SetAutoConnect has stored.
func (s *Station) AutoConnect() bool { return s.r.flash.auto }

// Connected reports whether the station is in a network.
func (s *Station) Connected() bool { return s.net != nil }

// Status returns the station's state.
func (s *Station) Status() StationStatus { return s.status }

// RSSI returns the strength of the network's signal in dBm, or 31 without one.
func (s *Station) RSSI() int {
	if s.net == nil {
		return stationRSSINone
	}
	return s.net.RSSI + s.r.flutter()
}

// flutter is how far the strength of a signal is from what it is on the whole, in dB.
func (r *Radio) flutter() int {
	const most = 2
	return r.rand.IntN(2*most+1) - most
}

// BSSID returns the address of the network's access point, zero without one.
func (s *Station) BSSID() air.MAC {
	if s.net == nil {
		return air.MAC{}
	}
	return s.net.BSSID
}
