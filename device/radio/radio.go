package radio

import (
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/netif"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Host is the device as its radio sees it.
type Host interface {
	// ChipID makes the addresses that are burnt into the chip.
	ChipID() uint32
	NewTimer(fn func()) *ets.Timer
	Malloc(n int, kind heap.Kind) (heap.Block, bool)
	Free(b *heap.Block, kind heap.Kind)
	// Received has fn run as the processing of one received frame.
	Received(fn func())
	Emit(world.Happening)
	// Keep is told what the flash holds whenever that changes.
	Keep(settings []byte)
	Note(text string)
}

// maxStoredAPs is how many networks the SDK keeps at most.
const maxStoredAPs = 5

// stored is what survives resets and power cycles: the SDK's settings at the
// end of the flash.
type stored struct {
	mode    Mode
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
	Station *Station
	AP      *AccessPoint
	WPS     *WPS
	Sniffer *Sniffer

	host  Host
	air   *air.Air
	net   *netif.Network
	rand  *rand.Rand
	cfg   Config
	flash stored
	made  bool // flash is filled

	// OnEvent gets every event of the SDK that Hook, which gets it before, does not keep
	// for itself. Firmware modules set them when they open.
	OnEvent func(Event)
	Hook    func(Event) (kept bool)

	// Settings of this boot.
	mode      Mode
	config    StationConfig
	apConfig  APConfig
	mac       [air.NumInterfaces]air.MAC
	hostname  string
	sleepType int

	scan *ets.Timer // the scan under way

	// tuned is the channel that a program has set, 0: none.
	tuned int

	// lastChannel is that of the last connection, 0: none. The memory of the real-time
	// clock keeps it through resets.
	lastChannel int
}

// Defaults of the SDK.
const (
	phyN            = 3 // PHY_MODE_11N
	modemSleep      = 2 // MODEM_SLEEP_T
	apMaxStations   = 4 // fw: wifi.c
	apBeacon        = 100
	espressifOUI    = 0x5ccf7f
	localBit        = 0x02 // of a MAC's first byte; the AP's address is the station's with it
	factoryAPLimit  = 1    // fw: docs/modules/wifi.md, setaplimit
	stationRSSINone = 31   // what wifi_station_get_rssi returns without a network
)

// New returns the radio of a device that is off, and puts it into the air. The
// interfaces of net follow it.
func New(h Host, cfg Config, a *air.Air, net *netif.Network, random *rand.Rand) *Radio {
	r := &Radio{host: h, air: a, net: net, rand: random, cfg: cfg}
	r.Station, r.AP, r.WPS, r.Sniffer = &Station{r: r}, &AccessPoint{r: r}, &WPS{r: r}, &Sniffer{r: r}
	a.Add(r)
	return r
}

// defaultMAC returns the address burnt into the chip for an interface.
func (r *Radio) defaultMAC(i air.Interface) air.MAC {
	id := r.host.ChipID()
	m := r.cfg.MAC
	if m == (air.MAC{}) {
		m = air.MAC{espressifOUI >> 16, espressifOUI >> 8 & 0xff, espressifOUI & 0xff, byte(id >> 16), byte(id >> 8), byte(id)}
	}
	if i == air.APIf {
		m[0] |= localBit
	}
	return m
}

// factory makes the flash as it is when the device is first switched on.
func (r *Radio) factory() {
	r.Restore()
	cfg := r.cfg
	if !cfg.Blank {
		r.flash.mode = StationMode
	}
	if cfg.Mode != NullMode {
		r.flash.mode = cfg.Mode
	}
	if cfg.Blank {
		return
	}
	if cfg.SSID == "" {
		cfg.SSID = air.DefaultSSID
		if nets := r.air.Networks; len(nets) > 0 {
			cfg.SSID, cfg.Password = nets[0].SSID, nets[0].Password
		}
	}
	r.flash.station = StationConfig{SSID: cfg.SSID, Password: cfg.Password}
	r.flash.aps = []StationConfig{r.flash.station}
	r.keep()
}

// Restore erases the stored settings (node.restore). It takes effect at the next
// boot.
func (r *Radio) Restore() {
	mac := r.defaultMAC(air.APIf)
	r.flash = stored{
		mode: APMode, // what the SDK does with erased flash (#1639)
		auto: true,
		ap: APConfig{
			SSID:        "NODE_" + upperHex(mac[3:]), // fw: docs/modules/wifi.md, ap.config
			Channel:     air.DefaultChannel,
			MaxStations: apMaxStations,
			Beacon:      apBeacon,
		},
		phy:     phyN,
		apLimit: factoryAPLimit,
	}
	r.keep()
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

// Start brings the radio up at boot, as the flash says. The SDK connects after the
// delay: once the firmware's start-up is through, so that init.lua is in time to
// register for the events.
func (r *Radio) Start(delay clock.Duration) {
	if !r.made {
		r.made = true
		if !r.recall(r.cfg.Kept) {
			r.factory()
		}
	}
	f := &r.flash
	r.config, r.apConfig = f.station, f.ap
	r.mac = [air.NumInterfaces]air.MAC{r.defaultMAC(air.StationIf), r.defaultMAC(air.APIf)}
	m := r.mac[air.StationIf]
	r.hostname = "NODE-" + unpaddedHex(m[3:]) // fw: wifi.c, wifi_change_default_host_name
	r.sleepType = modemSleep
	r.mode = NullMode
	if r.cfg.Wired.IsValid() {
		r.mode = StationMode
		r.Station.wired(r.cfg.Wired)
		return
	}
	r.apply(f.mode, delay)
	if r.cfg.Joined {
		r.Station.join()
	}
}

// PowerOn forgets what a reset does not.
func (r *Radio) PowerOn() { r.lastChannel = 0 }

// Stop is the radio at reset: silent at once. Access points notice later.
func (r *Radio) Stop() {
	r.Station.leave()
	r.AP.vanish()
	r.mode = NullMode
	r.Sniffer.off()
	r.OnEvent, r.Hook, r.scan, r.tuned = nil, nil, nil, 0
	*r.Station, *r.AP, *r.WPS, *r.Sniffer = Station{r: r}, AccessPoint{r: r}, WPS{r: r}, Sniffer{r: r}
}

// SwitchOff is the radio before a restart: station and access point stop, and the
// station tries no more.
func (r *Radio) SwitchOff() {
	if r.cfg.Wired.IsValid() {
		r.Station.net = nil
		r.Station.follow()
	} else if r.mode != NullMode {
		r.apply(NullMode, 0)
	}
}

// apply switches interfaces on and off. A station that is switched on begins to
// connect after the delay, unless the program has disconnected it before: assumed, because
// enduser_setup goes back to its access point's channel like that.
func (r *Radio) apply(m Mode, delay clock.Duration) {
	old := r.mode
	r.Sniffer.off()
	r.mode = m
	if old.has(air.StationIf) && !m.has(air.StationIf) {
		r.Station.disconnect(AssocLeave)
		r.Station.off()
	}
	if old.has(air.APIf) != m.has(air.APIf) {
		if m.has(air.APIf) {
			r.AP.on()
		} else {
			r.AP.off()
		}
	}
	if !old.has(air.StationIf) && m.has(air.StationIf) && r.flash.auto && !r.Station.left {
		r.Station.connectAfter(delay)
	}
}

// Mode returns the mode, DefaultMode the one in the flash.
func (r *Radio) Mode() Mode { return r.mode }

// DefaultMode is described at Mode.
func (r *Radio) DefaultMode() Mode { return r.flash.mode }

// SetMode changes the mode, and the one in the flash when save is set. A station
// that is switched on connects if autoconnect is set. While the sniffer is on nothing
// changes (SDK: wifi_set_opmode, as disassembled by pvvx from 1.4).
func (r *Radio) SetMode(m Mode, save bool) {
	if r.Sniffer.on {
		return
	}
	if save {
		r.flash.mode = m
		r.keep()
	}
	old := r.mode
	if old == m || r.cfg.Wired.IsValid() {
		return
	}
	r.apply(m, 0)
	r.event(Event{Kind: ModeChanged, Old: int(old), New: int(m)})
}

// PhyMode returns the standard in use: 1 b, 2 g, 3 n.
func (r *Radio) PhyMode() int { return r.flash.phy }

// SetPhyMode changes and stores it, unless the sniffer is on (as SetMode).
func (r *Radio) SetPhyMode(m int) {
	if !r.Sniffer.on {
		r.flash.phy = m
		r.keep()
	}
}

// SleepType and SetSleepType are the modem's sleep: 0 none, 1 light, 2 modem.
func (r *Radio) SleepType() int { return r.sleepType }

// SetSleepType is described at SleepType.
func (r *Radio) SetSleepType(t int) { r.sleepType = t }

// Hostname is the name that the station gives to the router.
func (r *Radio) Hostname() string { return r.hostname }

// SetHostname changes it until the next reset.
func (r *Radio) SetHostname(name string) { r.hostname = name }

// Address returns the address and network of an interface, the zero value when it
// has none or is down.
func (r *Radio) Address(i air.Interface) netip.Prefix { return r.net.Address(i) }

// Reserved is the address that the router keeps for the station.
func (r *Radio) Reserved() netip.Addr { return r.cfg.Lease }

// Note has the simulator say something about the device.
func (r *Radio) Note(text string) { r.host.Note(text) }

// MAC returns the address of an interface.
func (r *Radio) MAC(i air.Interface) air.MAC { return r.mac[i] }

// SetMAC changes the address of an interface that is on, until the next reset.
// It reports false when it is off or the address is a group's (SDK:
// wifi_set_macaddr).
func (r *Radio) SetMAC(i air.Interface, m air.MAC) bool {
	if !r.mode.has(i) || m[0]&1 != 0 {
		return false
	}
	r.mac[i] = m
	r.net.SetMAC(i, m)
	return true
}

// Channel returns the channel in use.
func (r *Radio) Channel() int {
	switch {
	case r.Station.net != nil:
		return r.Station.net.Channel
	case r.Station.sought != 0:
		return r.Station.sought
	case r.mode.has(air.APIf):
		return r.apConfig.Channel
	case r.tuned != 0:
		return r.tuned
	}
	return 1
}

// IP returns the address of an interface.
func (r *Radio) IP(i air.Interface) air.IPInfo {
	if i == air.APIf {
		return r.AP.ip
	}
	return r.Station.ip
}

// SetIP gives an interface a fixed address. It reports false when the interface
// is off.
func (r *Radio) SetIP(i air.Interface, ip air.IPInfo) bool {
	if !r.mode.has(i) {
		return false
	}
	if i == air.APIf {
		r.AP.setIP(ip)
	} else {
		r.Station.setIP(ip)
	}
	return true
}

// event passes an event of the SDK to the firmware.
func (r *Radio) event(e Event) {
	if r.Hook != nil && r.Hook(e) {
		return
	}
	if r.OnEvent != nil {
		r.OnEvent(e)
	}
}

// show tells the event stream.
func (r *Radio) show(i air.Interface, state string) {
	data := event.WiFi{Mode: i.String(), State: state}
	if p := r.IP(i).Prefix; p.IsValid() {
		data.IP = p.Addr().String()
	}
	r.host.Emit(data)
}

// Snapshot is the radio at one moment.
type Snapshot struct {
	Mode, State, SSID, IP, APIP string
}

// Snapshot returns what the radio is.
func (r *Radio) Snapshot() Snapshot {
	s := Snapshot{Mode: r.mode.String()}
	if r.mode.has(air.StationIf) {
		s.State, s.SSID = r.Station.status.String(), r.config.SSID
	}
	if r.Sniffer.on {
		s.State = "monitoring"
	}
	if p := r.Station.ip.Prefix; p.IsValid() {
		s.IP = p.Addr().String()
	}
	if p := r.AP.ip.Prefix; p.IsValid() {
		s.APIP = p.Addr().String()
	}
	return s
}

// between returns a random duration.
func between[T ~int64](r *rand.Rand, lo, hi T) T { return lo + T(r.Int64N(int64(hi-lo)+1)) }
