package mdns

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
)

// The packets that the module sends (fw: app/net/nodemcu_mdns.c). Names and numbers are
// written as the firmware does, which does not check them: a package that knows DNS
// would not.

var group = netip.MustParseAddrPort("224.0.0.251:5353")

const (
	serviceTTL = 300  // s
	typeTTL    = 3600 // s
	unicastTTL = 10   // s, at most

	flush       = 1 << 15 // the unique bit of a record's class
	pointer     = 0xc0    // the top bits of one
	response    = 0x84    // response, authoritative: the upper byte of the flags
	sendBuffer  = 528     // bytes; an answer must be shorter
	nameBuffer  = 126     // bytes for a name on the stack, with its terminating zero
	headerLen   = 12
	local       = "local"
	allServices = "_services._dns-sd._udp." + local
	platform    = "platform=nodemcu"
)

// typeName is the type of the service: "_http._tcp.local".
func (i *info) typeName() string { return "_" + i.service + "._tcp." + local }

// hostName is the host's name, as far as there is room.
func (i *info) hostName() string { return cut(i.host + "." + local) }

// serviceName is the name of the service.
func (i *info) serviceName() string { return cut(i.description + "." + i.typeName()) }

// cut is what of a name fits the buffer for it.
func cut(name string) string { return name[:min(len(name), nameBuffer-1)] }

// packet is a packet to be sent. to is the group, or whoever asked.
type packet struct {
	to   netip.AddrPort
	data []byte
	addr int // where the device's address is to stand, 0: nowhere
}

// newPacket begins a packet with so many answers and additional records.
func newPacket(id uint16, answers, more byte, to netip.AddrPort) *packet {
	return &packet{to: to, data: []byte{byte(id >> 8), byte(id), response, 0, 0, 0, 0, answers, 0, 0, 0, more}}
}

// name writes a name, whose labels end at dots. end is whether it ends there.
func (p *packet) name(name string, end bool) {
	for label := range strings.SplitSeq(name, ".") {
		p.data = append(append(p.data, byte(len(label))), label...)
	}
	if end {
		p.data = append(p.data, 0)
	}
}

// point writes a pointer to a place in the packet.
func (p *packet) point(at int) { p.data = append(p.data, pointer+byte(at>>8), byte(at)) }

// record writes what follows the name of a record, and of its data the length.
func (p *packet) record(rrtype, class uint16, ttl uint32, length int) {
	if p.to != group {
		ttl = min(ttl, unicastTTL)
	}
	p.data = binary.BigEndian.AppendUint16(p.data, rrtype)
	p.data = binary.BigEndian.AppendUint16(p.data, class)
	p.data = binary.BigEndian.AppendUint32(p.data, ttl)
	p.data = binary.BigEndian.AppendUint16(p.data, uint16(length))
}

// a writes the record with the device's address, whose name stands already.
func (p *packet) a(class uint16) {
	p.record(dns.TypeA, class, serviceTTL, 4)
	p.addr = len(p.data)
	p.data = append(p.data, 0, 0, 0, 0)
}

// nsec writes the record that says which types there are of a name that stands at a place
// and before it.
func (p *packet) nsec(class uint16, at int, types ...uint16) {
	var bits [5]byte
	n := 0
	for _, t := range types {
		bits[t/8] |= 0x80 >> (t % 8)
		n = max(n, int(t/8)+1)
	}
	p.record(dns.TypeNSEC, class, serviceTTL, 4+n)
	p.point(at)
	p.data = append(append(p.data, 0, byte(n)), bits[:n]...)
}

// typeAnswer tells what type the service is of (fw: mdns_send_service_type).
func (m *module) typeAnswer(id uint16, to netip.AddrPort) {
	p := newPacket(id, 1, 0, to)
	p.name(allServices, true)
	p.record(dns.TypePTR, dns.ClassINET, typeTTL, len(m.info.typeName())+2)
	p.name(m.info.typeName(), true)
	m.send(p)
}

// hostAnswer tells the host's address (fw: mdns_send_a_rr).
func (m *module) hostAnswer(id uint16, to netip.AddrPort) {
	p := newPacket(id, 1, 1, to)
	p.name(m.info.hostName(), true)
	p.a(dns.ClassINET)
	p.point(headerLen)
	p.nsec(dns.ClassINET, headerLen, dns.TypeA)
	m.send(p)
}

// noAnswer tells which types there are of a name (fw: mdns_send_no_rr).
func (m *module) noAnswer(id uint16, name string, to netip.AddrPort, types ...uint16) {
	p := newPacket(id, 0, 1, to)
	p.name(name, true)
	p.nsec(dns.ClassINET, headerLen, types...)
	m.send(p)
}

// serviceAnswer tells everything about the service (fw: mdns_send_service). To the group it
// puts off the next announcement.
func (m *module) serviceAnswer(id uint16, to netip.AddrPort) {
	i, class := m.info, uint16(dns.ClassINET)
	if to == group {
		class |= flush
	}
	p := newPacket(id, 4, 1, to)
	p.name(cut(i.typeName()), true)
	p.record(dns.TypePTR, dns.ClassINET, serviceTTL, len(i.description)+3)
	service := len(p.data)
	p.name(i.description, false)
	p.point(headerLen)
	p.point(service)
	var text []byte
	own := true
	attribute := func(a string) { text = append(append(text, byte(len(a))), a...) }
	for _, a := range i.attributes {
		attribute(a)
		own = own && !strings.HasPrefix(a, platform[:strings.IndexByte(platform, '=')+1])
	}
	if own {
		attribute(platform)
	}
	p.record(dns.TypeTXT, class, serviceTTL, len(text))
	if len(p.data) > sendBuffer {
		m.d.Crash("mdns writes a description of %d bytes beyond the end of a packet of %d", len(i.description), sendBuffer)
		return
	}
	const srv, rest = 6, 2 + 10 + 4 + 2 + 10 + 5 // the SRV record's numbers; the A and NSEC records
	if len(p.data)+len(text)+2+10+srv+len(i.host)+len(".local")+2+rest >= sendBuffer {
		if !m.tooLong {
			m.tooLong = true
			m.d.Inspect.Hints.Once("mdns long", "mdns: the names and attributes that were registered do not fit a packet of %d bytes: the service is not announced, and nobody gets an answer about it", sendBuffer)
		}
		return
	}
	p.data = append(p.data, text...)
	p.point(service)
	p.record(dns.TypeSRV, class, serviceTTL, srv+len(i.hostName())+2)
	p.data = binary.BigEndian.AppendUint16(append(p.data, 0, 0, 0, 0), i.port)
	host := len(p.data)
	p.name(i.hostName(), true)
	p.point(host)
	p.a(class)
	p.point(host)
	p.nsec(class, host, dns.TypeA)
	m.send(p)
	if to == group {
		m.timer.Arm(announceInterval, true)
	}
}

// send sends a packet (fw: send_packet).
func (m *module) send(p *packet) {
	stack := m.d.Net.Stack()
	buffer := stack.NewDatagram(sendBuffer)
	if buffer == nil {
		return
	}
	defer stack.FreeDatagram(buffer)
	station, ap := m.d.Radio.IP(air.StationIf).Prefix, m.d.Radio.IP(air.APIf).Prefix
	set := func(ip netip.Prefix) {
		if p.addr > 0 {
			a := [4]byte{}
			if ip.IsValid() {
				a = ip.Addr().As4()
			}
			copy(buffer.Data[len(buffer.Data)-len(p.data)+p.addr:], a[:])
		}
	}
	buffer.Data = p.data
	if set(station); m.d.Radio.Mode() == radio.APMode {
		set(ap)
	}
	m.pcb.Send(buffer, p.to.Addr(), p.to.Port())
	if p.to != group || m.d.Radio.Mode() != radio.StationAPMode {
		return
	}
	if stack.Netif(int(air.StationIf)).Up && stack.Netif(int(air.APIf)).Up {
		m.d.Inspect.Hints.Once("mdns twice", "mdns with station and access point on: each packet to the group leaves on the access point's side, but for the first, and on the station's only in a form that nobody understands")
		stack.SetDefault(int(air.StationIf))
		set(ap)
		m.pcb.Send(buffer, p.to.Addr(), p.to.Port())
		stack.SetDefault(int(air.APIf))
	}
}
