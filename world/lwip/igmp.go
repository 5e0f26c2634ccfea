package lwip

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Multicast groups: joining, leaving, and telling the router so by IGMP version 2 (fw:
// app/lwip/core/ipv4/igmp.c, RFC 2236). Queries of a router are not answered: no router of
// a world asks, and the wire brings group packets to every host.

// IGMP types (RFC 2236, 2.1).
const (
	typeReport = 0x16
	typeLeave  = 0x17
)

// reportDelay is within how many timeouts of igmpInterval the second report follows the
// first (fw: app/include/lwip/igmp.h, IGMP_JOIN_DELAYING_MEMBER_TMR).
const reportDelay = 5

var allRouters = netip.AddrFrom4([4]byte{224, 0, 0, 2})

// group is a multicast group that an interface belongs to.
type group struct {
	netif  int // everyNetif for the all-systems group
	addr   netip.Addr
	uses   int
	report int // timeouts until the second report, 0: it is sent
}

const everyNetif = -1

// member reports whether an interface belongs to a group.
func (s *Stack) member(netif int, addr netip.Addr) bool {
	for i := range s.groups {
		if g := &s.groups[i]; g.addr == addr && (g.netif == netif || g.netif == everyNetif) {
			return true
		}
	}
	return false
}

// joins reports whether a group's address may be joined and left.
func joins(addr netip.Addr) bool { return addr.Is4() && addr.IsMulticast() && addr != allSystems }

// on lists the interfaces with an address, AnyAddr: all.
func (s *Stack) on(addr netip.Addr) (netifs []int) {
	for i := range max(len(s.netifs), 1) { // the first one is there from boot on
		if isAny(addr) || s.Netif(i).Prefix.Addr() == addr {
			netifs = append(netifs, i)
		}
	}
	return netifs
}

// JoinGroup makes the interface with the address on, AnyAddr: all, receive packets for a
// multicast group; LeaveGroup undoes one JoinGroup.
func (s *Stack) JoinGroup(on, addr netip.Addr) Err {
	netifs := s.on(on)
	if !joins(addr) || len(netifs) == 0 {
		return ErrValue
	}
	for _, n := range netifs {
		if g := s.group(n, addr); g != nil {
			g.uses++
			continue
		}
		if !s.alloc(KindIGMP, sizeIGMP) {
			return ErrMem
		}
		s.timers.catchUp()
		g := group{netif: n, addr: addr, uses: 1}
		if s.p.Reports {
			s.report(typeReport, n, addr, addr)
			g.report = max(int(s.host.Rand()%reportDelay), 1)
		}
		s.groups = append(s.groups, g)
		s.timers.quiet()
	}
	return OK
}

// LeaveGroup is described at JoinGroup.
func (s *Stack) LeaveGroup(on, addr netip.Addr) Err {
	err := ErrValue
	for _, n := range s.on(on) {
		g := s.group(n, addr)
		if g == nil || !joins(addr) {
			continue
		}
		err = OK
		if g.uses--; g.uses > 0 {
			continue
		}
		for i := range s.groups {
			if &s.groups[i] == g {
				s.groups = append(s.groups[:i], s.groups[i+1:]...)
				break
			}
		}
		if s.p.Reports {
			s.report(typeLeave, n, allRouters, addr)
		}
		s.release(KindIGMP, sizeIGMP)
	}
	return err
}

func (s *Stack) group(netif int, addr netip.Addr) *group {
	for i := range s.groups {
		if g := &s.groups[i]; g.netif == netif && g.addr == addr {
			return g
		}
	}
	return nil
}

// report sends an IGMP message about a group.
func (s *Stack) report(kind uint8, netif int, dst, addr netip.Addr) {
	n := s.Netif(netif)
	if !n.Up || !n.Prefix.IsValid() || !s.momentary(KindPbuf, pbufTransport+igmpReportLen) {
		return
	}
	a := addr.As4()
	s.ipID++
	s.host.Transmit(netif, &wire.Packet{Src: n.Prefix.Addr(), Dst: dst, Proto: wire.IGMP, TTL: 1, Type: kind, Payload: a[:]})
}

// reporting reports whether a group's second report is due.
func (s *Stack) reporting() bool {
	for i := range s.groups {
		if s.groups[i].report > 0 {
			return true
		}
	}
	return false
}

// countReports counts the packets of the reports about the all-systems group, one on each
// interface, which nobody ever looks at.
func (s *Stack) countReports() {
	for _, n := range s.netifs {
		if n.Up {
			s.ipID++
		}
	}
}

// igmpTick runs every 100 ms (fw: igmp_tmr).
func (s *Stack) igmpTick() {
	for i := range s.groups {
		if g := &s.groups[i]; g.report > 0 {
			if g.report--; g.report == 0 {
				s.report(typeReport, g.netif, g.addr, g.addr)
			}
		}
	}
}
