package net

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// socket is a net.tcpsocket or a net.udpsocket.
type socket struct {
	sockets.Object
	m    *module
	conn *lwip.TCPConn   // TCP
	udp  *lwip.UDPSocket // UDP

	isUDP     bool
	resolving int  // names being looked up for the socket
	hold      bool // TCP: do not give the receive window back

	// Callbacks. They live until they are replaced or the object dies.
	onConnection, onReconnection, onDisconnection vm.Ref
	onReceive, onSent, onDNS                      vm.Ref

	peer netip.AddrPort // UDP, in a legacy build: where send(data) goes

	inReceive bool // the receive handler runs
	ended     bool // the end handler runs
}

var socketType = &vm.Type{Name: "net.tcpsocket"}

func init() {
	socketType.Methods = []vm.Func{
		{Name: "connect", Fn: method(nil, (*socket).connect, nil)},
		{Name: "close", Fn: method((*server).close, (*socket).close, (*socket).close)},
		{Name: "on", Fn: method(nil, (*socket).on, (*socket).on)},
		{Name: "send", Fn: method(nil, (*socket).send, (*socket).send)},
		{Name: "hold", Fn: method(nil, (*socket).holdBack, nil)},
		{Name: "unhold", Fn: method(nil, (*socket).unhold, nil)},
		{Name: "dns", Fn: method(nil, (*socket).dns, (*socket).dns)},
		{Name: "ttl", Fn: method(nil, (*socket).ttl, (*socket).ttl)},
		{Name: "getpeer", Fn: method(nil, (*socket).getpeer, nil)},
		{Name: "getaddr", Fn: method((*server).getaddr, (*socket).getaddr, (*socket).getaddr)},
	}
	socketType.GC = func(o any) { o.(*socket).finalize() }
}

// createConnection is net.createConnection().
func (m *module) createConnection(c *vm.Call) int {
	switch typ, secure := c.Arg(1), c.Arg(2); {
	case m.legacy:
		return m.createConnectionOld(c)
	case typ == vm.Number(typeUDP):
		m.Hints.Here("net.createConnection takes no type since firmware 3.0: this is a TCP socket. Use net.createUDPSocket() for UDP, or run with --legacy ([firmware] legacy = true)")
	case secure == vm.Number(1):
		m.Hints.Here("net.createConnection makes no secure connection since firmware 2.1: this one is plain. tls.createConnection() does")
	}
	return m.newSocket(c)
}

// newSocket makes a TCP socket.
func (m *module) newSocket(c *vm.Call) int {
	c.Push(m.v.NewObject(socketType, sizeUserdata, &socket{Object: m.NewObject(), m: m}))
	return 1
}

// adopt makes the connection's events the socket's.
func (s *socket) adopt(conn *lwip.TCPConn) {
	s.conn = conn
	conn.Owner = s
	conn.OnRecv = s.received
	conn.OnSent = func(*lwip.TCPConn, int) lwip.Err { return s.sent() }
	conn.OnError = s.over
}

// Events from the stack. They are refused when the script has closed the socket,
// which ends the processing of the segment without an answer to it. The stack's
// connection may be an older one than the socket's: the firmware does not look.

func (s *socket) refuses() bool { return s.Dead || s.conn == nil || !s.Anchored() }

// connected is the connection event.
func (s *socket) connected(conn *lwip.TCPConn) lwip.Err {
	if s.Dead || s.conn != conn {
		return lwip.ErrAbort
	}
	if s.Anchored() && s.onConnection != 0 {
		s.m.Callback("connection", s.m.v.Deref(s.onConnection), s.Value())
	}
	return lwip.OK
}

// received is the receive event, once per packet, or the peer's FIN.
func (s *socket) received(conn *lwip.TCPConn, data [][]byte) lwip.Err {
	if s.refuses() {
		return lwip.ErrAbort
	}
	if data == nil {
		s.over(lwip.OK)
		return conn.Close()
	}
	if s.onReceive != 0 {
		s.inReceive = true
		for _, d := range data {
			s.m.Callback("receive", s.m.v.Deref(s.onReceive), s.Value(), s.m.NewString(string(d)))
		}
		s.inReceive = false
	}
	if s.hold {
		conn.Recved(0)
	} else {
		conn.Recved(s.m.Stack.Params().Window)
	}
	return lwip.OK
}

func (s *socket) sent() lwip.Err {
	if s.refuses() {
		return lwip.ErrAbort
	}
	if s.onSent != 0 {
		s.m.Callback("sent", s.m.v.Deref(s.onSent), s.Value())
	}
	return lwip.OK
}

// over is the end of a connection: the peer's FIN (OK), a RST, or an abort. The
// anchor goes only after the handler, which is why a connect inside it is deaf.
func (s *socket) over(err lwip.Err) {
	if s.Dead || !s.Anchored() {
		return
	}
	conn := s.conn
	s.conn = nil
	if conn != nil {
		s.State(endState(err), conn.LocalAddr(), conn.RemoteAddr())
	}
	ref, what := s.onDisconnection, "disconnection"
	if err != lwip.OK && s.onReconnection != 0 {
		ref, what = s.onReconnection, "reconnection"
	}
	if ref != 0 {
		s.ended = true
		s.m.Callback(what, s.m.v.Deref(ref), s.Value(), vm.Number(err))
		s.ended = false
	}
	if s.resolving == 0 {
		s.Release()
		s.hintLeak()
	}
}

// hintLeak tells of a connection that is over and whose socket stays for ever,
// because one of its handlers holds it: handlers are not dropped at the end.
func (s *socket) hintLeak() {
	if !s.Adopted {
		return // the program made it and may want it again
	}
	v := s.m.v
	for _, name := range events {
		ref := s.handler(name)
		if *ref == 0 {
			continue
		}
		if fn, ok := v.Deref(*ref).(*vm.Function); ok && v.Captures(fn, s) {
			s.m.Hints.Once("leak "+name, "%s is closed but stays in memory: its %s handler uses the socket as an upvalue. Use the handler's argument instead, or remove the handler with on(%q, nil)", s, name, name)
			return
		}
	}
}

func endState(err lwip.Err) string {
	switch err {
	case lwip.OK:
		return "CLOSED by peer"
	case lwip.ErrReset:
		return "RESET by peer"
	}
	return "ABORTED"
}

// connect is socket:connect(port [, host] [, fn]).
func (s *socket) connect(c *vm.Call) int {
	m := s.m
	if s.conn != nil {
		c.Error("already connected")
	}
	port := uint16(c.Int(2))
	if port == 0 {
		c.Error("specify port")
	}
	host := "127.0.0.1"
	if c.IsString(3) {
		host = c.String(3)
	}
	if c.NArgs() > 3 {
		fn := function(c, 4)
		if fn == nil {
			c.ArgError(4, "not a function")
		}
		s.SetCallback(&s.onConnection, "connection", "socket", fn)
	}
	if s.ended {
		m.Hints.Here("connect() inside a disconnection or reconnection handler makes a connection without events: connect from a task")
	}
	conn := m.Stack.NewTCP()
	if conn == nil {
		c.Error("cannot allocate PCB")
	}
	s.adopt(conn)
	conn.SetRemotePort(port)
	s.resolving++
	anchored := s.Anchor(c.Arg(1), "socket")
	ip, err := m.Stack.Resolve(host, s.resolved)
	switch err {
	case lwip.OK:
		s.resolved(ip, true)
	case lwip.ErrProgress:
	default:
		s.resolving--
		if anchored {
			s.Release()
		}
		conn.Abort()
		s.conn = nil
		raise(c, err)
	}
	return 0
}

// resolved is the end of a look-up: the dns event, and then the connection that
// waited for it. Without an answer that goes to 255.255.255.255, as in the
// firmware.
func (s *socket) resolved(ip netip.Addr, ok bool) {
	if s.Dead {
		return
	}
	m := s.m
	none := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if !ok {
		ip = none
	}
	if s.Anchored() && s.onDNS != 0 {
		var answer vm.Value = vm.Nil
		if ip != none {
			answer = m.NewString(string(addrText(ip)))
		}
		m.Callback("dns", m.v.Deref(s.onDNS), s.Value(), answer)
	}
	s.resolving--
	switch {
	case s.conn != nil && s.conn.State() == lwip.Closed:
		if ip == none {
			m.Hints.Once("no name", "%s: the name has no address, so connect() goes on to 255.255.255.255 and fails after 6 s: close the socket when dns says nil", s)
		}
		conn := s.conn
		conn.OnConnected = s.connected
		if conn.Connect(ip, conn.RemoteAddr().Port()) == lwip.OK {
			s.State("SYN_SENT", conn.LocalAddr(), conn.RemoteAddr())
		}
	case s.conn == nil && s.udp == nil && s.resolving == 0:
		s.Release()
	}
}

// send is socket:send(data [, fn]), or udp:send(port, ip, data [, fn]).
func (s *socket) send(c *vm.Call) int {
	if s.isUDP {
		return s.sendTo(c)
	}
	m := s.m
	data := c.String(2)
	if data == "" {
		c.Error("no data to send")
	}
	if fn := function(c, 3); fn != nil {
		s.SetCallback(&s.onSent, "sent", "socket", fn)
	}
	if s.conn == nil || !s.Anchored() {
		c.Error("not connected")
	}
	if n := len(data); n > 0xffff {
		m.Hints.Here("send() takes the length modulo 65536: %d of %d bytes are sent", n&0xffff, n)
		data = data[:n&0xffff]
	}
	if err := s.conn.Write([]byte(data)); err != lwip.OK {
		if err == lwip.ErrMem && len(data) > s.conn.SendSpace() {
			m.Hints.Here("send() of %d bytes with room for %d raises \"out of memory\" and queues nothing: wait for the sent event", len(data), s.conn.SendSpace())
		}
		raise(c, err)
	}
	return 0
}

// holdBack is socket:hold().
func (s *socket) holdBack(*vm.Call) int {
	if s.conn != nil {
		s.hold = true
	}
	return 0
}

// unhold is socket:unhold().
func (s *socket) unhold(*vm.Call) int {
	if s.hold && s.conn != nil {
		s.hold = false
		s.conn.AckNow()
		s.conn.Recved(s.m.Stack.Params().Window)
	}
	return 0
}

// getpeer is socket:getpeer().
func (s *socket) getpeer(c *vm.Call) int {
	if s.conn == nil {
		return c.Return(vm.Nil, vm.Nil)
	}
	return pushAddr(c, s.conn.RemoteAddr())
}

// getaddr is socket:getaddr() and udp:getaddr().
func (s *socket) getaddr(c *vm.Call) int {
	switch {
	case s.conn != nil:
		return pushAddr(c, s.conn.LocalAddr())
	case s.udp != nil:
		return pushAddr(c, s.udp.LocalAddr())
	}
	return c.Return(vm.Nil, vm.Nil)
}

// ttl is socket:ttl([n]) and udp:ttl([n]). One byte of n is stored; n itself is
// returned.
func (s *socket) ttl(c *vm.Call) int {
	var field *uint8
	switch {
	case s.conn != nil:
		field = &s.conn.TTL
	case s.udp != nil:
		field = &s.udp.TTL
	default:
		c.Error("socket is not open/bound yet")
	}
	n := c.OptInt(2, -1)
	if n == -1 {
		n = int(*field)
	} else {
		*field = uint8(n)
	}
	return c.ReturnInt(n)
}

// on is socket:on(event, fn) and udp:on(event, fn).
func (s *socket) on(c *vm.Call) int {
	name := vm.CString(c.String(2))
	ref := s.handler(name)
	if ref == nil {
		c.Error("invalid callback name")
	}
	switch fn := c.Arg(3).(type) {
	case *vm.Function:
		s.SetCallback(ref, name, "socket", fn)
	default:
		if c.IsNone(3) || !c.IsNoneOrNil(3) {
			c.Error("invalid callback function")
		}
		s.SetCallback(ref, name, "socket", nil)
	}
	return 0
}

// handler returns where the callback of an event is kept, nil for no event.
func (s *socket) handler(name string) *vm.Ref {
	switch name {
	case "dns":
		return &s.onDNS
	case "receive":
		return &s.onReceive
	case "sent":
		return &s.onSent
	}
	if !s.isUDP {
		switch name {
		case "connection":
			return &s.onConnection
		case "disconnection":
			return &s.onDisconnection
		case "reconnection":
			return &s.onReconnection
		}
	}
	return nil
}

var events = []string{"connection", "reconnection", "disconnection", "receive", "sent", "dns"}

// Callbacks lists the events that have one.
func (s *socket) Callbacks() []sockets.Callback {
	var out []sockets.Callback
	for _, name := range events {
		if ref := s.handler(name); ref != nil && *ref != 0 {
			out = append(out, sockets.Callback{Name: name, Ref: *ref})
		}
	}
	return out
}

// Over reports whether the socket has no connection and waits for none.
func (s *socket) Over() bool { return s.conn == nil && s.udp == nil && s.resolving == 0 }

// String names the socket for people.
func (s *socket) String() string { return fmt.Sprintf("socket %d", s.ID) }

// close is socket:close() and udp:close().
func (s *socket) close(c *vm.Call) int {
	switch {
	case s.conn != nil:
		s.closeTCP()
	case s.udp != nil:
		s.udp.Close()
		s.udp = nil
	default:
		c.Error("not connected")
	}
	if s.resolving == 0 {
		s.Release()
		s.hintLeak()
	}
	return 0
}

func (s *socket) closeTCP() {
	conn := s.conn
	if n := conn.Unread(); n > 0 {
		queued := conn.Queued()
		switch {
		case s.inReceive:
			s.m.Hints.Here("close() inside receive reset the connection and discarded %d queued bytes: close from the sent callback or a task instead", queued)
		case s.hold:
			s.m.Hints.Here("close() of a held socket with %d received bytes outstanding reset the connection and discarded %d queued bytes: unhold first", n, queued)
		default:
			s.m.Hints.Here("close() before %d received bytes were delivered reset the connection and discarded %d queued bytes: close from a task instead", n, queued)
		}
	}
	s.State("CLOSED", conn.LocalAddr(), conn.RemoteAddr())
	if conn.Close() != lwip.OK {
		s.m.Hints.Here("close() with a full send buffer resets the connection: wait for the sent event")
		conn.OnError = nil
		conn.Abort()
	}
	s.conn = nil
}

// finalize is what the collector does to a socket that nobody holds.
func (s *socket) finalize() {
	m := s.m
	if s.conn != nil {
		s.conn.OnError = nil
		if s.conn.State() != lwip.Closed {
			m.Hints.Once("collected", "%s: the program no longer holds it, so it was collected and the connection reset", s)
		}
		s.conn.Abort()
		s.conn = nil
	}
	if s.udp != nil {
		s.udp.Close()
		s.udp = nil
	}
	for _, name := range events {
		if ref := s.handler(name); ref != nil {
			m.v.Unref(ref)
		}
	}
	s.Release()
	s.Dead = true
}
