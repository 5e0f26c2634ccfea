package lwip

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Break makes both ends of a connection believe that the other has reset it, as
// a middlebox does that forgets a connection. It reports false when there is no
// such connection, or one that is over.
func (s *Stack) Break(local, remote netip.AddrPort) bool {
	for c := s.active; c != nil; c = c.next {
		if c.LocalAddr() != local || c.RemoteAddr() != remote {
			continue
		}
		netif := s.route(c.remoteIP)
		if netif < 0 {
			return false
		}
		fromPeer := &wire.Packet{
			Src: c.remoteIP, Dst: c.localIP, Proto: wire.TCP, TTL: s.p.TTL,
			SrcPort: c.remotePort, DstPort: c.localPort,
			Seq: c.rcvNxt, Ack: c.sndNxt, Flags: wire.RST | wire.ACK,
		}
		s.reset(c.sndNxt, c.rcvNxt, c.localIP, c.remoteIP, c.localPort, c.remotePort)
		s.Input(netif, fromPeer)
		return true
	}
	return false
}
