// Package air is what the radios of a world share: the Wi-Fi networks around them and
// the router behind these, which gives out addresses. A radio and an access point are
// interfaces here; devices implement them.
//
// Who listens hears the frames that all this consists of: beacons, what stations and
// access points tell each other, and the headers of what goes over the wire. They are made
// only while somebody listens.
//
// It does not know devices.
package air

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Air is what the radios of a world share: the networks around them and the
// router behind these, which gives out addresses. All networks lead onto the
// world's one wire.
//
// With no Networks the air is open: whatever network a station asks for is
// there and takes its password, so that a program with someone's own SSID in it
// runs as it is. With Networks only those exist, and the soft access points of
// the world's devices.
type Air struct {
	Networks []Network

	// Router is the address of the router in the stations' network, and that
	// network. Default DefaultRouter.
	Router netip.Prefix

	// DNS are the servers that the router's DHCP names, at most two. Default: the
	// router.
	DNS []netip.Addr

	// ConnectDelay and DHCPDelay are how long a station takes from connect to
	// connected, and from there to an address. Zero: random times as on a device.
	ConnectDelay, DHCPDelay clock.Duration

	// ScanDelay and FailDelay are how long a scan takes, and an attempt to connect that
	// leads nowhere. Zero: as on a device.
	ScanDelay, FailDelay clock.Duration

	// ScanFails makes scans fail, and NoAnswer attempts to connect: nobody answers.
	ScanFails, NoAnswer bool

	// Wire is what the networks lead onto: those who listen hear its packets as data
	// frames. Without one they hear none.
	Wire *wire.Wire

	clock  *clock.Clock
	radios []Radio
	down   bool
	leases []lease
	noted  bool

	listeners []*listening
	sequences map[MAC]uint16 // by sender: its next frame's number
	untap     func()
	group     groupSaid
}

// New returns the air of a world whose clock is c.
func New(c *clock.Clock) *Air { return &Air{clock: c} }

// Add puts a radio into the air.
func (a *Air) Add(r Radio) { a.radios = append(a.radios, r) }

// DefaultRouter is the router's address in a world that sets none.
var DefaultRouter = netip.MustParsePrefix("192.168.1.1/24")

// DefaultSSID is the network in a board's flash when the project names none, and
// the one a scan of open air finds.
const DefaultSSID = "nodemcu-sim"

// firstLease is the host part of the first address that the router gives out.
const firstLease = 10

type lease struct {
	mac  MAC
	addr netip.Addr
}

// RouterPrefix returns the router's address and the stations' network.
func (a *Air) RouterPrefix() netip.Prefix {
	if a.Router.IsValid() {
		return a.Router
	}
	return DefaultRouter
}

// Down reports whether the access points are off.
func (a *Air) Down() bool { return a.down }

// SetDown switches the access points off or on again. Stations notice when
// they have missed beacons for a while; until then their packets are lost.
// Soft access points are not affected.
func (a *Air) SetDown(down bool) {
	if a.down == down {
		return
	}
	a.down = down
	for _, r := range a.radios {
		r.BeaconsChanged()
	}
}

// Outages switches the access points off during each span. Call it before the
// world runs.
func (a *Air) Outages(spans []wire.Span) {
	for _, s := range spans {
		for _, at := range []clock.Time{s.From, s.To} {
			if at < clock.Forever {
				a.clock.At(at, func() { a.SetDown(wire.Within(at, spans)) })
			}
		}
	}
}

// open reports whether every SSID exists.
func (a *Air) open() bool { return len(a.Networks) == 0 }

// Visible lists the networks that a radio can hear, in a fixed order. In open
// air a scan finds the one that the radio is set to: asked, or DefaultSSID.
func (a *Air) Visible(by Radio, asked Join) []Network {
	out := a.present(by)
	if a.open() && !a.down {
		if asked.SSID == "" {
			asked.SSID = DefaultSSID
		}
		out = append(out, Network{SSID: asked.SSID, Password: asked.Password, WPS: true}.filled())
	}
	return out
}

// present lists the networks that were set up, by the project or by a device.
func (a *Air) present(by Radio) []Network {
	var out []Network
	if !a.down {
		for _, n := range a.Networks {
			out = append(out, n.filled())
		}
	}
	for _, r := range a.radios {
		if n, ok := r.Beacon(); ok && r != by {
			out = append(out, n)
		}
	}
	return out
}

// Probe is a station asking on a channel, 0 for all, which networks are there: the access
// points of devices notice.
func (a *Air) Probe(by Radio, channel int) {
	for _, n := range a.present(by) {
		if n.AP != nil && (channel == 0 || channel == n.Channel) {
			n.AP.Probed(by.MAC(StationIf))
		}
	}
}

// Join says which network a station looks for.
type Join struct {
	SSID, Password string
	BSSID          MAC
	BSSIDSet       bool // only the access point of that address
}

// Find returns the best network for a station.
func (a *Air) Find(by Radio, j Join) (best Network, ok bool) {
	for _, n := range a.present(by) {
		if n.SSID == j.SSID && (!j.BSSIDSet || n.BSSID == j.BSSID) && (!ok || n.RSSI > best.RSSI) {
			best, ok = n, true
		}
	}
	if ok || !a.open() || a.down || j.SSID == "" {
		return best, ok
	}
	if !a.noted && j.SSID != DefaultSSID {
		a.noted = true
		by.Note(fmt.Sprintf("Wi-Fi: the project names no networks, so any SSID is there and takes any password (%q)", j.SSID))
	}
	return Network{SSID: j.SSID, Password: j.Password, BSSID: j.BSSID}.filled(), true
}

// Lease returns the address that the router gives to a station, the same one as
// long as the world lives. It reports false when all are taken.
func (a *Air) Lease(mac MAC) (netip.Addr, bool) {
	router := a.RouterPrefix()
	for _, l := range a.leases {
		if l.mac == mac && router.Contains(l.addr) {
			return l.addr, true
		}
	}
	for _, r := range a.radios {
		if r.MAC(StationIf) == mac && router.Contains(r.Reserved()) {
			return r.Reserved(), true
		}
	}
	addr := router.Masked().Addr()
	for range firstLease {
		addr = addr.Next()
	}
	for ; router.Contains(addr) && !wire.IsBroadcast(addr, router); addr = addr.Next() {
		if a.leased(addr) || a.reserved(addr) || a.inUse(addr) || addr == router.Addr() {
			continue
		}
		a.leases = append(a.leases, lease{mac, addr})
		return addr, true
	}
	return netip.Addr{}, false
}

func (a *Air) leased(addr netip.Addr) bool {
	return slices.ContainsFunc(a.leases, func(l lease) bool { return l.addr == addr })
}

func (a *Air) reserved(addr netip.Addr) bool {
	return slices.ContainsFunc(a.radios, func(r Radio) bool { return r.Reserved() == addr })
}

func (a *Air) inUse(addr netip.Addr) bool {
	return slices.ContainsFunc(a.radios, func(r Radio) bool {
		for _, i := range Interfaces {
			if p := r.Address(i); p.IsValid() && p.Addr() == addr {
				return true
			}
		}
		return false
	})
}

// Inside reports whether an address belongs to the world even if nobody has it at
// the moment: the router has given it to a device, or it lies in the network of a
// device's access point.
func (a *Air) Inside(addr netip.Addr) bool {
	return a.leased(addr) || a.reserved(addr) ||
		slices.ContainsFunc(a.radios, func(r Radio) bool { return r.Address(APIf).Contains(addr) })
}

// Servers are the DNS servers that come with a lease.
func (a *Air) Servers() []netip.Addr {
	if len(a.DNS) > 0 {
		return a.DNS
	}
	return []netip.Addr{a.RouterPrefix().Addr()}
}
