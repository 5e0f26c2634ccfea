package lwip

import (
	"encoding/binary"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// ICMP: answering echo requests, refusing datagrams nobody wants, and sending
// echo requests for net.ping (fw: app/lwip/core/ipv4/icmp.c).

// ICMP types and codes used here (RFC 792).
const (
	typeEchoReply   = 0
	typeUnreachable = 3
	typeEcho        = 8
	codePort        = 3
)

// Echo is an answer to SendEcho.
type Echo struct {
	From    netip.Addr
	ID, Seq uint16
	Len     int // bytes of data
	TTL     uint8
}

// echoListeners get the answers to echo requests.
type echoListener struct{ fn func(Echo) }

func (s *Stack) icmpInput(p *wire.Packet, group bool) {
	if len(p.Payload) < 4 {
		return
	}
	switch p.Type {
	case typeEcho:
		if group {
			return
		}
		s.transmit(&wire.Packet{Src: p.Dst, Dst: p.Src, Proto: wire.ICMP, TTL: s.p.TTL,
			Type: typeEchoReply, Payload: p.Payload})
	case typeEchoReply:
		e := Echo{From: p.Src, ID: binary.BigEndian.Uint16(p.Payload), Seq: binary.BigEndian.Uint16(p.Payload[2:]),
			Len: len(p.Payload) - 4, TTL: p.TTL}
		for _, l := range append([]*echoListener(nil), s.echoes...) {
			l.fn(e)
		}
	}
}

// SendEcho sends an echo request with n bytes of data.
func (s *Stack) SendEcho(dst netip.Addr, id, seq uint16, n int) Err {
	if !s.momentary(KindPbuf, pbufIP+align4(8+n)) {
		return ErrMem
	}
	data := make([]byte, 4+n)
	binary.BigEndian.PutUint16(data, id)
	binary.BigEndian.PutUint16(data[2:], seq)
	for i := range n {
		data[4+i] = byte(i)
	}
	if !s.transmit(&wire.Packet{Dst: dst, Proto: wire.ICMP, TTL: s.p.TTL, Type: typeEcho, Payload: data}) {
		return ErrRoute
	}
	return OK
}

// ListenEcho calls fn for every answer to an echo request until stop is called.
func (s *Stack) ListenEcho(fn func(Echo)) (stop func()) {
	l := &echoListener{fn}
	s.echoes = append(s.echoes, l)
	return func() {
		for i, o := range s.echoes {
			if o == l {
				s.echoes = append(s.echoes[:i:i], s.echoes[i+1:]...)
				return
			}
		}
	}
}

// unreachable answers a packet with "destination unreachable" and quotes its IP
// header and 8 bytes.
func (s *Stack) unreachable(p *wire.Packet, code uint8) {
	if !s.momentary(KindPbuf, pbufIP+align4(8+28)) {
		return
	}
	const dontFragment = 0x4000 // as captures show packets
	q := make([]byte, 4, 32)    // unused field, then the quotation
	q = append(q, 0x45, 0)
	q = binary.BigEndian.AppendUint16(q, uint16(p.Len()))
	q = append(q, 0, 0)
	q = binary.BigEndian.AppendUint16(q, dontFragment)
	q = append(q, p.TTL, byte(p.Proto), 0, 0)
	src, dst := p.Src.As4(), p.Dst.As4()
	q = append(append(q, src[:]...), dst[:]...)
	binary.BigEndian.PutUint16(q[14:], wire.Checksum(q[4:]))
	q = binary.BigEndian.AppendUint16(q, p.SrcPort)
	q = binary.BigEndian.AppendUint16(q, p.DstPort)
	q = binary.BigEndian.AppendUint16(q, uint16(8+len(p.Payload)))
	q = append(q, 0, 0)
	s.transmit(&wire.Packet{Src: p.Dst, Dst: p.Src, Proto: wire.ICMP, TTL: s.p.TTL,
		Type: typeUnreachable, Code: code, Payload: q})
}
