package radio

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// Config is what a device's flash holds of Wi-Fi when it is first switched
// on. The zero value is a board as it lies on a developer's desk: station mode,
// with the network around stored, to which it connects at boot.
type Config struct {
	// SSID and Password are the stored station configuration. Default: the
	// first network of the air, or air.DefaultSSID.
	SSID, Password string

	// Blank is erased flash instead: access point mode, no network stored.
	Blank bool

	// Mode is the stored mode. Default: station, with Blank access point.
	Mode Mode

	// MAC is the station's address. Default: made from the device's chip id.
	MAC air.MAC

	// Lease is the address that the router gives to this device, where it lies in
	// the router's network. Default: the next free one.
	Lease netip.Addr

	// Kept is what Host.Keep was told last, of a device that was switched on before: it goes
	// before the fields above. What is not that does not count, nor does "".
	Kept string

	// Joined has the station in its network, with an address, from power-on. Test
	// harnesses use it.
	Joined bool

	// Wired, when valid, leaves the radio out: the station interface is up with
	// this address from power-on. Test harnesses use it.
	Wired netip.Prefix

	// WPS is the result of WPS instead of what is in the air. Measurements were made
	// like that.
	WPS *WPSResult
}

// Mode says which interfaces are on (SDK: NULL_MODE …).
type Mode int

// The modes.
const (
	NullMode Mode = iota
	StationMode
	APMode
	StationAPMode
)

// String returns the mode as consoles show it.
func (m Mode) String() string { return [...]string{"off", "station", "ap", "station+ap"}[m] }

func (m Mode) has(i air.Interface) bool { return m&(1<<i) != 0 }

// StationConfig is a network that a station connects to. Texts are as long as
// the SDK has room for: 32 and 64 bytes.
type StationConfig = air.Join

// APConfig is a soft access point.
type APConfig struct {
	SSID, Password string
	Auth           air.AuthMode
	Channel        int
	Hidden         bool
	MaxStations    int
	Beacon         int // interval in ms
}

// Event is an event of the SDK (System_Event_t). Which fields count depends
// on Kind.
type Event struct {
	Kind     EventKind
	SSID     string
	MAC      air.MAC // BSSID of the network, or the station's address
	Channel  int
	Reason   Reason
	IP       air.IPInfo
	AID      int
	RSSI     int
	Old, New int // modes
}

// EventKind is the SDK's number of an event.
type EventKind int

// The events (SDK: EVENT_STAMODE_CONNECTED …).
const (
	StationConnected EventKind = iota
	StationDisconnected
	StationAuthChange
	StationGotIP
	StationDHCPTimeout
	APStationConnected
	APStationDisconnected
	APProbeRequest
	ModeChanged
	APStationGotIP
	NumEvents // EVENT_MAX
)

// Reason is why a station was disconnected (fw: docs/modules/wifi.md,
// wifi.eventmon.reason).
type Reason int

// The reasons that the simulator gives.
const (
	AuthExpire       Reason = 2
	AssocTooMany     Reason = 5
	AssocLeave       Reason = 8
	BeaconTimeout    Reason = 200
	NoAPFound        Reason = 201
	HandshakeTimeout Reason = 204
)

// String says it in words.
func (r Reason) String() string {
	switch r {
	case AuthExpire:
		return "authentication expired"
	case HandshakeTimeout:
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
