package lwip

import (
	"encoding/binary"
	"net/netip"
)

// DNS messages as far as the client reads and writes them (RFC 1035, 4). The
// parser takes what the firmware's takes, but never looks beyond the message.

const (
	dnsHeaderLen = 12
	dnsAnswerLen = 10 // type, class, TTL, length
	dnsTypeA     = 1
	dnsClassIN   = 1
)

// dnsQuery makes a question for the address of name.
func dnsQuery(id uint16, name string) []byte {
	q := make([]byte, dnsHeaderLen, dnsHeaderLen+len(name)+6)
	binary.BigEndian.PutUint16(q, id)
	q[2] = 1 // recursion desired
	q[5] = 1 // one question
	for start := 0; ; {
		end := start
		for end < len(name) && name[end] != '.' {
			end++
		}
		q = append(q, byte(end-start))
		q = append(q, name[start:end]...)
		if end == len(name) {
			break
		}
		start = end + 1
	}
	return append(q, 0, 0, dnsTypeA, 0, dnsClassIN)
}

type dnsMessage struct {
	raw       []byte
	id        uint16
	response  bool
	rcode     uint8
	questions uint16
	answers   uint16
}

// parseDNS reads the header. It reports false for a message that is shorter than
// the smallest answer or longer than the client's buffer.
func parseDNS(raw []byte) (dnsMessage, bool) {
	if len(raw) < dnsHeaderLen+4+dnsAnswerLen || len(raw) > dnsMaxMessage {
		return dnsMessage{}, false
	}
	return dnsMessage{
		raw:       raw,
		id:        binary.BigEndian.Uint16(raw),
		response:  raw[2]&0x80 != 0,
		rcode:     raw[3] & 0x0f,
		questions: binary.BigEndian.Uint16(raw[4:]),
		answers:   binary.BigEndian.Uint16(raw[6:]),
	}, true
}

// address returns the first address record, if the question is the one asked.
func (m *dnsMessage) address(name string) (addr netip.Addr, ttl uint32, ok bool) {
	if !m.asks(name) {
		return addr, 0, false
	}
	at := m.skipName(dnsHeaderLen) + 4
	for range m.answers {
		at = m.skipName(at)
		if at+dnsAnswerLen > len(m.raw) {
			return addr, 0, false
		}
		rr := m.raw[at:]
		n := int(binary.BigEndian.Uint16(rr[8:]))
		at += dnsAnswerLen
		if binary.BigEndian.Uint16(rr) == dnsTypeA && binary.BigEndian.Uint16(rr[2:]) == dnsClassIN && n == 4 {
			if at+4 > len(m.raw) {
				return addr, 0, false
			}
			return netip.AddrFrom4([4]byte(m.raw[at : at+4])), binary.BigEndian.Uint32(rr[4:]), true
		}
		at += n
	}
	return addr, 0, false
}

// asks compares the question with a dotted name, byte by byte: what follows a
// compression pointer counts as equal.
func (m *dnsMessage) asks(name string) bool {
	at, q := dnsHeaderLen, 0
	for at < len(m.raw) {
		n := int(m.raw[at])
		at++
		if n&0xc0 == 0xc0 {
			return true
		}
		for ; n > 0; n-- {
			if at >= len(m.raw) || q >= len(name) || name[q] != m.raw[at] {
				return false
			}
			at++
			q++
		}
		q++
		if at < len(m.raw) && m.raw[at] == 0 {
			return true
		}
	}
	return false
}

// skipName returns where the name that starts at at ends.
func (m *dnsMessage) skipName(at int) int {
	for at < len(m.raw) {
		n := int(m.raw[at])
		at++
		if n&0xc0 == 0xc0 {
			return at + 1
		}
		at += n
		if at < len(m.raw) && m.raw[at] == 0 {
			return at + 1
		}
	}
	return len(m.raw)
}
