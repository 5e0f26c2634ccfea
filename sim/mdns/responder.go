package mdns

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// What goes over the wire (fw: app/net/nodemcu_mdns.c).

var group = netip.MustParseAddrPort("224.0.0.251:5353")

const (
	announceInterval = 120 * clock.Second
	announceType     = 11 // announcements from one of the service type to the next

	serviceTTL  = 300  // s
	typeTTL     = 3600 // s
	cacheFlush  = 1 << 15
	sendBuffer  = 528 // bytes; an answer must be shorter
	minQuery    = 26  // bytes: header, question, and an answer's fixed part
	headerLen   = 12
	local       = "local"
	allServices = "_services._dns-sd._udp." + local
	platform    = "platform=nodemcu"
)

// typeName is the type of the service: "_http._tcp.local".
func (i *info) typeName() string { return "_" + i.service + "._tcp." + local }

func (i *info) hostName() string { return i.host + "." + local }

// address is the one that is made known.
func (m *module) address() netip.Addr {
	on := air.StationIf
	if m.d.Radio.Mode() == radio.APMode {
		on = air.APIf
	}
	return m.d.Address(on).Addr()
}

// announce tells the group about the service.
func (m *module) announce() {
	m.send(m.serviceAnswer(0, cacheFlush), group)
	if m.count++; m.count > announceType {
		m.send(m.typeAnswer(0), group)
		m.count = 0
	}
}

// receive answers a query.
func (m *module) receive(data []byte, from netip.AddrPort) {
	if len(data) < minQuery || len(data) > receiveBuffer || data[5] == 0 { // questions, as a byte
		return
	}
	id, question := binary.BigEndian.Uint16(data), data[headerLen:]
	n := nameLen(question)
	if n < 0 || n+2 > len(question) {
		return
	}
	qtype := binary.BigEndian.Uint16(question[n:])
	is := func(types ...uint16) bool { return qtype == dns.TypeANY || slices.Contains(types, qtype) }
	i := m.info
	switch {
	case sameName(allServices, question):
		if is(dns.TypePTR) {
			m.send(m.typeAnswer(id), from)
		}
	case sameName(i.typeName(), question):
		if is(dns.TypePTR) {
			m.send(m.serviceAnswer(id, 0), from)
		}
	case sameName(i.hostName(), question):
		if is(dns.TypeA) {
			m.send(m.serviceAnswer(id, 0), from)
		}
	case sameName(i.description+"."+i.typeName(), question):
		if is(dns.TypeTXT, dns.TypeSRV) {
			m.send(m.serviceAnswer(id, 0), from)
		}
	}
}

// nameLen is the length of a name in a message, -1 when it runs over the end.
func nameLen(p []byte) int {
	n := 0
	for n < len(p) {
		switch c := int(p[n]); {
		case c == 0:
			return n + 1
		case c >= 0xc0:
			return n + 2
		case c > 63:
			return n + 1
		default:
			n += c + 1
		}
	}
	return -1
}

// sameName compares a name with one in a message, as the firmware does: label by
// label, up to the end of the one in the message or a pointer in it. So a query for
// the first labels of a name is one for the name.
func sameName(name string, p []byte) bool {
	for {
		n := int(p[0])
		p = p[1:]
		if n >= 0xc0 {
			return true
		}
		if n >= len(p) || n > len(name) || name[:n] != string(p[:n]) {
			return false
		}
		name, p = name[n:], p[n:]
		if p[0] == 0 {
			return true
		}
		if name == "" {
			return false
		}
		name = name[1:] // the dot
	}
}

// typeAnswer tells what type the service is of.
func (m *module) typeAnswer(id uint16) *dns.Msg {
	return message(id, &dns.PTR{Hdr: header(allServices, dns.TypePTR, dns.ClassINET, typeTTL), Ptr: fqdn(m.info.typeName())})
}

// serviceAnswer tells everything about the service.
func (m *module) serviceAnswer(id, flush uint16) *dns.Msg {
	i, class := m.info, dns.ClassINET|flush
	name := i.description + "." + i.typeName()
	txt := &dns.TXT{Hdr: header(name, dns.TypeTXT, class, serviceTTL)}
	own := true
	for _, a := range i.attributes {
		txt.Txt = append(txt.Txt, escape(a))
		own = own && !strings.HasPrefix(a, platform[:strings.IndexByte(platform, '=')+1])
	}
	if own {
		txt.Txt = append(txt.Txt, platform)
	}
	return message(id,
		&dns.PTR{Hdr: header(i.typeName(), dns.TypePTR, dns.ClassINET, serviceTTL), Ptr: fqdn(name)},
		txt,
		&dns.SRV{Hdr: header(name, dns.TypeSRV, class, serviceTTL), Port: i.port, Target: fqdn(i.hostName())},
		&dns.A{Hdr: header(i.hostName(), dns.TypeA, class, serviceTTL), A: m.address().AsSlice()},
	)
}

func message(id uint16, answer ...dns.RR) *dns.Msg {
	m := &dns.Msg{Answer: answer, Compress: true}
	m.Id, m.Response, m.Authoritative = id, true, true
	return m
}

func header(name string, rrtype, class uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: fqdn(name), Rrtype: rrtype, Class: class, Ttl: ttl}
}

// fqdn writes a name, whose labels end at dots, as the dns package does.
func fqdn(name string) string { return escape(name) + "." }

func escape(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

// send packs and sends a message.
func (m *module) send(msg *dns.Msg, to netip.AddrPort) {
	raw, err := msg.Pack()
	if err != nil || len(raw) >= sendBuffer {
		if !m.tooLong {
			m.tooLong = true
			m.d.Emit(event.Hint{Text: "mdns: the names and attributes that were registered do not fit a packet: nothing is announced and nobody gets an answer"})
		}
		return
	}
	m.pcb.SendTo(raw, to.Addr(), to.Port())
}
