package lwip

import (
	"encoding/binary"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// UDP (fw: app/lwip/core/udp.c).

// udpFirstPort is where the search for a free port begins (oracle:
// net-constants.json udp_ephemeral_first_port); udpLastPort is lwIP's.
const (
	udpFirstPort = 4096
	udpLastPort  = 0x7fff
)

// dhcpClientPort is where only the DHCP client receives, whoever is bound to it
// (fw: app/lwip/core/udp.c, udp_input). DHCP is not modelled here.
const dhcpClientPort = 68

// UDPSocket is a UDP protocol control block.
type UDPSocket struct {
	// OnRecv gets each datagram. data must not be changed.
	OnRecv func(data []byte, from netip.AddrPort)
	TTL    uint8
	// Owner is whose socket it is, for whoever reads Netstat.
	Owner any

	s          *Stack
	next       *UDPSocket
	bound      bool
	freed      bool
	localIP    netip.Addr
	localPort  uint16
	remoteIP   netip.Addr
	remotePort uint16
	connected  bool

	rxBytes, txBytes uint64
}

// NewUDP makes an unbound socket, or returns nil when memory is short.
func (s *Stack) NewUDP() *UDPSocket {
	if !s.alloc(KindUDP, sizeUDP) {
		return nil
	}
	return &UDPSocket{s: s, TTL: s.p.TTL, localIP: AnyAddr, remoteIP: AnyAddr}
}

// LocalAddr returns the address the socket is bound to.
func (u *UDPSocket) LocalAddr() netip.AddrPort { return netip.AddrPortFrom(u.localIP, u.localPort) }

// Bind gives the socket a local address; port 0 takes the first free one from
// 4096 on. ErrUse: the port has a socket on that address or on any.
func (u *UDPSocket) Bind(ip netip.Addr, port uint16) Err {
	s := u.s
	if port == 0 {
		if port = s.newUDPPort(); port == 0 {
			return ErrUse
		}
	} else {
		for o := s.udp; o != nil; o = o.next {
			if o != u && o.localPort == port && (isAny(o.localIP) || isAny(ip) || o.localIP == ip) {
				return ErrUse
			}
		}
	}
	u.localIP, u.localPort = ip, port
	if !u.bound {
		u.bound = true
		u.next = s.udp
		s.udp = u
	}
	return OK
}

func (s *Stack) newUDPPort() uint16 {
	for port := uint16(udpFirstPort); port < udpLastPort; port++ {
		used := false
		for o := s.udp; o != nil; o = o.next {
			used = used || o.localPort == port
		}
		if !used {
			return port
		}
	}
	return 0
}

// connect makes the socket take datagrams from one address only.
func (u *UDPSocket) connect(ip netip.Addr, port uint16) {
	u.remoteIP, u.remotePort, u.connected = ip, port, true
}

// SendTo sends one datagram. It is not fragmented: one that exceeds the MTU
// reaches the network as it is (oracle: net-behaviour.md 11).
func (u *UDPSocket) SendTo(data []byte, ip netip.Addr, port uint16) Err {
	size := pbufTransport + align4(len(data))
	if !u.s.alloc(KindPbuf, size) {
		return ErrMem
	}
	err := u.send(append([]byte(nil), data...), ip, port)
	u.s.release(KindPbuf, size)
	return err
}

// Datagram is a datagram in memory that its owner fills in and sends himself (fw: struct
// pbuf).
type Datagram struct {
	Data []byte
	size int // of the memory
}

// NewDatagram takes the memory for n bytes of data, or returns nil. FreeDatagram gives it
// back.
func (s *Stack) NewDatagram(n int) *Datagram {
	size := pbufTransport + align4(n)
	if !s.alloc(KindPbuf, size) {
		return nil
	}
	return &Datagram{size: size}
}

// FreeDatagram is described at NewDatagram.
func (s *Stack) FreeDatagram(d *Datagram) { s.release(KindPbuf, d.size) }

// Send sends d, and leaves the IP and UDP headers of that in front of its data, as lwIP
// does: who sends a datagram twice sends the headers of the first as data.
func (u *UDPSocket) Send(d *Datagram, ip netip.Addr, port uint16) Err {
	id := u.s.ipID
	err := u.send(append([]byte(nil), d.Data...), ip, port)
	if err != OK {
		return err
	}
	src := u.s.netifs[u.s.route(ip)].Prefix.Addr()
	d.Data = append(udpHeaders(id, u.TTL, src, ip, u.localPort, port, d.Data), d.Data...)
	return OK
}

// udpHeaders are the headers of a datagram as they are on the wire.
func udpHeaders(id uint16, ttl uint8, src, dst netip.Addr, srcPort, dstPort uint16, data []byte) []byte {
	const ipLen, udpLen = 20, 8
	be := binary.BigEndian
	from, to := src.As4(), dst.As4()
	udp := be.AppendUint16(nil, srcPort)
	udp = be.AppendUint16(udp, dstPort)
	udp = be.AppendUint16(udp, uint16(udpLen+len(data)))
	udp = append(udp, 0, 0)
	pseudo := append(append(from[:], to[:]...), 0, byte(wire.UDP))
	pseudo = be.AppendUint16(pseudo, uint16(udpLen+len(data)))
	be.PutUint16(udp[6:], wire.Checksum(append(append(pseudo, udp...), data...)))
	h := be.AppendUint16([]byte{0x45, 0}, uint16(ipLen+udpLen+len(data)))
	h = be.AppendUint16(h, id)
	h = append(h, 0, 0, ttl, byte(wire.UDP), 0, 0)
	h = append(append(h, from[:]...), to[:]...)
	be.PutUint16(h[10:], wire.Checksum(h))
	return append(h, udp...)
}

// send is SendTo for data that is in memory already and will not change.
func (u *UDPSocket) send(data []byte, ip netip.Addr, port uint16) Err {
	s := u.s
	if u.localPort == 0 {
		if err := u.Bind(u.localIP, 0); err != OK {
			return err
		}
	}
	i := s.route(ip)
	if i < 0 {
		return ErrRoute
	}
	src := s.netifs[i].Prefix.Addr()
	if !isAny(u.localIP) && u.localIP != src {
		if !s.p.AnyAddress {
			return ErrValue
		}
		src = u.localIP
	}
	u.txBytes += uint64(len(data))
	s.transmit(&wire.Packet{Src: src, Dst: ip, Proto: wire.UDP, TTL: u.TTL,
		SrcPort: u.localPort, DstPort: port, Payload: data})
	return OK
}

// Close frees the socket.
func (u *UDPSocket) Close() {
	if u.freed {
		return
	}
	u.freed = true
	for p := &u.s.udp; *p != nil; p = &(*p).next {
		if *p == u {
			*p = u.next
			break
		}
	}
	u.s.release(KindUDP, sizeUDP)
}

func (s *Stack) udpInput(p *wire.Packet, group bool) {
	var match, open *UDPSocket
	for u := s.udp; u != nil && (p.DstPort != dhcpClientPort || s.p.AnyAddress); u = u.next {
		if u.localPort != p.DstPort || !(isAny(u.localIP) || u.localIP == p.Dst || group) {
			continue
		}
		if open == nil && !u.connected {
			open = u
		}
		if u.connected && u.remotePort == p.SrcPort && (isAny(u.remoteIP) || u.remoteIP == p.Src) {
			match = u
			break
		}
	}
	if match == nil {
		match = open
	}
	if match == nil {
		if !group {
			s.unreachable(p, codePort)
		}
		return
	}
	match.rxBytes += uint64(len(p.Payload))
	if match.OnRecv != nil {
		match.OnRecv(p.Payload, netip.AddrPortFrom(p.Src, p.SrcPort))
	}
}
