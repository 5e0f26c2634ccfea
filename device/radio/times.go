package radio

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

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

// connectDelay is how long the station takes to join a network.
func (r *Radio) connectDelay() clock.Duration {
	if r.air.ConnectDelay > 0 {
		return r.air.ConnectDelay
	}
	return between(r.rand, associateMin, associateMax)
}

// dhcpDelay is how long it takes to get an address then.
func (r *Radio) dhcpDelay() clock.Duration {
	if r.air.DHCPDelay > 0 {
		return r.air.DHCPDelay
	}
	return between(r.rand, dhcpMin, dhcpMax)
}
