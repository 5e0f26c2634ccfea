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
	c.Push(m.v.NewObject(udpType, sizeUserdata, &socket{Object: m.NewObject(), m: m, isUDP: true}))
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
	u := s.m.Stack.NewUDP()
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
	s.Anchor(c.Arg(1), "UDP socket")
	s.State("UDP", u.LocalAddr(), netip.AddrPort{})
}

// datagram is the receive event of a UDP socket.
func (s *socket) datagram(data []byte, from netip.AddrPort) {
	if s.Dead || s.udp == nil || !s.Anchored() || s.onReceive == 0 {
		return
	}
	s.peer = from
	s.m.Callback("receive", s.m.v.Deref(s.onReceive), s.Value(), s.m.NewString(string(data)), vm.Number(from.Port()),
		s.m.NewString(string(addrText(from.Addr()))))
}

// sendTo is udp:send(port, ip, data [, fn]). The sent event happens within it,
// also when sending fails.
func (s *socket) sendTo(c *vm.Call) int {
	if s.m.legacy && c.NArgs() < 4 {
		s.addPeer(c)
	}
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
		s.SetCallback(&s.onSent, "sent", "socket", fn)
	}
	if s.udp == nil {
		s.openUDP(c, lwip.AnyAddr, 0)
	}
	if !s.Anchored() {
		c.Error("not connected")
	}
	data = data[:len(data)&0xffff] // the length of a buffer is 16 bits wide
	if len(data) > maxDatagram {
		c.Error("cannot allocate message buffer")
	}
	err := s.udp.SendTo([]byte(data), ip, port)
	if s.onSent != 0 {
		s.m.Callback("sent", s.m.v.Deref(s.onSent), s.Value())
	}
	if err != lwip.OK {
		raise(c, err)
	}
	return 0
}

// maxDatagram is the most that fits an IP packet, in bytes.
const maxDatagram = 65535 - 28
