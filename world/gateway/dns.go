package gateway

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

const (
	dnsPort = 53
	// maxAnswers keeps an answer within the 512 bytes of plain DNS.
	maxAnswers = 8
	dnsTTL     = 60 // s, of every answer
)

// lookup is a query that the host's resolver is asked about.
type lookup struct {
	packet *wire.Packet
	query  *dns.Msg
	leave  func() // lets the clock go
}

// SetName has the gateway answer for a name with an IPv4 address, whatever the policy and
// whatever its resolver says; an address that is none takes that back.
type SetName struct {
	Name string
	Addr netip.Addr
}

// Kind names the type in files.
func (SetName) Kind() string { return "dns-name" }

// Kinds has a value of each kind that the gateway takes besides those of package hostnet.
var Kinds = []world.Stimulus{SetName{}, SetTimeServer{}}

func (g *Gateway) setName(in SetName) {
	names := maps.Clone(g.names) // they are the caller's
	if names == nil {
		names = map[string]netip.Addr{}
	}
	names[strings.ToLower(strings.TrimSuffix(in.Name, "."))] = in.Addr
	g.names = names
}

// query answers a DNS query, whichever server it is for.
func (g *Gateway) query(p *wire.Packet) {
	q := new(dns.Msg)
	if q.Unpack(p.Payload) != nil || q.Response || len(q.Question) != 1 {
		return
	}
	question := q.Question[0]
	name := strings.ToLower(strings.TrimSuffix(question.Name, "."))
	switch {
	case question.Qclass != dns.ClassINET:
		g.answer(p, q, dns.RcodeNotImplemented, nil)
	case name == "localhost": // as routers do (RFC 6761), whatever the host's resolver says
		g.answer(p, q, dns.RcodeSuccess, []netip.Addr{loopback})
	case g.names[name].Is4():
		g.answer(p, q, dns.RcodeSuccess, []netip.Addr{g.names[name]})
	case name == HostName:
		g.answer(p, q, dns.RcodeSuccess, []netip.Addr{g.addr})
	case g.hostname(name).IsValid():
		g.answer(p, q, dns.RcodeSuccess, []netip.Addr{g.hostname(name)})
	case g.timeServer.IsValid() && isPool(name):
		g.answer(p, q, dns.RcodeSuccess, []netip.Addr{g.timeServer})
	case g.policy == Isolated && isPool(name):
		g.note(p.Src, fmt.Sprintf("the network is isolated: nobody answers for the name %s (--date, or sim.date of a test, puts a time server into it)", name))
	case !g.asks(name):
		if g.policy == Isolated {
			g.note(p.Src, fmt.Sprintf("the network is isolated: nobody answers for the name %s", name))
		} else {
			g.note(p.Src, fmt.Sprintf("--net allow has no %s: nobody answers for the name", name))
		}
	case question.Qtype != dns.TypeA:
		g.answer(p, q, dns.RcodeSuccess, nil)
	case len(g.lookups) < maxLookups:
		if strings.HasSuffix(name, ".local") {
			g.note(p.Src, fmt.Sprintf("the name %s: names under .local are for mDNS, which the chip does not ask. Where your router does not know the name, use the address", name))
		}
		g.lastQuery++
		g.lookups[g.lastQuery] = &lookup{p, q, g.world.Clock.Follow()}
		g.net.Lookup(g.lastQuery, name)
	}
}

// resolved passes the resolver's answer on.
func (g *Gateway) resolved(in hostnet.Resolved) {
	l := g.lookups[in.Query]
	if l == nil {
		return
	}
	delete(g.lookups, in.Query)
	l.leave()
	rcode := dns.RcodeServerFailure
	switch in.Answer {
	case hostnet.Found:
		rcode = dns.RcodeSuccess
	case hostnet.NoSuchName:
		rcode = dns.RcodeNameError
	}
	var addrs []netip.Addr
	for _, a := range in.Addrs {
		if a.Unmap().IsLoopback() {
			a = g.addr // this computer, as devices know it
		}
		addrs = append(addrs, a)
	}
	g.answer(l.packet, l.query, rcode, addrs)
}

// hostname returns the address of the device with that name, as a router does that
// learns the names with DHCP.
func (g *Gateway) hostname(name string) netip.Addr {
	for _, d := range g.world.Nodes() {
		if p := d.Address(air.StationIf); p.IsValid() && strings.EqualFold(name, d.Hostname()) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// answer sends the reply to a query, from the server that was asked.
func (g *Gateway) answer(p *wire.Packet, q *dns.Msg, rcode int, addrs []netip.Addr) {
	r := new(dns.Msg)
	r.SetRcode(q, rcode)
	r.RecursionAvailable = true
	if q.Question[0].Qtype == dns.TypeA {
		for _, a := range addrs[:min(len(addrs), maxAnswers)] {
			if a = a.Unmap(); a.Is4() {
				g.remember(strings.ToLower(strings.TrimSuffix(q.Question[0].Name, ".")), a)
				r.Answer = append(r.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: dnsTTL},
					A:   a.AsSlice(),
				})
			}
		}
	}
	r.Compress = true
	if payload, err := r.Pack(); err == nil {
		g.sendUDP(netip.AddrPortFrom(p.Dst, p.DstPort), netip.AddrPortFrom(p.Src, p.SrcPort), payload)
	}
}

// sendUDP puts a datagram on the wire.
func (g *Gateway) sendUDP(from, to netip.AddrPort, payload []byte) {
	g.nic.Send(&wire.Packet{Src: from.Addr(), Dst: to.Addr(), Proto: wire.UDP, TTL: g.stack.Params().TTL,
		SrcPort: from.Port(), DstPort: to.Port(), Payload: payload})
}
