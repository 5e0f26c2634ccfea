package espconn

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// maxDatagram is how many bytes a datagram of the layer has: more is sent as several (fw:
// espconn_udp_sendto).
const maxDatagram = 1470

// UDP is a UDP port of a module.
type UDP struct {
	l      *Layer
	udp    *lwip.UDPSocket
	memory heap.Block
}

// ListenUDP opens a local port and gives each datagram to received, whose data must not
// be kept; empty ones are dropped (fw: espconn_create). A port that is in use is opened
// all the same, and gets nothing.
func (l *Layer) ListenUDP(port uint16, owner sockets.Holder, received func(data []byte, from netip.AddrPort)) (*UDP, Err) {
	udp := l.stack.NewUDP()
	if udp == nil {
		return nil, ErrMem
	}
	memory, ok := l.host.Malloc(sizeActive, heap.Other)
	if !ok {
		udp.Close()
		return nil, ErrMem
	}
	if owner != nil {
		udp.Owner = owner
	}
	udp.Bind(lwip.AnyAddr, port)
	udp.OnRecv = func(data []byte, from netip.AddrPort) {
		copied, ok := l.host.Malloc(len(data)+1, heap.Other)
		if ok && len(data) > 0 {
			received(data, from)
		}
		l.host.Free(&copied, heap.Other)
	}
	return &UDP{l: l, udp: udp, memory: memory}, OK
}

// LocalAddr returns the address of the port.
func (u *UDP) LocalAddr() netip.AddrPort { return u.udp.LocalAddr() }

// SendTo sends data, in datagrams of at most 1470 bytes (fw: espconn_sendto).
func (u *UDP) SendTo(data []byte, to netip.AddrPort) Err {
	if len(data) == 0 {
		return ErrArg
	}
	for len(data) > 0 {
		n := min(len(data), maxDatagram)
		if err := u.udp.SendTo(data[:n], to.Addr(), to.Port()); err != lwip.OK {
			return Err(err)
		}
		data = data[n:]
	}
	return OK
}

// Close closes the port (fw: espconn_delete).
func (u *UDP) Close() {
	u.udp.Close()
	u.l.host.Free(&u.memory, heap.Other)
}
