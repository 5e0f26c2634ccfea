package mdns

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Questions and announcements (fw: app/net/nodemcu_mdns.c).

const (
	minQuery   = 26 // bytes: header, question, and an answer's fixed part
	unicastBit = 1 << 15
	maxLabel   = 63
)

// announce tells the group about the service.
func (m *module) announce() {
	m.serviceAnswer(0, group)
	if m.count++; m.count >= announceType {
		m.typeAnswer(0, group)
		m.count = 0
	}
}

// receive answers the questions of a packet.
func (m *module) receive(data []byte, from netip.AddrPort) {
	if len(data) < minQuery || len(data) > receiveBuffer {
		return
	}
	copy(m.payload, data)
	q := message(m.payload) // what follows data is of earlier packets
	at := headerLen
	for range q[5] { // the number of questions, as a byte
		if at >= len(data) {
			return
		}
		n := q.nameLen(at, len(data)-at)
		if from.Port() == group.Port() && q.uint16(at+n+2)&unicastBit == 0 {
			from = group
		}
		if !m.answer(q, at, q.uint16(at+n), from) {
			return
		}
		at += n + 4
	}
}

// answer answers the question whose name stands at a place. It reports false when the
// device has hung itself up.
func (m *module) answer(q message, at int, qtype uint16, to netip.AddrPort) bool {
	id := binary.BigEndian.Uint16(q)
	is := func(types ...uint16) bool { return qtype == dns.TypeANY || slices.Contains(types, qtype) }
	i := m.info
	for _, known := range []struct {
		name   string
		types  []uint16
		answer func(uint16, netip.AddrPort)
	}{
		{allServices, []uint16{dns.TypePTR}, m.typeAnswer},
		{i.typeName(), []uint16{dns.TypePTR}, m.serviceAnswer},
		{i.hostName(), []uint16{dns.TypeA}, m.hostAnswer},
		{i.serviceName(), []uint16{dns.TypeTXT, dns.TypeSRV}, m.serviceAnswer},
	} {
		same, ends := q.sameName(known.name, at)
		switch {
		case !ends:
			m.d.Inspect.Hints.Once("mdns loop", "mdns follows a pointer to itself in a question for ever: the watchdog resets the device")
			for m.d.ETS.DelayUnfed(clock.Second) {
			}
			return false
		case !same:
			continue
		case is(known.types...):
			known.answer(id, to)
		default:
			m.noAnswer(id, known.name, to, known.types...)
		}
		break
	}
	return true
}

// message is a received one in its buffer. What would be read beyond that is 0.
type message []byte

func (q message) at(i int) int {
	if i < 0 || i >= len(q) {
		return 0
	}
	return int(q[i])
}

func (q message) uint16(i int) uint16 { return uint16(q.at(i)<<8 | q.at(i+1)) }

// nameLen is the length of the name at a place, -1 when it is longer than longest (fw:
// mdns_namelen).
func (q message) nameLen(at, longest int) int {
	n := 0
	for q.at(at+n) > 0 && q.at(at+n) <= maxLabel {
		if n > longest {
			return -1
		}
		n += q.at(at+n) + 1
	}
	if n++; q.at(at+n-1) >= pointer {
		n++
	}
	if n > longest {
		return -1
	}
	return n
}

// sameName compares a name with the one at a place, as the firmware does: label by label,
// without regard to case, up to the end of the one in the message (fw: mdns_compare_name).
// Of a pointer it takes the lower byte. ends is false when it goes round for ever.
func (q message) sameName(name string, at int) (same, ends bool) {
	query := 0
	type place struct{ at, query int }
	jumped := map[place]bool{}
	for first := true; first || q.at(at) != 0; first = false {
		n := q.at(at)
		at++
		if n >= pointer {
			to := place{q.at(at), query}
			if to.at >= at {
				return false, true
			}
			if jumped[to] {
				return false, false
			}
			jumped[to] = true
			at = to.at
			continue
		}
		for ; n > 0; n-- {
			if message(name).lower(query) != q.lower(at) {
				return false, true
			}
			query++
			at++
		}
		query++ // the dot
	}
	return true, true
}

// lower is the byte at a place, of a letter the small one.
func (q message) lower(i int) int {
	c := q.at(i)
	if c >= 'A' && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
