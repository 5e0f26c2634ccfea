package capture

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// frame is the packet as an Ethernet frame. A datagram larger than the MTU stays
// one frame: the simulated stack does not fragment.
func (r *record) frame() ([]byte, error) {
	p := r.packet
	ip := &layers.IPv4{
		Version:  4,
		TTL:      p.TTL,
		Protocol: layers.IPProtocol(p.Proto),
		Flags:    layers.IPv4DontFragment, // with it the id may be 0 (RFC 6864)
		SrcIP:    ipv4(p.Src),
		DstIP:    ipv4(p.Dst),
	}
	stack := []gopacket.SerializableLayer{
		&layers.Ethernet{SrcMAC: r.src, DstMAC: r.dst, EthernetType: layers.EthernetTypeIPv4},
		ip,
	}
	switch p.Proto {
	case wire.TCP:
		tcp := &layers.TCP{
			SrcPort: layers.TCPPort(p.SrcPort), DstPort: layers.TCPPort(p.DstPort),
			Seq: p.Seq, Ack: p.Ack, Window: p.Window,
			FIN: p.Flags&wire.FIN != 0, SYN: p.Flags&wire.SYN != 0, RST: p.Flags&wire.RST != 0,
			PSH: p.Flags&wire.PSH != 0, ACK: p.Flags&wire.ACK != 0, URG: p.Flags&wire.URG != 0,
		}
		if p.MSS != 0 {
			tcp.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4,
				OptionData: binary.BigEndian.AppendUint16(nil, p.MSS)}}
		}
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		stack = append(stack, tcp, gopacket.Payload(p.Payload))
	case wire.UDP:
		udp := &layers.UDP{SrcPort: layers.UDPPort(p.SrcPort), DstPort: layers.UDPPort(p.DstPort)}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		stack = append(stack, udp, gopacket.Payload(p.Payload))
	default: // ICMP and IGMP start alike
		stack = append(stack, gopacket.Payload(control(p)))
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, stack...)
	return buf.Bytes(), err
}

// control is an ICMP or IGMP message: type, code, checksum, rest.
func control(p *wire.Packet) []byte {
	m := append([]byte{p.Type, p.Code, 0, 0}, p.Payload...)
	binary.BigEndian.PutUint16(m[2:], wire.Checksum(m))
	return m
}

// ipv4 is an address in a header; one that the packet lacks is 0.0.0.0.
func ipv4(a netip.Addr) net.IP {
	if !a.Is4() {
		return net.IPv4zero.To4()
	}
	return a.AsSlice()
}

// groupMAC is the Ethernet address of a group, nil when dst is that of one host.
func groupMAC(dst netip.Addr, from netip.Prefix) net.HardwareAddr {
	switch {
	case dst.IsMulticast(): // RFC 1112, 6.4
		a := dst.As4()
		return net.HardwareAddr{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
	case wire.IsBroadcast(dst, from):
		return net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return nil
}

// mac is the Ethernet address of a NIC: its own, or a locally administered one
// made from its address. nic may be nil; addr is what the packet says.
func mac(nic *wire.NIC, addr netip.Addr) net.HardwareAddr {
	if nic != nil {
		if nic.MAC != [6]byte{} {
			own := nic.MAC
			return own[:]
		}
		if p := nic.Prefix(); p.IsValid() {
			addr = p.Addr()
		}
	}
	a := ipv4(addr)
	return net.HardwareAddr{0x02, 0x00, a[0], a[1], a[2], a[3]}
}
