package clienttrace

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// answerTTL is how long the answers of the measurements are valid, in seconds.
const answerTTL = 60

// addDNS puts the measurements' server on the wire: lines of a name, an address or "nx",
// "noaddr", "silent", and perhaps a delay. Other names do not exist.
func (ps *peers) addDNS(script []string) error {
	type line struct {
		answer DNSAnswer
		silent bool
		delay  clock.Duration
	}
	lines := map[string]line{}
	for _, text := range script {
		f := strings.Fields(text)
		if len(f) < 2 {
			return fmt.Errorf("DNS script: %q", text)
		}
		l := line{}
		switch f[1] {
		case "nx":
			l.answer.Code = 3
		case "noaddr":
		case "silent":
			l.silent = true
		default:
			ip, err := netip.ParseAddr(f[1])
			if err != nil {
				return fmt.Errorf("DNS script: %q", text)
			}
			l.answer.IP, l.answer.TTL = ip, answerTTL
		}
		for _, option := range f[2:] {
			ms, err := strconv.Atoi(strings.TrimPrefix(option, "delay="))
			if err != nil {
				return fmt.Errorf("DNS script: %q", text)
			}
			l.delay = clock.Duration(ms) * clock.Millisecond
		}
		lines[f[0]] = l
	}
	var nic *wire.NIC
	nic = ps.wire.Attach("dns", func(p *wire.Packet) {
		if p.Proto != wire.UDP || p.DstPort != 53 || p.Dst != dnsServer {
			return
		}
		name := DNSName(p.Payload)
		ps.log(entry{"peer": "dns", "ev": "query", "name": name})
		l, ok := lines[name]
		if !ok {
			l.answer.Code = 3
		}
		if l.silent {
			return
		}
		reply := l.answer.Reply(p.Payload)
		reply[3] |= 0x80 // recursion available
		ps.wire.Clock().After(l.delay, func() {
			nic.Send(&wire.Packet{Src: dnsServer, Dst: p.Src, Proto: wire.UDP, TTL: 64,
				SrcPort: 53, DstPort: p.SrcPort, Payload: reply})
		})
	})
	nic.SetPrefix(netip.PrefixFrom(dnsServer, 24))
	return nil
}

// DNSName is the name that a query asks for.
func DNSName(q []byte) string {
	var labels []string
	for at := 12; at < len(q) && q[at] != 0; at += 1 + int(q[at]) {
		labels = append(labels, string(q[at+1:min(at+1+int(q[at]), len(q))]))
	}
	return strings.Join(labels, ".")
}

// DNSAnswer is what a server says to a query: an error code, or an address if there is
// one.
type DNSAnswer struct {
	Code byte
	IP   netip.Addr
	TTL  uint32 // seconds
}

// Reply makes the answer to a query.
func (a DNSAnswer) Reply(query []byte) []byte {
	r := append([]byte(nil), query...)
	r[2] |= 0x80
	r[3] |= a.Code
	if !a.IP.IsValid() {
		return r
	}
	r[7] = 1 // one answer
	r = append(r, 0xc0, 12, 0, 1, 0, 1)
	r = binary.BigEndian.AppendUint32(r, a.TTL)
	r = append(r, 0, 4)
	ip := a.IP.As4()
	return append(r, ip[:]...)
}
