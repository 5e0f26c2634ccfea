package net

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"testing"

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
		d, ok := lines[dnsName(p.Payload)]
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

func dnsName(q []byte) string {
	var labels []string
	for at := 12; at < len(q) && q[at] != 0; at += 1 + int(q[at]) {
		labels = append(labels, string(q[at+1:at+1+int(q[at])]))
	}
	return strings.Join(labels, ".")
}

func dnsReply(query []byte, d dnsLine) []byte {
	r := append([]byte(nil), query...)
	r[2] |= 0x80
	switch d.kind {
	case "nx":
		r[3] |= 3
		return r
	case "servfail":
		r[3] |= 2
		return r
	case "empty":
		return r
	case "badname":
		r[13] ^= 1
	}
	r[7] = 1 // one answer
	r = append(r, 0xc0, 12, 0, 1, 0, 1)
	r = binary.BigEndian.AppendUint32(r, d.ttl)
	r = append(r, 0, 4)
	ip := d.ip.As4()
	return append(r, ip[:]...)
}
