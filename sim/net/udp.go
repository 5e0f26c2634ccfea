package net

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

var udpType = &vm.Type{Name: "net.udpsocket"}

func init() {
	udpType.Methods = []vm.Func{
		{Name: "listen", Fn: method((*server).listen, nil, (*socket).bind)},
		{Name: "close", Fn: method((*server).close, (*socket).close, (*socket).close)},
		{Name: "on", Fn: method(nil, (*socket).on, (*socket).on)},
		{Name: "send", Fn: method(nil, (*socket).send, (*socket).send)},
		{Name: "dns", Fn: method(nil, (*socket).dns, (*socket).dns)},
		{Name: "ttl", Fn: method(nil, (*socket).ttl, (*socket).ttl)},
		{Name: "getaddr", Fn: method((*server).getaddr, (*socket).getaddr, (*socket).getaddr)},
	}
	udpType.GC = func(o any) { o.(*socket).finalize() }
}

// createUDPSocket is net.createUDPSocket().
func (m *module) createUDPSocket(c *vm.Call) int {
	c.Push(m.v.NewObject(udpType, sizeUserdata, &socket{object: m.newObject(), isUDP: true}))
	return 1
}

// bind is udp:listen([port] [, ip]).
func (s *socket) bind(c *vm.Call) int {
	if s.udp != nil {
		c.Error("already listening")
	}
	port, ip, _ := listenArgs(c)
	s.openUDP(c, ip, port)
	return 0
}

// openUDP binds the socket or raises an error.
func (s *socket) openUDP(c *vm.Call, ip netip.Addr, port uint16) {
	u := s.m.stack.NewUDP()
	if u == nil {
		c.Error("cannot allocate PCB")
	}
	u.Owner = s
	u.OnRecv = s.datagram
	if err := u.Bind(ip, port); err != lwip.OK {
		u.Close()
		raise(c, err)
	}
	s.udp = u
	s.anchor(c, "UDP socket")
	s.state("UDP", u.LocalAddr(), netip.AddrPort{})
}

// datagram is the receive event of a UDP socket.
func (s *socket) datagram(data []byte, from netip.AddrPort) {
	if s.dead || s.udp == nil || s.self == 0 || s.onReceive == 0 {
		return
	}
	s.m.callback("receive", s.onReceive, s.value(), s.m.newString(string(data)), vm.Number(from.Port()),
		s.m.newString(string(addrText(from.Addr()))))
}

// sendTo is udp:send(port, ip, data [, fn]). The sent event happens within it,
// also when sending fails.
func (s *socket) sendTo(c *vm.Call) int {
	port := uint16(c.Int(2))
	if port == 0 {
		c.Error("need port")
	}
	ip, ok := lwip.ParseAddr(c.String(3))
	if !ok {
		c.Error("invalid IP address")
	}
	data := c.String(4)
	if data == "" {
		c.Error("no data to send")
	}
	if fn := function(c, 5); fn != nil {
		s.m.v.SetRef(&s.onSent, fn, s.refName("sent", "socket"))
	}
	if s.udp == nil {
		s.openUDP(c, lwip.AnyAddr, 0)
	}
	if s.self == 0 {
		c.Error("not connected")
	}
	data = data[:len(data)&0xffff] // the length of a buffer is 16 bits wide
	if len(data) > maxDatagram {
		c.Error("cannot allocate message buffer")
	}
	err := s.udp.SendTo([]byte(data), ip, port)
	if s.onSent != 0 {
		s.m.callback("sent", s.onSent, s.value())
	}
	if err != lwip.OK {
		raise(c, err)
	}
	return 0
}

// maxDatagram is the most that fits an IP packet, in bytes.
const maxDatagram = 65535 - 28
