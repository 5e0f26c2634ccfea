package peer

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// Where multicast DNS lives (RFC 6762, 3).
var mdnsGroup = netip.MustParseAddrPort("224.0.0.251:5353")

const (
	mdnsRetry   = clock.Second // RFC 6762, 5.2: at least a second apart
	mdnsRetries = 3
)

// ErrNoAnswer is what LookupLocal says when nobody has the name.
var ErrNoAnswer = errors.New("no answer to the mDNS query")

// LookupLocal asks the hosts on the wire by multicast DNS for the address of a
// name such as "fishtank.local", at most three times, a second apart (a one-shot
// query, RFC 6762, 5.1). fn is called once.
func (h *Host) LookupLocal(name string, fn func(netip.Addr, error)) error {
	return h.QueryLocal(name, dns.TypeA, func(m *dns.Msg) bool {
		if m == nil {
			fn(netip.Addr{}, ErrNoAnswer)
			return true
		}
		for _, rr := range m.Answer {
			if a, ok := rr.(*dns.A); ok && strings.EqualFold(a.Hdr.Name, dns.Fqdn(name)) {
				if addr, ok := netip.AddrFromSlice(a.A.To4()); ok {
					fn(addr, nil)
					return true
				}
			}
		}
		return false
	})
}

// QueryLocal sends a multicast DNS question, such as dns.TypePTR for
// "_http._tcp.local". fn gets every answer until it returns true; nil when the
// time is over without that.
func (h *Host) QueryLocal(name string, qtype uint16, fn func(*dns.Msg) (done bool)) error {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	q.Id = uint16(h.clock.Now()) // any; not the package's random one
	q.RecursionDesired = false
	raw, err := q.Pack()
	if err != nil {
		return err
	}
	u, err := h.ListenUDP(0)
	if err != nil {
		return err
	}
	var next *clock.Event
	left := mdnsRetries
	var ask func()
	ask = func() {
		if left == 0 {
			u.Close()
			fn(nil)
			return
		}
		left--
		u.SendTo(raw, mdnsGroup)
		next = h.clock.After(mdnsRetry, ask)
	}
	u.OnData = func(data []byte, _ netip.AddrPort) {
		m := new(dns.Msg)
		if m.Unpack(data) == nil && m.Response && m.Id == q.Id && fn(m) {
			next.Stop()
			u.Close()
		}
	}
	ask()
	return nil
}
