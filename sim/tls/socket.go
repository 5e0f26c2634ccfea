package tls

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// socket is a tls.socket.
type socket struct {
	sockets.Object
	m        *module
	handlers [len(events)]vm.Ref
	conn     *espconn.Conn // nil: none, as after its end
	memory   heap.Block    // esp_tcp
}

// event is one of those that have a handler.
type event int

const (
	onConnection event = iota
	onDisconnection
	onReconnection
	onReceive
	onSent
	onDNS
)

var events = [...]string{"connection", "disconnection", "reconnection", "receive", "sent", "dns"}

var socketType = &vm.Type{Name: "tls.socket"}

func init() {
	method := func(name string, fn func(*socket, *vm.Call) int) vm.Func {
		return vm.Func{Name: name, Fn: func(c *vm.Call) int {
			s := c.Object(1, socketType).(*socket)
			return sockets.Within(s.m.Table, c, s, fn)
		}}
	}
	socketType.Methods = []vm.Func{
		method("__gc", (*socket).delete),
		method("connect", (*socket).connect),
		method("close", (*socket).close),
		method("on", (*socket).on),
		method("send", (*socket).send),
		method("hold", (*socket).hold),
		method("unhold", (*socket).unhold),
		method("getpeer", (*socket).getpeer),
	}
}

// createConnection is tls.createConnection().
func (m *module) createConnection(c *vm.Call) int {
	s := &socket{Object: m.NewObject(), m: m}
	c.Push(m.v.NewObject(socketType, sizeUserdata, s))
	return 1
}

// String names the socket for people.
func (s *socket) String() string { return fmt.Sprintf("TLS socket %d", s.ID) }

// Callbacks lists the events that have one.
func (s *socket) Callbacks() []sockets.Callback {
	var out []sockets.Callback
	for i, ref := range s.handlers {
		if ref != 0 {
			out = append(out, sockets.Callback{Name: events[i], Ref: ref})
		}
	}
	return out
}

// Over reports whether the socket has no connection.
func (s *socket) Over() bool { return !s.Anchored() }

// call calls the handler of an event, if there is one.
func (s *socket) call(e event, args ...vm.Value) {
	if ref := s.handlers[e]; ref != 0 {
		s.m.Callback("tls "+events[e], s.m.v.Deref(ref), args...)
	}
}

// connect is socket:connect(port [, host]).
func (s *socket) connect(c *vm.Call) int {
	if s.conn != nil {
		c.Error("already connected")
	}
	port := uint16(c.Int(2))
	host := "127.0.0.1"
	if c.IsString(3) {
		host = vm.CString(c.String(3))
	}
	if port == 0 {
		c.Error("invalid port")
	}
	memory, ok := s.m.d.Malloc(espconn.SizeTCP, heap.Other)
	if !ok {
		c.Error("not enough memory")
	}
	s.memory = memory
	s.conn = s.m.layer.NewConn(s, s)
	s.conn.Secure, s.conn.RemotePort = true, port
	s.Dead = false // a program can finalize a socket and use it again
	s.Anchor(c.Arg(1), "tls socket")
	switch ip, err := s.m.layer.Resolve(host, s.found); err {
	case espconn.OK:
		s.found(ip, true)
	case espconn.ErrInProgress:
	default:
		s.found(netip.Addr{}, false)
	}
	return 0
}

// broadcast is what the firmware takes for "not found".
var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// found is the end of the look-up (fw: tls_socket_dns_cb).
func (s *socket) found(ip netip.Addr, ok bool) {
	if s.Dead || !s.Anchored() {
		return
	}
	ok = ok && ip != broadcast
	if s.handlers[onDNS] != 0 {
		address := vm.Value(vm.Nil)
		if ok {
			address = s.m.NewString(ip.String())
		}
		s.call(onDNS, s.Value(), address)
	}
	if !ok {
		s.m.Hints.Once("tls not found", "%s: the name is not found, and the socket can't be used any more: connect says \"already connected\". Make a new one", s)
		s.Release()
		return
	}
	if s.conn == nil {
		s.m.d.Crash("%s was finalized by the program in its dns event: the firmware writes the server's address to one near 0", s)
		return
	}
	s.conn.RemoteIP = ip
	if err := s.conn.Connect(); err != espconn.OK {
		s.m.Hints.Once(fmt.Sprintf("tls connect %d", err), "%s: no connection is begun (espconn_secure_connect says %d), and the module does not look at that: no callback comes, and connect says \"already connected\"", s, err)
	}
}

// Connected implements espconn.Handler.
func (s *socket) Connected(*espconn.Conn) {
	if s.Anchored() && s.handlers[onConnection] != 0 {
		s.call(onConnection, s.Value())
	}
}

// Received implements espconn.Handler.
func (s *socket) Received(_ *espconn.Conn, data []byte) {
	if s.Anchored() && s.handlers[onReceive] != 0 {
		s.call(onReceive, s.Value(), s.m.NewString(string(data)))
	}
}

// Sent implements espconn.Handler.
func (s *socket) Sent(*espconn.Conn) {
	if s.Anchored() && s.handlers[onSent] != 0 {
		s.call(onSent, s.Value())
	}
}

// Disconnected implements espconn.Handler: the socket has let go of itself when its handler
// runs.
func (s *socket) Disconnected(*espconn.Conn) {
	if s.Anchored() {
		s.cleanup()
		s.call(onDisconnection, vm.Nil)
	}
}

// reasons are the errors that have a name (fw: tls_socket_onreconnect).
var reasons = map[espconn.Err]string{
	espconn.ErrMem:       "Out of memory",
	espconn.ErrTimeout:   "Timeout",
	espconn.ErrRoute:     "Routing problem",
	espconn.ErrAbort:     "Connection aborted",
	espconn.ErrReset:     "Connection reset",
	espconn.ErrClosed:    "Connection closed",
	espconn.ErrHandshake: "SSL handshake failed",
	espconn.ErrSSLData:   "SSL application invalid",
}

// Failed implements espconn.Handler.
func (s *socket) Failed(_ *espconn.Conn, err espconn.Err) {
	if !s.Anchored() {
		return
	}
	if s.handlers[onReconnection] == 0 {
		s.cleanup()
		return
	}
	self, reason := s.Value(), vm.Value(vm.Nil)
	if text := reasons[err]; text != "" {
		reason = s.m.NewString(text)
	}
	s.cleanup()
	s.call(onReconnection, self, reason)
}

// cleanup forgets the connection and lets the socket go (fw: tls_socket_cleanup).
func (s *socket) cleanup() {
	if s.conn != nil {
		s.conn.Disconnect()
		s.m.d.Free(&s.memory, heap.Other)
		s.conn = nil
	}
	s.Release()
}

// on is socket:on(event, fn).
func (s *socket) on(c *vm.Call) int {
	i := slices.Index(events[:], vm.CString(c.String(2)))
	if i < 0 {
		c.Error("invalid method")
	}
	fn, isFunction := c.Arg(3).(*vm.Function)
	if !isFunction && (c.IsNone(3) || c.Arg(3) != vm.Nil) {
		c.Error("invalid callback function")
	}
	s.SetCallback(&s.handlers[i], events[i], "tls socket", nil)
	s.SetCallback(&s.handlers[i], events[i], "tls socket", fn)
	return 0
}

// send is socket:send(data).
func (s *socket) send(c *vm.Call) int {
	data := c.String(2)
	if s.conn == nil {
		s.m.Hints.Here("%s: send without a connection does nothing", s)
		return 0
	}
	if err := s.conn.Send([]byte(data)); err != espconn.OK {
		s.m.Hints.Here("%s: %d bytes are lost: a send waits for the sent event of the one before, and for the connection event", s, len(data))
	}
	return 0
}

// hold is socket:hold().
func (s *socket) hold(*vm.Call) int {
	if s.conn != nil {
		if !s.m.layer.Plain {
			s.m.Hints.Here("%s: hold does not hold a connection with TLS: data goes on coming", s)
		}
		s.conn.Hold()
	}
	return 0
}

// unhold is socket:unhold().
func (s *socket) unhold(*vm.Call) int {
	if s.conn != nil {
		s.conn.Unhold()
	}
	return 0
}

// getpeer is socket:getpeer().
func (s *socket) getpeer(c *vm.Call) int {
	if s.conn == nil {
		c.Push(vm.Nil)
		c.Push(vm.Nil)
		return 2
	}
	ip := s.conn.RemoteIP
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	c.PushString(ip.String())
	c.Push(vm.Number(s.conn.RemotePort))
	return 2
}

// close is socket:close().
func (s *socket) close(*vm.Call) int {
	if s.conn != nil {
		s.conn.Disconnect()
	}
	return 0
}

// delete is the finalizer, which a program can call, too (fw: tls_socket_delete).
func (s *socket) delete(*vm.Call) int {
	s.Dead = true
	if s.conn != nil {
		s.conn.Disconnect()
		s.m.d.Free(&s.memory, heap.Other)
		s.conn = nil
	}
	for i := range s.handlers {
		s.SetCallback(&s.handlers[i], events[i], "tls socket", nil)
	}
	s.Release()
	return 0
}
