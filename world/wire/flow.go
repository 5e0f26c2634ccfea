package wire

import (
	"net/netip"
)

// Flow is what packets of one socket have in common: a connection, or everything
// to and from a local port when Remote is not valid. As a Rule it drops them all.
type Flow struct {
	Host          string // as in Match
	UDP           bool
	Local, Remote netip.AddrPort
}

// Judge implements Rule: packets of the flow, either way, are dropped.
func (f Flow) Judge(p Passage, fate *Fate) {
	k := p.Packet
	if f.UDP != (k.Proto == UDP) || !f.UDP && k.Proto != TCP {
		return
	}
	src, dst := netip.AddrPortFrom(k.Src, k.SrcPort), netip.AddrPortFrom(k.Dst, k.DstPort)
	here := func(a netip.AddrPort, n *NIC) bool {
		if f.Local.Addr().IsUnspecified() {
			return a.Port() == f.Local.Port() && n != nil && n.Host == f.Host
		}
		return a == f.Local
	}
	there := func(a netip.AddrPort) bool { return !f.Remote.IsValid() || a == f.Remote }
	if here(src, p.From) && there(dst) || here(dst, p.To) && there(src) {
		fate.Drop = "link cut at the console"
	}
}
