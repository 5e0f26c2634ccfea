package peer

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Conn is a TCP connection of a host. Functions that are nil are not called.
type Conn struct {
	// OnConnect is called when a connection made by Dial is established, and when a Layer
	// is.
	OnConnect func()
	// OnData gets what was received, one segment at a time. data must not be
	// changed.
	OnData func(data []byte)
	// OnSent is called when the other side has acknowledged n more bytes.
	OnSent func(n int)
	// OnEnd is called when the other side sends no more (FIN). The connection is
	// then closed from this side, too, unless HalfOpen is set.
	OnEnd func()
	// OnClose is called once when the connection is over: with nil when both sides
	// have ended it (the last bytes may still be under way), else with the stack's error: lwip.ErrReset, or lwip.ErrAbort
	// when it was given up for want of an answer. It is not called after Abort.
	OnClose func(err error)
	// HalfOpen leaves this side open when the other has ended.
	HalfOpen bool

	layer   Layer         // nil: none
	pcb     *lwip.TCPConn // nil when the connection is over
	pending []byte        // what the stack has not taken yet
	closing bool          // no more is written
	aborted bool
	finSent bool
	ended   bool // the other side has ended
	held    bool
	unread  int // bytes received while held
}

// Listener is a TCP port of a host that accepts connections.
type Listener struct{ pcb *lwip.TCPConn }

// Close stops accepting. Connections stay.
func (l *Listener) Close() {
	if l.pcb != nil {
		l.pcb.Close()
		l.pcb = nil
	}
}

// Listen accepts connections to a port. accept is called for each when it is
// established, and sets its functions.
func (h *Host) Listen(port uint16, accept func(*Conn)) (*Listener, error) {
	bound := h.stack.NewTCP()
	bound.ReuseAddr = true // as servers do: connections of one before don't count
	err := bound.Bind(lwip.AnyAddr, port)
	pcb := bound
	if err == lwip.OK {
		if pcb = bound.Listen(); pcb == nil {
			err = lwip.ErrUse
		}
	}
	if err != lwip.OK {
		bound.Close()
		return nil, failed(err, "listen on port %d", port)
	}
	pcb.OnAccept = func(c *lwip.TCPConn) lwip.Err {
		conn := &Conn{}
		conn.take(c)
		accept(conn)
		return conn.result()
	}
	return &Listener{pcb}, nil
}

// Dial starts a connection. Set its functions before the world runs on; what is
// written before it is established goes out then.
func (h *Host) Dial(to netip.AddrPort) (*Conn, error) {
	c := &Conn{}
	pcb := h.stack.NewTCP()
	pcb.OnConnected = func(*lwip.TCPConn) lwip.Err {
		if c.OnConnect != nil {
			c.OnConnect()
		}
		c.push()
		return c.result()
	}
	c.take(pcb)
	if err := pcb.Connect(to.Addr(), to.Port()); err != lwip.OK {
		c.pcb = nil
		pcb.Close()
		return nil, failed(err, "connect to %v", to)
	}
	return c, nil
}

// take makes the connection that of a PCB.
func (c *Conn) take(pcb *lwip.TCPConn) {
	c.pcb = pcb
	pcb.OnRecv = c.received
	pcb.OnSent = func(_ *lwip.TCPConn, n int) lwip.Err {
		if c.OnSent != nil {
			c.OnSent(n)
		}
		c.push()
		return c.result()
	}
	pcb.OnError = func(err lwip.Err) { c.over(err) }
}

// Local and Remote return the connection's addresses, zero when it is over.
func (c *Conn) Local() netip.AddrPort {
	if c.pcb == nil {
		return netip.AddrPort{}
	}
	return c.pcb.LocalAddr()
}

// Remote is described at Local.
func (c *Conn) Remote() netip.AddrPort {
	if c.pcb == nil {
		return netip.AddrPort{}
	}
	return c.pcb.RemoteAddr()
}

// Open reports whether the connection is not over.
func (c *Conn) Open() bool { return c.pcb != nil }

// Write queues data, all of it: what does not fit the send buffer follows as the
// other side acknowledges. data is copied. The error is lwip.ErrClosed.
func (c *Conn) Write(data []byte) (int, error) {
	switch {
	case c.pcb == nil || c.closing:
		return 0, lwip.ErrClosed
	case c.layer != nil:
		return c.layer.Write(data)
	}
	c.write(data)
	return len(data), nil
}

func (c *Conn) write(data []byte) {
	c.pending = append(c.pending, data...)
	c.push()
}

// Pending returns how many written bytes the stack has not taken yet.
func (c *Conn) Pending() int { return len(c.pending) }

// push gives the stack as much as it takes, and the FIN behind it.
func (c *Conn) push() {
	if c.pcb == nil || c.finSent || c.pcb.State() < lwip.Established {
		return
	}
	for len(c.pending) > 0 {
		n, err := c.pcb.WriteSome(c.pending)
		if n == 0 || err != lwip.OK {
			return // OnSent comes back
		}
		c.pending = c.pending[n:]
	}
	c.pending = nil
	if c.closing && c.pcb.Shutdown() == lwip.OK {
		c.finSent = true
		c.finish()
	}
}

// received takes what came; nil is the other side's end.
func (c *Conn) received(_ *lwip.TCPConn, data [][]byte) lwip.Err {
	if data == nil {
		c.ended = true
		if c.layer != nil {
			c.layer.End()
		} else {
			c.end()
		}
		c.finish()
		return c.result()
	}
	for _, d := range data {
		c.unread += len(d)
		switch {
		case c.layer != nil:
			c.layer.Take(d)
		case c.OnData != nil:
			c.OnData(d)
		}
	}
	if !c.held {
		c.read()
	}
	return c.result()
}

// end is the other side's end.
func (c *Conn) end() {
	if c.OnEnd != nil {
		c.OnEnd()
	}
	if !c.HalfOpen && c.pcb != nil {
		c.Close()
	}
}

// result is what a callback tells the stack.
func (c *Conn) result() lwip.Err {
	if c.aborted {
		return lwip.ErrAbort
	}
	return lwip.OK
}

// read gives the receive window back.
func (c *Conn) read() {
	if c.pcb != nil && c.unread > 0 {
		c.pcb.Recved(c.unread)
	}
	c.unread = 0
}

// Hold makes the host stop reading, so that its window closes, or read on. Data
// that the window still allows is passed to OnData.
func (c *Conn) Hold(hold bool) {
	c.held = hold
	if !hold {
		c.read()
	}
}

// Close ends this side: what was written goes out, then a FIN. Data of the other
// side is received until that ends, too.
func (c *Conn) Close() {
	if c.layer != nil && c.pcb != nil && !c.closing {
		c.layer.Close()
	}
	c.closing = true
	c.push()
}

// Abort ends the connection with a RST. Nothing is called for it any more.
func (c *Conn) Abort() {
	pcb := c.pcb
	if pcb == nil {
		return
	}
	c.pcb, c.pending, c.aborted = nil, nil, true
	pcb.OnError = nil
	pcb.Abort()
	if c.layer != nil {
		c.layer.Over(nil)
	}
}

// finish ends the connection when both sides have.
func (c *Conn) finish() {
	if c.pcb == nil || !c.finSent || !c.ended {
		return
	}
	pcb := c.pcb
	pcb.OnRecv, pcb.OnSent, pcb.OnError = nil, nil, nil
	c.read()
	pcb.Close()
	c.over(nil)
}

func (c *Conn) over(err error) {
	c.pcb, c.pending = nil, nil
	if c.layer != nil {
		c.layer.Over(err)
	}
	if c.OnClose != nil {
		c.OnClose(err)
	}
}
