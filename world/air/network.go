package air

import (
	"fmt"
	"hash/fnv"
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
	WPS      bool // the access point's WPS button is pressed
	Beacon   int  // interval of the beacons in ms; zero: 100

	AP AccessPoint // the device's whose soft access point this is; nil: the router's
}

// Defaults of a network.
const (
	DefaultChannel = 6
	DefaultRSSI    = -55
	DefaultBeacon  = 100
)

// filled returns the network with defaults for what was left out.
func (n Network) filled() Network {
	if n.BSSID == (MAC{}) {
		h := fnv.New64a()
		h.Write([]byte(n.SSID))
		s := h.Sum64()
		n.BSSID = MAC{0x02, byte(s >> 32), byte(s >> 24), byte(s >> 16), byte(s >> 8), byte(s)}
	}
	if n.Channel == 0 {
		n.Channel = DefaultChannel
	}
	if n.RSSI == 0 {
		n.RSSI = DefaultRSSI
	}
	if n.Beacon == 0 {
		n.Beacon = DefaultBeacon
	}
	if n.Auth == AuthOpen && n.Password != "" {
		n.Auth = AuthWPA2
	}
	return n
}
