package espconn

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Handler gets what happens on a connection. It may call any method of the connection.
type Handler interface {
	// Connected: the connection is established. What is sent here leaves at once.
	Connected(c *Conn)
	// Received gets the data of one segment, which must not be kept.
	Received(c *Conn, data []byte)
	// Sent: all bytes of the last Send are acknowledged.
	Sent(c *Conn)
	// Disconnected: the connection is over, after the peer's FIN or Disconnect.
	Disconnected(c *Conn)
	// Failed: the connection is over, or never came to be: ErrReset, ErrConn (no answer
	// to the SYN), ErrTimeout (no answer to data), ErrAbort (fw: reconnect_callback).
	Failed(c *Conn, err Err)
}

// Conn is a TCP connection of a module (fw: struct espconn). It is ready for Connect again
// when it is over.
type Conn struct {
	Handler Handler
	// Owner is whose connection it is, for snapshots and the event stream; may be nil.
	Owner sockets.Holder
	// LocalPort is the module's choice, as a rule Layer.Port(); two connections must not
	// have the same one.
	LocalPort, RemotePort uint16
	RemoteIP              netip.Addr
	// Secure: with TLS, of which the local port is the stack's choice.
	Secure bool

	l       *Layer
	closing bool // the end is under way
}

// NewConn makes a connection with a random local port. Set its peer, then Connect. owner
// may be nil.
func (l *Layer) NewConn(h Handler, owner sockets.Holder) *Conn {
	return &Conn{Handler: h, Owner: owner, LocalPort: l.Port(), l: l}
}

// active is a connection that the stack has (fw: espconn_msg).
type active struct {
	l      *Layer
	conn   *Conn
	tcp    *lwip.TCPConn
	memory heap.Block
	queue  []buffer // what is being sent: one entry, see Send
	err    Err
	held   bool    // received data does not open the window; see Hold
	unread int     // bytes of such data
	secure *secure // its TLS, nil without
}

// buffer is one send (fw: espconn_buf).
type buffer struct {
	data   []byte // the caller's
	unsent int    // bytes at its end that the stack has not got
	acked  int
	memory heap.Block
}

// state tells the event stream about the connection.
func (a *active) state(state string) {
	if o := a.conn.Owner; o != nil {
		o.Base().State(state, a.tcp.LocalAddr(), a.tcp.RemoteAddr())
	}
}

// Connect sends the SYN (fw: espconn_connect). ErrIsConn: there are five connections, or
// one from the same local port. ErrRoute: there is no address. A positive error is the
// state of a station that has none, with an access point beside it.
func (c *Conn) Connect() Err {
	l := c.l
	if c.Secure && !l.Plain {
		return c.connectSecure()
	}
	if len(l.active) >= maxConnections {
		l.hints.Here("a sixth connection of the modules mqtt, http, websocket, tls at a time is refused: the firmware's limit is %d", maxConnections)
		return ErrIsConn
	}
	if err := l.routable(c.RemoteIP); err != OK {
		return err
	}
	for _, a := range l.active {
		if a.conn.LocalPort == c.LocalPort {
			return ErrIsConn
		}
	}
	memory, ok := l.host.Malloc(sizeActive, heap.Other)
	if !ok {
		return ErrMem
	}
	tcp := l.stack.NewTCP()
	if tcp == nil {
		l.host.Free(&memory, heap.Other)
		return ErrMem
	}
	a := &active{l: l, conn: c, tcp: tcp, memory: memory}
	l.active = append(l.active, a)
	c.closing = false
	tcp.OnError = a.failed
	tcp.OnConnected = a.connected
	if c.Owner != nil {
		tcp.Owner = c.Owner
	}
	tcp.Bind(lwip.AnyAddr, c.LocalPort) // where that fails, the stack picks a port
	err := tcp.Connect(c.RemoteIP, c.RemotePort)
	switch err {
	case lwip.OK:
		a.state("SYN_SENT")
	case lwip.ErrRoute:
		tcp.Close()
		l.drop(a)
	}
	// After another error the firmware keeps the connection, which will never be one.
	return Err(err)
}

// connected is the end of the handshake.
func (a *active) connected(tcp *lwip.TCPConn) lwip.Err {
	tcp.NoDelay = true
	tcp.OnSent = a.acknowledged
	tcp.OnRecv = a.received
	a.state("ESTABLISHED")
	a.conn.Handler.Connected(a.conn)
	return lwip.OK
}

// received hands a segment's data on, or answers the peer's FIN.
func (a *active) received(tcp *lwip.TCPConn, data [][]byte) lwip.Err {
	if data == nil {
		a.state("CLOSED by peer")
		a.close()
		return lwip.OK
	}
	all := slices.Concat(data...)
	if a.held {
		a.unread += len(all)
	} else {
		tcp.Recved(len(all))
	}
	copied, ok := a.l.host.Malloc(len(all)+1, heap.Other)
	if !ok {
		a.l.hints.Once("espconn lost", "%d received bytes were acknowledged and lost: there was no memory for them", len(all))
		return lwip.OK
	}
	a.conn.Handler.Received(a.conn, all)
	a.l.host.Free(&copied, heap.Other)
	return lwip.OK
}

// Send sends data, of which the layer keeps the caller's buffer (fw: espconn_send). The
// length counts modulo 65536. ErrArg: no connection, or no data. ErrMaxNum: the last
// Send is not acknowledged yet; the data is dropped. ErrMem: the data waits for ever,
// unless something is in flight.
func (c *Conn) Send(data []byte) Err {
	a := c.l.find(c)
	data = data[:len(data)&0xffff]
	if a != nil && a.secure != nil {
		return a.sendSecure(data)
	}
	if a == nil || len(data) == 0 || a.tcp.State() < lwip.Established {
		return ErrArg
	}
	if len(a.queue) > 0 {
		return ErrMaxNum
	}
	memory, ok := c.l.host.Malloc(sizeBuffer, heap.Other)
	if !ok {
		return ErrMem
	}
	a.queue = append(a.queue, buffer{data: data, unsent: len(data), memory: memory})
	return a.write()
}

// SafeLen is how many bytes of a send are copied at once: what is beyond is read later
// (oracle: client-constants.json espconn bytes_in_stack).
func (c *Conn) SafeLen() int {
	if c.Secure && !c.l.Plain {
		return plainLen
	}
	return 2920
}

// Sending reports whether a send is not acknowledged yet.
func (c *Conn) Sending() bool {
	a := c.l.find(c)
	return a != nil && (len(a.queue) > 0 || a.secure != nil && !a.secure.ready)
}

// Hold keeps the window from opening again: what it allows still comes (fw:
// espconn_recv_hold). With TLS it does nothing.
func (c *Conn) Hold() {
	if a := c.l.find(c); a != nil {
		a.held = true
	}
}

// Unhold opens the window for all that was received since Hold (fw: espconn_recv_unhold).
func (c *Conn) Unhold() {
	if a := c.l.find(c); a != nil {
		a.held = false
		if a.unread > 0 {
			a.tcp.Recved(a.unread)
			a.unread = 0
		}
	}
}

// write gives the stack what it takes of the buffer (fw: espconn_tcp_write).
func (a *active) write() Err {
	tcp := a.tcp
	if tcp.QueueLen() >= a.l.stack.Params().SendQueueLen {
		return ErrMem
	}
	for len(a.queue) > 0 && a.queue[0].unsent > 0 && tcp.SendSpace() > 0 {
		b := &a.queue[0]
		rest := b.data[len(b.data)-b.unsent:]
		n := min(tcp.SendSpace(), len(rest), 2*tcp.MSS())
		err := tcp.Write(rest[:n])
		for err == lwip.ErrMem && n > 0 {
			if n < 3 {
				n--
			} else {
				n /= 2
			}
			if n > 0 {
				err = tcp.Write(rest[:n])
			}
		}
		if err != lwip.OK {
			return Err(err)
		}
		b.unsent -= n
		tcp.Output()
	}
	return OK
}

// acknowledged is the stack's sent event (fw: espconn_client_sent, espconn_tcp_finish).
func (a *active) acknowledged(_ *lwip.TCPConn, n int) lwip.Err {
	if len(a.queue) == 0 {
		return lwip.OK
	}
	a.queue[0].acked += n
	a.write()
	if b := &a.queue[0]; b.acked >= len(b.data) {
		a.l.host.Free(&b.memory, heap.Other)
		a.queue = a.queue[1:]
		a.conn.Handler.Sent(a.conn)
	}
	return lwip.OK
}

// Disconnect sends what is queued and a FIN; Disconnected follows as a task, whatever the
// peer does (fw: espconn_disconnect). ErrArg: there is no connection. ErrInProgress: its
// end is under way.
func (c *Conn) Disconnect() Err {
	return c.end((*active).close)
}

// Abort is Disconnect with a RST (fw: espconn_abort).
func (c *Conn) Abort() Err {
	return c.end(func(a *active) {
		a.tcp.OnRecv, a.tcp.OnSent, a.tcp.OnError = nil, nil, nil
		a.tcp.Abort()
		a.over()
	})
}

func (c *Conn) end(how func(*active)) Err {
	a := c.l.find(c)
	switch {
	case a == nil:
		return ErrArg
	case c.closing:
		return ErrInProgress
	}
	a.state("CLOSED")
	if a.secure != nil {
		how = func(a *active) { a.secure.end() }
	}
	how(a)
	return OK
}

// close closes the stack's connection (fw: espconn_client_close).
func (a *active) close() {
	tcp := a.tcp
	receive := tcp.OnRecv
	tcp.OnRecv = nil
	if tcp.Close() != lwip.OK {
		tcp.OnRecv = receive
		a.l.hints.Once("espconn full", "a connection with a full send buffer can't be closed: the firmware never tells the program that it is over")
		return
	}
	tcp.OnSent, tcp.OnError = nil, nil
	a.over()
}

// over posts the task that ends the connection.
func (a *active) over() {
	a.conn.closing = true
	a.post(func(c *Conn) { c.Handler.Disconnected(c) })
}

// failed is the stack's error event (fw: espconn_client_err).
func (a *active) failed(err lwip.Err) {
	a.err = a.failure(err)
	a.conn.closing = true
	a.post(func(c *Conn) { c.Handler.Failed(c, a.err) })
}

// failure is what the layer makes of an error of the stack.
func (a *active) failure(err lwip.Err) Err {
	out := Err(err)
	if err == lwip.ErrAbort {
		retries := a.tcp.Retransmits()
		p := a.l.stack.Params()
		switch a.tcp.State() {
		case lwip.Closed:
			out = ErrConn
		case lwip.SynSent:
			if retries == p.SynRetries {
				out = ErrConn
			}
		case lwip.Established:
			if retries == p.DataRetries {
				out = ErrTimeout
			}
		}
	}
	state := "ABORTED"
	if err == lwip.ErrReset {
		state = "RESET by peer"
	}
	a.state(state)
	return out
}

// post queues the end of the connection as a task (fw: espconn_Task). The layer has
// forgotten it when the handler hears of it, so that a further one may be made there.
func (a *active) post(tell func(*Conn)) {
	l := a.l
	l.host.PostSystem(func() {
		if !slices.Contains(l.active, a) {
			return
		}
		l.stack.KillClosing(maxConnections)
		l.drop(a)
		tell(a.conn)
	})
}
