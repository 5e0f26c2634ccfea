package air

import (
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Listener hears every frame on its channel. As long as nobody listens, none is made.
type Listener interface {
	// Tuned is the channel. Retuned tells the air that it has changed.
	Tuned() int
	// Asked is the network that its radio is set to: the one of open air.
	Asked() Join
	Hear(Frame)
}

// listening is one who listens.
type listening struct {
	l    Listener
	by   Radio
	next *clock.Event // the next beacon
}

// timeUnit is what intervals of beacons are counted in, though people call them ms.
const timeUnit = 1024 * clock.Microsecond

// recheck is how long a listener waits for a beacon before it looks whether there are
// other networks now.
const recheck = DefaultBeacon * timeUnit

// Listen has l, which is by's, hear the air until Unlisten.
func (a *Air) Listen(by Radio, l Listener) {
	if len(a.listeners) == 0 {
		a.sequences = map[MAC]uint16{}
		if a.Wire != nil {
			a.untap = a.Wire.Tap(a.carried)
		}
	}
	x := &listening{l: l, by: by}
	a.listeners = append(a.listeners, x)
	a.await(x)
}

// Unlisten ends that.
func (a *Air) Unlisten(l Listener) {
	i := a.listener(l)
	if i < 0 {
		return
	}
	a.listeners[i].next.Stop()
	a.listeners = slices.Delete(a.listeners, i, i+1)
	if len(a.listeners) == 0 && a.untap != nil {
		a.untap()
		a.untap = nil
	}
}

// Retuned says that l is on another channel.
func (a *Air) Retuned(l Listener) {
	if i := a.listener(l); i >= 0 {
		a.listeners[i].next.Stop()
		a.await(a.listeners[i])
	}
}

func (a *Air) listener(l Listener) int {
	return slices.IndexFunc(a.listeners, func(x *listening) bool { return x.l == l })
}

// Heard reports whether anybody listens.
func (a *Air) Heard() bool { return len(a.listeners) > 0 }

// await waits for the next beacon that x hears.
func (a *Air) await(x *listening) {
	now := a.clock.Now()
	at := now.Add(recheck)
	for _, n := range a.audible(x) {
		at = min(at, now.Add(n.interval()-n.since(now)))
	}
	x.next = a.clock.At(at, func() {
		for _, n := range a.audible(x) {
			if n.since(at) == 0 {
				x.l.Hear(a.beacon(n, at))
			}
		}
		if slices.Contains(a.listeners, x) && !x.next.Pending() {
			a.await(x)
		}
	})
}

// audible lists the networks on x's channel.
func (a *Air) audible(x *listening) []Network {
	return slices.DeleteFunc(a.Visible(x.by, x.l.Asked()), func(n Network) bool { return n.Channel != x.l.Tuned() })
}

// interval is the time between two beacons.
func (n Network) interval() clock.Duration { return clock.Duration(max(n.Beacon, 1)) * timeUnit }

// timestamp is what an access point's clock says, in µs: it has been on for a while, up to
// a month, when the world begins. Beacons come when it is a multiple of their interval.
func (n Network) timestamp(at clock.Time) uint64 {
	h := fnv.New64a()
	h.Write(n.BSSID[:])
	const month = 30 * 24 * 3600 * 1e6
	return h.Sum64()%month + uint64(at)
}

// since is how long ago the last beacon was.
func (n Network) since(at clock.Time) clock.Duration {
	return clock.Duration(n.timestamp(at) % uint64(n.interval()))
}

// sequence returns the number of a sender's next frame, 12 bits.
func (a *Air) sequence(from MAC) uint16 {
	n, ok := a.sequences[from]
	if !ok {
		h := fnv.New32a()
		h.Write(from[:])
		n = uint16(h.Sum32())
	}
	a.sequences[from] = n + 1
	return n & 0xfff
}

// beacon makes a beacon. One that hides its network has no name in it.
func (a *Air) beacon(n Network, at clock.Time) Frame {
	name := n.SSID
	if n.Hidden {
		name = ""
	}
	f := a.management(beacon, everybody, n.BSSID, n.BSSID).fixed(n, at).described(n, name, true)
	return n.frame(f, n.RSSI)
}

// fixed is what a beacon and a probe response begin with.
func (e elements) fixed(n Network, at clock.Time) elements {
	return elements(binary.LittleEndian.AppendUint64(e, n.timestamp(at))).number(uint16(n.Beacon), n.capability())
}

// frame is a management frame on the network's channel.
func (n Network) frame(data []byte, rssi int) Frame {
	return Frame{Data: data, Length: len(data) + frameCheck, Channel: n.Channel, RSSI: rssi}
}

// say has a frame heard by all who listen on its channel.
func (a *Air) say(f Frame) {
	for _, x := range slices.Clone(a.listeners) {
		if x.l.Tuned() == f.Channel {
			x.l.Hear(f)
		}
	}
}

// Probed is heard of a station that looks for networks on a channel, some time from now: it
// asks for all, or for one by its name, and the access points that are meant answer. in says
// which networks there are.
func (a *Air) Probed(station MAC, ssid string, channel int, after clock.Duration, in []Network) {
	if a.Heard() {
		a.clock.After(after, func() { a.probed(station, ssid, channel, in) })
	}
}

func (a *Air) probed(station MAC, ssid string, channel int, in []Network) {
	request := a.management(probeRequest, everybody, station, everybody).
		add(ieSSID, []byte(ssid)...).add(ieRates, rates...).add(ieExtendedRates, extendedRates...).add(ieHTCapability, htCapability...)
	a.say(Network{Channel: channel}.frame(request, DefaultRSSI))
	for _, n := range in {
		if n.Channel == channel && (ssid == n.SSID || ssid == "" && !n.Hidden) {
			a.say(n.frame(a.management(probeResponse, station, n.BSSID, n.BSSID).fixed(n, a.clock.Now()).described(n, n.SSID, false), n.RSSI))
		}
	}
}

// Associated is heard of a station that joins a network: authentication without a secret,
// which encrypted networks have, too, and association. id is its number in the network.
func (a *Air) Associated(station MAC, n Network, id int) {
	if !a.Heard() {
		return
	}
	const listenInterval = 3 // beacons
	up := func(subtype byte) elements { return a.management(subtype, n.BSSID, station, n.BSSID) }
	down := func(subtype byte) elements { return a.management(subtype, station, n.BSSID, n.BSSID) }
	a.say(n.frame(up(authentication).number(0, 1, 0), DefaultRSSI))
	a.say(n.frame(down(authentication).number(0, 2, 0), n.RSSI))
	request := up(assocRequest).number(n.capability(), listenInterval).add(ieSSID, []byte(n.SSID)...).add(ieRates, rates...).add(ieExtendedRates, extendedRates...)
	if n.Auth == AuthWPA2 || n.Auth == AuthWPAWPA2 {
		request = request.add(ieRSN, rsn...)
	}
	if n.ht() {
		request = request.add(ieHTCapability, htCapability...)
	}
	a.say(n.frame(request, DefaultRSSI))
	response := down(assocResponse).number(n.capability(), 0, 0xc000|uint16(id)).add(ieRates, rates...).add(ieExtendedRates, extendedRates...)
	if n.ht() {
		response = response.add(ieHTCapability, htCapability...)
	}
	a.say(n.frame(response, n.RSSI))
}

// Left is heard of a station that leaves a network, and Expelled of one that its access
// point throws out. reason is the SDK's number.
func (a *Air) Left(station MAC, n Network, reason int) {
	if a.Heard() {
		a.say(n.frame(a.management(disassociation, n.BSSID, station, n.BSSID).number(uint16(reason)), DefaultRSSI))
	}
}

// Expelled is described at Left.
func (a *Air) Expelled(station MAC, n Network, reason int) {
	if a.Heard() {
		a.say(n.frame(a.management(deauthenticate, station, n.BSSID, n.BSSID).number(uint16(reason)), n.RSSI))
	}
}

// carried makes data frames of what stations send and get.
func (a *Air) carried(e wire.Event) {
	switch e.Kind {
	case wire.Sent:
		if n, ok := a.memberOf(e.From); ok {
			to := n.BSSID // the router is in the access point
			if wire.IsGroup(e.Packet.Dst, e.From.Prefix()) {
				to = groupMAC(e.Packet.Dst.As4())
			} else if nic := a.Wire.Owner(e.Packet.Dst); nic != nil && nic.MAC != (MAC{}) {
				to = nic.MAC
			}
			a.data(n, toDS, n.BSSID, e.From.MAC, to, e.Packet, DefaultRSSI)
		}
	case wire.Delivered:
		if n, ok := a.memberOf(e.To); ok {
			to, from := MAC(e.To.MAC), n.BSSID
			if e.From.MAC != (MAC{}) {
				from = e.From.MAC
			}
			if wire.IsGroup(e.Packet.Dst, e.To.Prefix()) {
				said := groupSaid{e.ID, n.BSSID}
				if a.group == said {
					return // an access point says once what is for all
				}
				a.group, to = said, groupMAC(e.Packet.Dst.As4())
			}
			a.data(n, fromDS, to, n.BSSID, from, e.Packet, n.RSSI)
		}
	}
}

// groupSaid is a packet for all that an access point has sent to its stations.
type groupSaid struct {
	packet uint64
	bssid  MAC
}

// memberOf returns the network that a host on the wire is a station of.
func (a *Air) memberOf(nic *wire.NIC) (Network, bool) {
	for _, r := range a.radios {
		if nic.MAC != (MAC{}) && r.MAC(StationIf) == nic.MAC {
			return r.Joined()
		}
	}
	return Network{}, false
}

// groupMAC is the address of a group (RFC 1112, 6.4).
func groupMAC(ip [4]byte) MAC {
	if ip[0]>>4 != 0xe {
		return everybody
	}
	return MAC{0x01, 0x00, 0x5e, ip[1] & 0x7f, ip[2], ip[3]}
}

// data is heard of an IP packet in a network.
func (a *Air) data(n Network, way byte, to, from, third MAC, p *wire.Packet, rssi int) {
	f := elements{qosData, way, 0, 0}
	length := qosHeader + llcHeader + p.Len() + frameCheck
	if n.Auth != AuthOpen {
		f[1] |= protected
		length += ccmpBytes
	}
	for _, m := range []MAC{to, from, third} {
		f = append(f, m[:]...)
	}
	f = f.number(a.sequence(from)<<4, 0)
	if n.Auth == AuthOpen {
		f = append(f, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0) // SNAP, IPv4
	}
	a.say(Frame{Data: f, Length: length, Channel: n.Channel, RSSI: rssi, HT: n.ht()})
}
