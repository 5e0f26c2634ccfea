package net

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// resolve is net.dns.resolve(name, fn): the callback gets nil and the address.
func (m *module) resolve(c *vm.Call) int {
	name := c.String(1)
	ref := m.v.Ref(c.Function(2), "dns callback")
	found := func(ip netip.Addr, ok bool) {
		var answer vm.Value = vm.Nil
		if ok && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			answer = m.NewString(string(addrText(ip)))
		}
		fn := m.v.Deref(ref)
		m.v.Unref(&ref) // before the call, which may end in an error
		m.Callback("dns", fn, vm.Nil, answer)
	}
	ip, err := m.Stack.Resolve(name, found)
	switch err {
	case lwip.OK:
		found(ip, true)
	case lwip.ErrProgress:
	default:
		m.v.Unref(&ref)
		raise(c, err)
	}
	return 0
}

// dns is socket:dns(name [, fn]). There is one dns handler for all requests of a
// socket.
func (s *socket) dns(c *vm.Call) int {
	name := c.String(2)
	if fn := function(c, 3); fn != nil {
		s.SetCallback(&s.onDNS, "dns", "socket", fn)
	}
	if s.onDNS == 0 {
		c.Error("no callback specified")
	}
	s.resolving++
	anchored := s.Anchor(c.Arg(1), "socket")
	ip, err := s.m.Stack.Resolve(name, s.resolved)
	switch err {
	case lwip.OK:
		s.resolved(ip, true)
	case lwip.ErrProgress:
	default:
		s.resolving--
		if anchored {
			s.Release()
		}
		raise(c, err)
	}
	return 0
}

// setDNSServer is net.dns.setdnsserver(ip [, index]).
func (m *module) setDNSServer(c *vm.Call) int {
	text := c.String(1)
	ip, ok := lwip.ParseAddr(text)
	if len(text) > 16 || !ok || ip == lwip.AnyAddr || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		c.Error("invalid dns server ip")
	}
	m.Stack.SetDNS(dnsIndex(c, 2), ip) // which ignores an index out of range
	return 0
}

// getDNSServer is net.dns.getdnsserver([index]).
func (m *module) getDNSServer(c *vm.Call) int {
	ip := m.Stack.DNS(dnsIndex(c, 1))
	if ip == lwip.AnyAddr {
		return c.ReturnNil()
	}
	return c.Return(addrText(ip))
}

// dnsIndex reads the number of a server. The firmware lets negative ones pass to
// lwIP, which takes a byte: -256 is 0, and for -1 there is no server.
func dnsIndex(c *vm.Call, n int) int {
	i := c.OptInt(n, 0)
	if i > 1 {
		c.Error("server index out of range [0-1]")
	}
	return int(uint8(i))
}
