package net

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/internal/clienttrace"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// dnsServerAddr is where the scripted DNS server of the scenarios is.
var dnsServerAddr = netip.MustParseAddr("192.168.1.53")

type dnsLine struct {
	kind  string
	ip    netip.Addr
	ttl   uint32
	delay clock.Duration
}

// addDNSServer puts a server on the wire that answers as the script says: lines
// of name, kind, address, TTL and delay in ms.
func addDNSServer(t *testing.T, w *wire.Wire, script []string) {
	t.Helper()
	lines := map[string]dnsLine{}
	for _, l := range script {
		f := strings.Fields(l)
		d := dnsLine{kind: f[1]}
		if len(f) > 2 {
			d.ip = netip.MustParseAddr(f[2])
		}
		if len(f) > 3 {
			n, _ := strconv.Atoi(f[3])
			d.ttl = uint32(n)
		}
		if len(f) > 4 {
			n, _ := strconv.Atoi(f[4])
			d.delay = clock.Duration(n) * clock.Millisecond
		}
		lines[f[0]] = d
	}
	var nic *wire.NIC
	nic = w.Attach("dns", func(p *wire.Packet) {
		if p.Proto != wire.UDP || p.DstPort != 53 || p.Dst != dnsServerAddr {
			return
		}
		d, ok := lines[clienttrace.DNSName(p.Payload)]
		if !ok || d.kind == "silent" {
			return
		}
		reply := dnsReply(p.Payload, d)
		w.Clock().After(d.delay, func() {
			nic.Send(&wire.Packet{Src: dnsServerAddr, Dst: p.Src, Proto: wire.UDP, TTL: 64,
				SrcPort: 53, DstPort: p.SrcPort, Payload: reply})
		})
	})
	nic.SetPrefix(netip.PrefixFrom(dnsServerAddr, 24))
}

func dnsReply(query []byte, d dnsLine) []byte {
	answer := clienttrace.DNSAnswer{IP: d.ip, TTL: d.ttl}
	switch d.kind {
	case "nx":
		answer = clienttrace.DNSAnswer{Code: 3}
	case "servfail":
		answer = clienttrace.DNSAnswer{Code: 2}
	case "empty":
		answer = clienttrace.DNSAnswer{}
	}
	r := answer.Reply(query)
	if d.kind == "badname" {
		r[13] ^= 1
	}
	return r
}
