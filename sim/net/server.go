package net

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// server is a net.tcpserver.
type server struct {
	sockets.Object
	m        *module
	listener *lwip.TCPConn
	accept   vm.Ref
	timeout  int // of accepted connections, in seconds
}

var serverType = &vm.Type{Name: "net.tcpserver"}

func init() {
	serverType.Methods = []vm.Func{
		{Name: "listen", Fn: method((*server).listen, nil, (*socket).bind)},
		{Name: "getaddr", Fn: method((*server).getaddr, (*socket).getaddr, (*socket).getaddr)},
		{Name: "close", Fn: method((*server).close, (*socket).close, (*socket).close)},
	}
	serverType.GC = func(o any) { o.(*server).finalize() }
}

// createServer is net.createServer([timeout]).
func (m *module) createServer(c *vm.Call) int {
	timeout := c.OptInt(1, 30)
	if typed := c.NArgs() > 1 || timeout == typeUDP; typed || timeout == typeTCP {
		if m.legacy {
			return m.createServerOld(c)
		}
		m.Hints.Here("net.createServer takes no type since firmware 3.0: this is a TCP server with a timeout of %d s, as net.createServer(%d). Leave net.TCP out, use net.createUDPSocket() for UDP, or run with --legacy ([firmware] legacy = true)", timeout, timeout)
	}
	return m.newServer(c, timeout)
}

// newServer makes a server whose connections end after timeout seconds of silence.
func (m *module) newServer(c *vm.Call, timeout int) int {
	c.Push(m.v.NewObject(serverType, sizeUserdata, &server{Object: m.NewObject(), m: m, timeout: timeout}))
	return 1
}

// listen is server:listen([port] [, ip], fn).
func (s *server) listen(c *vm.Call) int {
	m := s.m
	if s.listener != nil {
		c.Error("already listening")
	}
	port, ip, next := listenArgs(c)
	fn := function(c, next)
	if fn == nil {
		c.Error("need callback")
	}
	s.SetCallback(&s.accept, "listen", "server", fn)
	conn := m.Stack.NewTCP()
	if conn == nil {
		c.Error("cannot allocate PCB")
	}
	conn.ReuseAddr = true
	err := conn.Bind(ip, port)
	if err == lwip.OK {
		s.listener = conn.Listen()
		if s.listener == nil {
			err = lwip.ErrMem
			m.Hints.Here("port %d has a listener already: listen() calls that \"out of memory\"", port)
		}
	}
	if err != lwip.OK {
		conn.Close()
		raise(c, err)
	}
	s.listener.Owner = s
	s.listener.OnAccept = s.accepted
	s.Anchor(c.Arg(1), "server")
	s.State("LISTEN", s.listener.LocalAddr(), netip.AddrPort{})
	return 0
}

// listenArgs reads [port] [, ip] from argument 2 on and returns the number of
// the argument behind them. A port counts modulo 65536.
func listenArgs(c *vm.Call) (port uint16, ip netip.Addr, next int) {
	next = 2
	if c.IsNumber(next) {
		port = uint16(c.Int(next))
		next++
	}
	ip = lwip.AnyAddr
	if c.IsString(next) {
		a, ok := lwip.ParseAddr(c.String(next))
		if !ok {
			c.Error("invalid IP address")
		}
		ip = a
		next++
	}
	return port, ip, next
}

// accepted makes a socket of a connection and hands it to the program.
func (s *server) accepted(conn *lwip.TCPConn) lwip.Err {
	m := s.m
	if s.Dead || s.listener == nil || !s.Anchored() || s.accept == 0 {
		return lwip.ErrAbort
	}
	k := &socket{Object: m.NewObject(), m: m}
	k.Site, k.Adopted = s.Site, true
	ud := m.v.NewObject(socketType, sizeUserdata, k)
	k.Anchor(ud, "accepted socket")
	k.adopt(conn)
	conn.KeepAlive = true
	conn.KeepIdle = uint32(s.timeout) * 1000
	conn.KeepCount = 1
	k.State("ESTABLISHED", conn.LocalAddr(), conn.RemoteAddr())
	m.Callback("listen", m.v.Deref(s.accept), ud)
	// The firmware does not look whether the program has closed it meanwhile.
	return k.connected(k.conn)
}

// getaddr is server:getaddr().
func (s *server) getaddr(c *vm.Call) int {
	if s.listener == nil {
		return c.Return(vm.Nil, vm.Nil)
	}
	return pushAddr(c, s.listener.LocalAddr())
}

// close is server:close().
func (s *server) close(c *vm.Call) int {
	if s.listener == nil {
		c.Error("not connected")
	}
	s.State("CLOSED", s.listener.LocalAddr(), netip.AddrPort{})
	s.listener.Close()
	s.listener = nil
	s.Release()
	return 0
}

func (s *server) finalize() {
	if s.listener != nil {
		s.listener.Close()
		s.listener = nil
	}
	s.m.v.Unref(&s.accept)
	s.Release()
	s.Dead = true
}

// Callbacks is the one that takes connections.
func (s *server) Callbacks() []sockets.Callback {
	if s.accept == 0 {
		return nil
	}
	return []sockets.Callback{{Name: "listen", Ref: s.accept}}
}

// Over reports whether the server no longer listens.
func (s *server) Over() bool { return s.listener == nil }

// String names the server for people.
func (s *server) String() string { return fmt.Sprintf("server %d", s.ID) }
