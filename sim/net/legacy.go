package net

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// What programs older than release 3.0 call, in a legacy build: constructors that are
// told the type, and UDP sockets with a peer, as if they were connections (fw:
// docs/en/modules/net.md and app/modules/net.c of releases 1.5.4 to 2.2).

// createServerOld is net.createServer(type[, timeout]). A first argument that is neither
// net.TCP nor net.UDP is a timeout, as today.
func (m *module) createServerOld(c *vm.Call) int {
	switch c.OptInt(1, typeTCP) {
	case typeUDP:
		return m.createUDPSocket(c)
	case typeTCP:
		return m.newServer(c, c.OptInt(2, 30))
	}
	c.Error("invalid type")
	return 0
}

// createConnectionOld is net.createConnection([type[, secure]]).
func (m *module) createConnectionOld(c *vm.Call) int {
	switch c.OptInt(1, typeTCP) {
	case typeUDP:
		return m.createUDPSocket(c)
	case typeTCP:
	default:
		c.Error("invalid type")
	}
	if c.OptInt(2, 0) == 0 {
		return m.newSocket(c)
	}
	tls, ok := m.v.RawGetString(m.v.ROMGlobals(), "tls").(*vm.Table)
	if !ok {
		c.Error("secure connections not enabled")
	}
	return c.Return(c.Invoke(m.v.RawGetString(tls, "createConnection"), 1)[0])
}

// connectUDP is udp:connect(port, ip), which send(data) then goes to.
var connectUDP = vm.Func{Name: "connect", Fn: method(nil, nil, func(s *socket, c *vm.Call) int {
	port := uint16(c.Int(2))
	if port == 0 {
		c.Error("specify port")
	}
	ip, ok := lwip.ParseAddr(c.String(3))
	if !ok {
		c.Error("invalid IP address")
	}
	s.peer = netip.AddrPortFrom(ip, port)
	if s.udp == nil {
		s.openUDP(c, lwip.AnyAddr, 0)
	}
	return 0
})}

// addPeer makes udp:send(data[, fn]) what udp:send(port, ip, data[, fn]) is: it goes to the
// peer of connect, or else to whoever sent last.
func (s *socket) addPeer(c *vm.Call) {
	if !s.peer.IsValid() {
		c.Error("not connected")
	}
	self, data, fn := c.Arg(1), c.Arg(2), c.Arg(3)
	c.SetTop(0)
	for _, x := range []vm.Value{self, vm.Number(s.peer.Port()), vm.String(addrText(s.peer.Addr())), data, fn} {
		c.Push(x)
	}
}
