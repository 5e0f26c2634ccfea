package radio

import "github.com/nodemcu-sim/nodemcu-sim/world/clock"

// Times of the air. Where the source says "assumed", only their order of
// magnitude was known.
const (
	// From connect to connected: 0.12–2.2 s with a static address (reference:
	// speed; #1676, #1796). DHCP makes it 1–3 s in all.
	associateMin = 120 * clock.Millisecond
	associateMax = 1200 * clock.Millisecond
	dhcpMin      = 880 * clock.Millisecond
	dhcpMax      = 1800 * clock.Millisecond

	channels = 13
)

// Times of the SDK. Source: oracle: sdk-behaviour.md, 7.
const (
	// scanChannel is what the station spends on each channel when it looks for its
	// network, and a scan on one where it hears something. A scan leaves others after
	// scanQuiet (fw: wifi.c, scan_time). A station that is connected goes home for
	// scanHome after each.
	scanChannel = 120 * clock.Millisecond
	scanQuiet   = 60 * clock.Millisecond
	scanHome    = 30 * clock.Millisecond

	// authTimeout is how long an access point has to answer.
	authTimeout = 1 * clock.Second
	// handshakeTimeout is how long a station tries a wrong password.
	handshakeTimeout = 10 * clock.Second
	// retryPause is between two attempts to connect, where there is one.
	retryPause = 1 * clock.Second

	// A station that has heard no beacon for beaconsMissed of their intervals probes
	// the access point probes times.
	beaconsMissed = 60
	probes        = 5
	probeEvery    = 500 * clock.Millisecond
)

// beaconTimeout is how long a station hears no beacon before it gives a network up.
// interval is that of the beacons in ms.
func beaconTimeout(interval int) clock.Duration {
	return beaconsMissed*clock.Duration(interval)*clock.Millisecond + probes*probeEvery
}

// connectDelay is how long the station takes to join a network.
func (r *Radio) connectDelay() clock.Duration {
	if r.air.ConnectDelay > 0 {
		return r.air.ConnectDelay
	}
	return between(r.rand, associateMin, associateMax)
}

// failDelay is how long an attempt takes that leads nowhere.
func (r *Radio) failDelay(sdk clock.Duration) clock.Duration {
	if r.air.FailDelay > 0 {
		return r.air.FailDelay
	}
	return sdk
}

// dhcpDelay is how long it takes to get an address then.
func (r *Radio) dhcpDelay() clock.Duration {
	if r.air.DHCPDelay > 0 {
		return r.air.DHCPDelay
	}
	return between(r.rand, dhcpMin, dhcpMax)
}
