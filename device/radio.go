package device

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// WiFiConfig is what a device's flash holds of Wi-Fi when it is first switched
// on. The zero value is a board as it lies on a developer's desk: station mode,
// with the network around stored, to which it connects at boot.
type WiFiConfig struct {
	// SSID and Password are the stored station configuration. Default: the
	// first network of the air, or DefaultSSID.
	SSID, Password string

	// Blank is erased flash instead: access point mode, no network stored.
	Blank bool

	// MAC is the station's address. Default: made from the device's chip id.
	MAC MAC

	// Lease is the address that the router gives to this device, where it lies in
	// the router's network. Default: the next free one.
	Lease netip.Addr

	// Wired, when valid, leaves the radio out: the station interface is up with
	// this address from power-on. Test harnesses use it.
	Wired netip.Prefix
}

// Interface is one of the two network interfaces of a device (SDK: STATION_IF,
// SOFTAP_IF). Its number is that of the stack's netif.
type Interface int

// The interfaces.
const (
	StationIf Interface = iota
	APIf
	interfaces
)

func (i Interface) String() string { return [...]string{"sta", "ap"}[i] }

// WiFiMode says which interfaces are on (SDK: NULL_MODE …).
type WiFiMode int

// The modes.
const (
	NullMode WiFiMode = iota
	StationMode
	APMode
	StationAPMode
)

// String returns the mode as consoles show it.
func (m WiFiMode) String() string { return [...]string{"off", "station", "ap", "station+ap"}[m] }

func (m WiFiMode) has(i Interface) bool { return m&(1<<i) != 0 }

// StationConfig is a network that a station connects to. Texts are as long as
// the SDK has room for: 32 and 64 bytes.
type StationConfig struct {
	SSID, Password string
	BSSID          MAC
	BSSIDSet       bool
}

// APConfig is a soft access point.
type APConfig struct {
	SSID, Password string
	Auth           AuthMode
	Channel        int
	Hidden         bool
	MaxStations    int
	Beacon         int // interval in ms
}

// IPInfo is the address of an interface; the zero value is none.
type IPInfo struct {
	Prefix  netip.Prefix // address and netmask
	Gateway netip.Addr
}

// RadioEvent is an event of the SDK (System_Event_t). Which fields count depends
// on Kind.
type RadioEvent struct {
	Kind     RadioEventKind
	SSID     string
	MAC      MAC // BSSID of the network, or the station's address
	Channel  int
	Reason   Reason
	IP       IPInfo
	AID      int
	RSSI     int
	Old, New int // modes
}

// RadioEventKind is the SDK's number of an event.
type RadioEventKind int

// The events (SDK: EVENT_STAMODE_CONNECTED …).
const (
	StationConnected RadioEventKind = iota
	StationDisconnected
	StationAuthChange
	StationGotIP
	StationDHCPTimeout
	APStationConnected
	APStationDisconnected
	APProbeRequest
	ModeChanged
	APStationGotIP
	NumRadioEvents // EVENT_MAX
)

// Reason is why a station was disconnected (fw: docs/modules/wifi.md,
// wifi.eventmon.reason).
type Reason int

// The reasons that the simulator gives.
const (
	AuthExpire    Reason = 2
	AssocTooMany  Reason = 5
	AssocLeave    Reason = 8
	BeaconTimeout Reason = 200
	NoAPFound     Reason = 201
)

// String says it in words.
func (r Reason) String() string {
	switch r {
	case AuthExpire:
		return "wrong password"
	case AssocTooMany:
		return "access point is full"
	case AssocLeave:
		return "left"
	case BeaconTimeout:
		return "access point gone"
	case NoAPFound:
		return "no such network"
	}
	return "unspecified"
}

// maxStoredAPs is how many networks the SDK keeps at most.
const maxStoredAPs = 5

// radioFlash is what survives resets and power cycles: the SDK's settings at the
// end of the flash.
type radioFlash struct {
	mode    WiFiMode
	station StationConfig
	auto    bool
	ap      APConfig
	phy     int
	aps     []StationConfig // the last networks, at most apLimit
	apLimit int
	apIndex int
}

// Radio is the Wi-Fi of a device: the SDK's functions of it, which package wifi
// shows to Lua, and what the network interfaces follow. Its state comes from the
// flash at each boot. Nothing in it runs while the device's CPU is busy.
type Radio struct {
	d     *Device
	rand  *rand.Rand
	flash radioFlash
	made  bool // flash is filled

	// OnEvent gets every event of the SDK. A firmware module sets it when it
	// opens.
	OnEvent func(RadioEvent)

	// Settings of this boot.
	mode      WiFiMode
	config    StationConfig
	apConfig  APConfig
	mac       [interfaces]MAC
	hostname  string
	sleepType int

	sta  station
	ap   softAP
	scan *Timer // the scan under way
}

// Defaults of the SDK.
const (
	phyN            = 3 // PHY_MODE_11N
	modemSleep      = 2 // MODEM_SLEEP_T
	apMaxStations   = 4 // fw: wifi.c
	apBeacon        = 100
	espressifOUI    = 0x5ccf7f
	localBit        = 0x02 // of a MAC's first byte; the AP's address is the station's with it
	chipIDMask      = 0xffffff
	factoryAPLimit  = 1  // fw: docs/modules/wifi.md, setaplimit
	stationRSSINone = 31 // what wifi_station_get_rssi returns without a network
)

// ChipID is what node.chipid() returns: the board's, counted on for every further
// device of the world, because it makes the MAC address.
func (d *Device) ChipID() uint32 { return (d.Board.ChipID + uint32(d.index)) & chipIDMask }

func newRadio(d *Device) *Radio {
	r := &Radio{d: d, rand: d.world.newRand(radioSeed + d.index)}
	r.sta.r, r.ap.r = r, r
	return r
}

// radioSeed keeps the radios' random numbers apart from those of the devices.
const radioSeed = 1 << 32

// defaultMAC returns the address burnt into the chip for an interface.
func (r *Radio) defaultMAC(i Interface) MAC {
	id := r.d.ChipID()
	m := r.d.cfg.WiFi.MAC
	if m == (MAC{}) {
		m = MAC{espressifOUI >> 16, espressifOUI >> 8 & 0xff, espressifOUI & 0xff, byte(id >> 16), byte(id >> 8), byte(id)}
	}
	if i == APIf {
		m[0] |= localBit
	}
	return m
}

// factory makes the flash as it is when the device is first switched on.
func (r *Radio) factory() {
	r.Restore()
	cfg := r.d.cfg.WiFi
	if cfg.Blank {
		return
	}
	r.flash.mode = StationMode
	if cfg.SSID == "" {
		cfg.SSID = DefaultSSID
		if nets := r.d.world.Air.Networks; len(nets) > 0 {
			cfg.SSID, cfg.Password = nets[0].SSID, nets[0].Password
		}
	}
	r.flash.station = StationConfig{SSID: cfg.SSID, Password: cfg.Password}
	r.flash.aps = []StationConfig{r.flash.station}
}

// Restore erases the stored settings (node.restore). It takes effect at the next
// boot.
func (r *Radio) Restore() {
	mac := r.defaultMAC(APIf)
	r.flash = radioFlash{
		mode: APMode, // what the SDK does with erased flash (#1639)
		auto: true,
		ap: APConfig{
			SSID:        "NODE_" + upperHex(mac[3:]), // fw: docs/modules/wifi.md, ap.config
			Channel:     defaultChannel,
			MaxStations: apMaxStations,
			Beacon:      apBeacon,
		},
		phy:     phyN,
		apLimit: factoryAPLimit,
	}
}

// unpaddedHex is upperHex without leading zeros in each byte (%X).
func unpaddedHex(b []byte) string {
	out := ""
	for _, c := range b {
		out += fmt.Sprintf("%X", c)
	}
	return out
}

func upperHex(b []byte) string { return fmt.Sprintf("%X", b) }

// Radio returns the device's Wi-Fi.
func (d *Device) Radio() *Radio { return d.radio }

// start brings the radio up at boot, as the flash says.
func (r *Radio) start() {
	if !r.made {
		r.made = true
		r.factory()
	}
	f := &r.flash
	r.config, r.apConfig = f.station, f.ap
	r.mac = [interfaces]MAC{r.defaultMAC(StationIf), r.defaultMAC(APIf)}
	m := r.mac[StationIf]
	r.hostname = "NODE-" + unpaddedHex(m[3:]) // fw: wifi.c, wifi_change_default_host_name
	r.sleepType = modemSleep
	r.mode = NullMode
	r.d.OnSnapshot(r.snapshot)
	if r.d.cfg.WiFi.Wired.IsValid() {
		r.mode = StationMode
		r.sta.wired(r.d.cfg.WiFi.Wired)
		return
	}
	// The SDK connects once the firmware's start-up is through, so that init.lua
	// is in time to register for the events.
	r.apply(f.mode, r.d.cfg.BootDelay)
}

// stop is the radio at reset: silent at once. Access points notice later.
func (r *Radio) stop() {
	r.sta.leave()
	r.ap.vanish()
	r.mode = NullMode
	r.OnEvent, r.scan = nil, nil
	r.sta, r.ap = station{r: r}, softAP{r: r}
}

// apply switches interfaces on and off. A station that is switched on begins to
// connect after the delay.
func (r *Radio) apply(m WiFiMode, delay clock.Duration) {
	old := r.mode
	r.mode = m
	if old.has(StationIf) && !m.has(StationIf) {
		r.sta.disconnect(AssocLeave)
		r.sta.off()
	}
	if old.has(APIf) != m.has(APIf) {
		if m.has(APIf) {
			r.ap.on()
		} else {
			r.ap.off()
		}
	}
	if !old.has(StationIf) && m.has(StationIf) && r.flash.auto {
		r.sta.connectAfter(delay)
	}
}

// Mode returns the mode, DefaultMode the one in the flash.
func (r *Radio) Mode() WiFiMode { return r.mode }

// DefaultMode is described at Mode.
func (r *Radio) DefaultMode() WiFiMode { return r.flash.mode }

// SetMode changes the mode, and the one in the flash when save is set. A station
// that is switched on connects if autoconnect is set.
func (r *Radio) SetMode(m WiFiMode, save bool) {
	if save {
		r.flash.mode = m
	}
	old := r.mode
	if old == m || r.d.cfg.WiFi.Wired.IsValid() {
		return
	}
	r.apply(m, 0)
	r.event(RadioEvent{Kind: ModeChanged, Old: int(old), New: int(m)})
}

// PhyMode returns the standard in use: 1 b, 2 g, 3 n.
func (r *Radio) PhyMode() int { return r.flash.phy }

// SetPhyMode changes and stores it.
func (r *Radio) SetPhyMode(m int) { r.flash.phy = m }

// SleepType and SetSleepType are the modem's sleep: 0 none, 1 light, 2 modem.
func (r *Radio) SleepType() int { return r.sleepType }

// SetSleepType is described at SleepType.
func (r *Radio) SetSleepType(t int) { r.sleepType = t }

// Hostname is the name that the station gives to the router.
func (r *Radio) Hostname() string { return r.hostname }

// SetHostname changes it until the next reset.
func (r *Radio) SetHostname(name string) { r.hostname = name }

// MAC returns the address of an interface.
func (r *Radio) MAC(i Interface) MAC { return r.mac[i] }

// SetMAC changes the address of an interface that is on, until the next reset.
// It reports false when it is off or the address is a group's (SDK:
// wifi_set_macaddr).
func (r *Radio) SetMAC(i Interface, m MAC) bool {
	if !r.mode.has(i) || m[0]&1 != 0 {
		return false
	}
	r.mac[i] = m
	if nic := r.d.net.links[i].nic; nic != nil {
		nic.MAC = m
	}
	return true
}

// Channel returns the channel in use.
func (r *Radio) Channel() int {
	switch {
	case r.sta.net != nil:
		return r.sta.net.Channel
	case r.mode.has(APIf):
		return r.apConfig.Channel
	}
	return 1
}

// IP returns the address of an interface.
func (r *Radio) IP(i Interface) IPInfo {
	if i == APIf {
		return r.ap.ip
	}
	return r.sta.ip
}

// SetIP gives an interface a fixed address. It reports false when the interface
// is off.
func (r *Radio) SetIP(i Interface, ip IPInfo) bool {
	if !r.mode.has(i) {
		return false
	}
	if i == APIf {
		r.ap.setIP(ip)
	} else {
		r.sta.setIP(ip)
	}
	return true
}

// event passes an event of the SDK to the firmware.
func (r *Radio) event(e RadioEvent) {
	if r.OnEvent != nil {
		r.OnEvent(e)
	}
}

// show tells the event stream.
func (r *Radio) show(i Interface, state string) {
	data := WiFiData{Mode: i.String(), State: state}
	if p := r.IP(i).Prefix; p.IsValid() {
		data.IP = p.Addr().String()
	}
	r.d.Emit(WiFi, data)
}

func (r *Radio) snapshot(s *Snapshot) {
	s.WiFi = WiFiSnapshot{Mode: r.mode.String()}
	if r.mode.has(StationIf) {
		s.WiFi.State, s.WiFi.SSID = r.sta.status.String(), r.config.SSID
	}
	if p := r.sta.ip.Prefix; p.IsValid() {
		s.WiFi.IP = p.Addr().String()
	}
	if p := r.ap.ip.Prefix; p.IsValid() {
		s.WiFi.APIP = p.Addr().String()
	}
}

// between returns a random duration.
func between[T ~int64](r *rand.Rand, lo, hi T) T { return lo + T(r.Int64N(int64(hi-lo)+1)) }
