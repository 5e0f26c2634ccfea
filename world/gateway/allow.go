package gateway

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Allowed is a place that devices may reach under the policy Listed: a host by name, an
// address or a range of addresses, with one port or all.
type Allowed struct {
	Name  string       // in lower case, without a final dot; "" for addresses
	Addrs netip.Prefix // for no name
	Port  uint16       // 0: any
}

// ParseAllowed reads HOST[:PORT], where HOST is a name, an IPv4 address or a range such as
// 192.168.2.0/24. This computer is host.internal.
func ParseAllowed(text string) (Allowed, error) {
	var a Allowed
	host, port, hasPort := strings.Cut(text, ":")
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return a, fmt.Errorf("%q: a port is a number from 1 to 65535, as in %s:1883", text, host)
		}
		a.Port = uint16(n)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		host = netip.PrefixFrom(addr, addr.BitLen()).String()
	}
	if p, err := netip.ParsePrefix(host); err == nil {
		if !p.Addr().Is4() {
			return a, fmt.Errorf("%q: a device has no IPv6", text)
		}
		if p.Addr().IsLoopback() {
			return a, fmt.Errorf("%q is the device itself; this computer is %s", text, HostName)
		}
		a.Addrs = p.Masked()
		return a, nil
	}
	_, isName := dns.IsDomainName(host)
	switch {
	case host == "localhost":
		return a, fmt.Errorf("%q is the device itself; this computer is %s", text, HostName)
	case host == "" || !isName || strings.ContainsAny(host, "/ *"):
		return a, fmt.Errorf("%q: write HOST or HOST:PORT, with a name, an IPv4 address or a range such as 192.168.2.0/24", text)
	}
	a.Name = host
	return a, nil
}

// String is a as ParseAllowed reads it.
func (a Allowed) String() string {
	s := a.Name
	switch {
	case s != "":
	case a.Addrs.IsSingleIP():
		s = a.Addrs.Addr().String()
	default:
		s = a.Addrs.String()
	}
	if a.Port != 0 {
		s += fmt.Sprintf(":%d", a.Port)
	}
	return s
}

// asks reports whether the resolver may be asked for a name.
func (g *Gateway) asks(name string) bool {
	if g.policy != Listed {
		return g.policy == Host
	}
	for _, a := range g.allow {
		if a.Name == name {
			return true
		}
	}
	return false
}

// allows reports whether a device may send to an address of the outside.
func (g *Gateway) allows(to netip.AddrPort) bool {
	if g.policy != Listed {
		return g.policy == Host
	}
	for _, a := range g.allow {
		if a.Port != 0 && a.Port != to.Port() {
			continue
		}
		switch {
		case a.Name == "" && a.Addrs.Contains(to.Addr()), a.Name == HostName && to.Addr() == g.addr:
			return true
		case a.Name != "":
			for _, name := range g.resolvedTo[to.Addr()] {
				if name == a.Name {
					return true
				}
			}
		}
	}
	return false
}

// maxResolved bounds how many addresses are remembered with their names.
const maxResolved = 4096

// remember notes which name an address was given out for.
func (g *Gateway) remember(name string, addr netip.Addr) {
	names := g.resolvedTo[addr]
	for _, n := range names {
		if n == name {
			return
		}
	}
	if len(names) < maxAnswers && (len(names) > 0 || len(g.resolvedTo) < maxResolved) {
		g.resolvedTo[addr] = append(names, name)
	}
}

// called is an address outside as the log calls it: with the name that the device asked for.
func (g *Gateway) called(to netip.AddrPort) string {
	switch names := g.resolvedTo[to.Addr()]; {
	case to.Addr() == g.addr:
		return fmt.Sprintf("port %d of this computer (%s)", to.Port(), HostName)
	case len(names) > 0:
		return fmt.Sprintf("%s (%s)", to, names[0])
	}
	return to.String()
}

// bar is what keeps devices from an address.
func (g *Gateway) bar(to netip.AddrPort) string {
	if g.policy == Isolated {
		return "the network is isolated"
	}
	host := to.Addr().String()
	if names := g.resolvedTo[to.Addr()]; to.Addr() == g.addr {
		host = HostName
	} else if len(names) > 0 {
		host = names[0]
	}
	return fmt.Sprintf("--net allow has no %s:%d", host, to.Port())
}
