package peer

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// UDP is a UDP socket of a host.
type UDP struct {
	// OnData gets each datagram. data must not be changed.
	OnData func(data []byte, from netip.AddrPort)

	pcb *lwip.UDPSocket
}

// ListenUDP makes a UDP socket on a port; 0 takes a free one. It receives
// datagrams for the host's address, broadcasts, and groups the host has joined.
func (h *Host) ListenUDP(port uint16) (*UDP, error) {
	u := &UDP{pcb: h.stack.NewUDP()}
	u.pcb.OnRecv = func(data []byte, from netip.AddrPort) {
		if u.OnData != nil {
			u.OnData(data, from)
		}
	}
	if err := u.pcb.Bind(lwip.AnyAddr, port); err != lwip.OK {
		u.pcb.Close()
		return nil, failed(err, "listen on UDP port %d", port)
	}
	return u, nil
}

// Port returns the socket's port.
func (u *UDP) Port() uint16 { return u.pcb.LocalAddr().Port() }

// SendTo sends a datagram: to a host, a broadcast address or a group.
func (u *UDP) SendTo(data []byte, to netip.AddrPort) error {
	return failed(u.pcb.SendTo(data, to.Addr(), to.Port()), "send to %v", to)
}

// Close closes the socket.
func (u *UDP) Close() { u.pcb.Close() }
