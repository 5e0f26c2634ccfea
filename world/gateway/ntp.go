package gateway

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// A world whose date somebody has given has a time server: the router answers NTP
// requests, whichever server they are for, with that date. Names under pool.ntp.org, which
// the firmware asks by default, lead to it (RFC 4330; what a simple client looks at), or to
// a server that a test has put there.

const (
	ntpPort   = 123
	ntpLength = 48 // bytes of a packet without extensions
	ntpPool   = "pool.ntp.org"

	ntpClient  = 3 // modes
	ntpServer  = 4
	ntpVersion = 7 << 3 // its bits in the first byte
	// ntpStratum and ntpReference say where the time comes from: a local clock.
	ntpStratum   = 1
	ntpReference = "LOCL"
	ntpPrecision = 0xec // 2^-20 s: a microsecond
)

// SetTimeServer has the names of the usual time servers lead to an address: the router's own
// makes it answer itself, one that is none takes that back.
type SetTimeServer struct{ Addr netip.Addr }

// Kind names the type in files.
func (SetTimeServer) Kind() string { return "time-server" }

// TimeServer is where these names lead, the zero value: nowhere. Call it on the world's
// goroutine.
func (g *Gateway) TimeServer() netip.Addr { return g.timeServer }

// isPool reports whether a name is one of a time server that many use.
func isPool(name string) bool { return name == ntpPool || strings.HasSuffix(name, "."+ntpPool) }

// tellTime answers an NTP request.
func (g *Gateway) tellTime(p *wire.Packet) {
	request := p.Payload
	if len(request) < ntpLength || request[0]&7 != ntpClient {
		return
	}
	reply := make([]byte, ntpLength)
	reply[0] = request[0]&ntpVersion | ntpServer
	reply[1], reply[2], reply[3] = ntpStratum, request[2], ntpPrecision
	copy(reply[12:], ntpReference)
	now := world.NTPTime(g.world.Date())
	binary.BigEndian.PutUint64(reply[16:], now) // set last
	copy(reply[24:32], request[40:48])          // when the request left
	binary.BigEndian.PutUint64(reply[32:], now) // received
	binary.BigEndian.PutUint64(reply[40:], now) // sent
	g.sendUDP(netip.AddrPortFrom(p.Dst, p.DstPort), netip.AddrPortFrom(p.Src, p.SrcPort), reply)
}
