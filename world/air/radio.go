package air

import "net/netip"

// Interface is one of the two network interfaces of a device (SDK: STATION_IF,
// SOFTAP_IF). Its number is that of the stack's netif.
type Interface int

// The interfaces.
const (
	StationIf Interface = iota
	APIf
	NumInterfaces
)

// Interfaces lists them.
var Interfaces = [NumInterfaces]Interface{StationIf, APIf}

func (i Interface) String() string { return [...]string{"sta", "ap"}[i] }

// Radio is the radio of a device, as the air knows it.
type Radio interface {
	// MAC is the address of an interface, zero as long as the radio never ran.
	MAC(Interface) MAC
	// Address returns the address and network of an interface, the zero value when
	// it has none or is down.
	Address(Interface) netip.Prefix
	// Reserved is the address that the router keeps for the station; not valid: none.
	Reserved() netip.Addr
	// Beacon is the network of the device's own access point, if that is on.
	Beacon() (Network, bool)
	// Joined is the network that the station is in.
	Joined() (Network, bool)
	// BeaconsChanged is called when the access points went silent or came back.
	BeaconsChanged()
	// Note has the simulator say something about the device.
	Note(text string)
}

// IPInfo is the address of an interface; the zero value is none.
type IPInfo struct {
	Prefix  netip.Prefix // address and netmask
	Gateway netip.Addr
}

// AccessPoint is a device's access point, as the stations in it know it.
type AccessPoint interface {
	// Probed is called when a station that looks for networks asks who is there.
	Probed(by MAC)
	// Admit takes a station in, unless the access point is full.
	Admit(Station) bool
	// Lease gives a station that was admitted an address.
	Lease(Station) (IPInfo, bool)
	// Addressed notes the address that a station has got.
	Addressed(Station, IPInfo)
	// Dismiss notes that a station has left.
	Dismiss(Station)
}

// Station is a station, as the access point that it is in knows it.
type Station interface {
	// MAC is its address.
	MAC() MAC
	// Expelled is called when the access point throws it out.
	Expelled()
	// Deserted is called when the access point is gone without a word: the station
	// notices when it has missed beacons for a while.
	Deserted()
}
