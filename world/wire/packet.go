package wire

import (
	"fmt"
	"net/netip"
	"strings"
)

// Proto is the protocol of an IP packet, by its IANA number.
type Proto uint8

// The protocols a simulated host speaks.
const (
	ICMP Proto = 1
	IGMP Proto = 2
	TCP  Proto = 6
	UDP  Proto = 17
)

// String returns the name tcpdump uses.
func (p Proto) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case IGMP:
		return "igmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	}
	return fmt.Sprintf("proto-%d", uint8(p))
}

// Flags are the control bits of a TCP header, at their place in the header.
type Flags uint8

// TCP control bits (RFC 9293, 3.1).
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
)

// String returns one letter per flag, as "SA" or "FPA".
func (f Flags) String() string {
	var b strings.Builder
	for i, c := range "FSRPAU" {
		if f&(1<<i) != 0 {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Packet is one IPv4 packet. It is typed rather than serialized; what a capture
// needs to write it as bytes is all here. Once sent, a packet and its payload
// must not be changed: taps, duplicates and several receivers share it.
type Packet struct {
	Src, Dst netip.Addr
	Proto    Proto
	TTL      uint8

	// TCP and UDP.
	SrcPort, DstPort uint16

	// TCP only.
	Seq, Ack uint32
	Flags    Flags
	Window   uint16
	MSS      uint16 // value of the MSS option; 0 when absent

	// ICMP only.
	Type, Code uint8

	// Payload is what follows the transport header: for ICMP errors the quoted
	// packet, for echo the identifier, sequence number and data.
	Payload []byte
}

// Header sizes without IP options, in bytes.
const (
	ipHeader   = 20
	tcpHeader  = 20
	mssOption  = 4
	udpHeader  = 8
	icmpHeader = 4
)

// Len returns the length of the IP packet in bytes, headers included.
func (p *Packet) Len() int {
	n := ipHeader + len(p.Payload)
	switch p.Proto {
	case TCP:
		n += tcpHeader
		if p.MSS != 0 {
			n += mssOption
		}
	case UDP:
		n += udpHeader
	case ICMP, IGMP:
		n += icmpHeader
	}
	return n
}

// Checksum is the Internet checksum of a header or message whose checksum field
// is zero (RFC 1071).
func Checksum(b []byte) uint16 {
	sum := uint32(0)
	for i, x := range b {
		if i%2 == 0 {
			sum += uint32(x) << 8
		} else {
			sum += uint32(x)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// String prints the packet on one line, for logs and test failures.
func (p *Packet) String() string {
	switch p.Proto {
	case TCP:
		return fmt.Sprintf("tcp %s:%d > %s:%d [%s] seq %d ack %d win %d len %d",
			p.Src, p.SrcPort, p.Dst, p.DstPort, p.Flags, p.Seq, p.Ack, p.Window, len(p.Payload))
	case UDP:
		return fmt.Sprintf("udp %s:%d > %s:%d len %d", p.Src, p.SrcPort, p.Dst, p.DstPort, len(p.Payload))
	}
	return fmt.Sprintf("%s %s > %s type %d code %d len %d", p.Proto, p.Src, p.Dst, p.Type, p.Code, len(p.Payload))
}
