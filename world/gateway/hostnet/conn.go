package hostnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world"
)

const (
	// dialTimeout is how long an attempt to connect may take. A device gives up
	// after 6.25 s (oracle: net-constants.json, connect to silent host).
	dialTimeout = 10 * time.Second

	readBuffer = 16 << 10 // bytes
	hostBuffer = 64 << 10 // bytes that the host's kernel holds each way
)

// buffers are for reads under way.
var buffers = sync.Pool{New: func() any { return new([readBuffer]byte) }}

// Dial connects to an address. Dialed follows.
func (n *Network) Dial(c Conn, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.goroutine(func() {
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(n.ctx, "tcp4", to.String())
		switch {
		case errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET):
			n.tell(Dialed{c, Refused}, nil)
		case err != nil:
			n.tell(Dialed{c, Silent}, nil)
		default:
			tcp := conn.(*net.TCPConn)
			tcp.SetReadBuffer(hostBuffer)
			tcp.SetWriteBuffer(hostBuffer)
			if n.keep(c, tcp) {
				n.tell(Dialed{c, Connected}, nil)
			}
		}
	})
}

// conn is a connection that a goroutine reads. It is one piece ahead of what is asked
// for, so that it need not be woken to wait for the host.
type conn struct {
	*net.TCPConn
	asked *sync.Cond // with the network's lock
	reads int        // asked for and not told
	gone  bool       // the number is nobody's any more
}

// keep makes a connection known by its number. If the network is closed, the
// connection is, too, and keep returns false.
func (n *Network) keep(c Conn, tcp *net.TCPConn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		tcp.Close()
		return false
	}
	conn := &conn{TCPConn: tcp, asked: sync.NewCond(&n.mu)}
	n.conns[c] = conn
	n.goroutine(func() { n.read(c, conn) })
	return true
}

// Read reads once: Received, Ended or Broken follows. Only then may it be called
// again.
func (n *Network) Read(c Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if conn := n.conns[c]; conn != nil {
		conn.reads++
		conn.asked.Signal()
	}
}

// read reads to the end, and tells of a piece when it was asked for.
func (n *Network) read(c Conn, conn *conn) {
	for {
		what, more := readOnce(c, conn.TCPConn)
		n.mu.Lock()
		for conn.reads == 0 && !conn.gone {
			conn.asked.Wait()
		}
		conn.reads--
		gone := conn.gone
		n.mu.Unlock()
		if gone {
			return
		}
		n.tell(what, nil)
		if !more {
			return
		}
	}
}

// readOnce returns what one read gives, and whether more may follow.
func readOnce(c Conn, conn *net.TCPConn) (what world.Stimulus, more bool) {
	buf := buffers.Get().(*[readBuffer]byte)
	defer buffers.Put(buf)
	got, err := conn.Read(buf[:])
	switch {
	case err == nil:
		return Received{c, bytes.Clone(buf[:got])}, true
	case errors.Is(err, io.EOF):
		return Ended{c}, false
	}
	return Broken{c}, false
}

// Write writes all of the data, which it owns from then on: Written or Broken
// follows. Only then may it be called again.
//
// A goroutine does it even where the host's kernel takes all at once: what it wakes, a
// client, often runs on the CPU of the thread that has written, which waits meanwhile,
// and the world need not wait with it.
func (n *Network) Write(c Conn, data [][]byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	conn := n.conns[c]
	if conn == nil {
		return
	}
	n.goroutine(func() {
		sent, err := writeAll(conn.TCPConn, data)
		switch {
		case err == nil:
			n.tell(Written{c, sent}, nil)
		case !errors.Is(err, net.ErrClosed): // that was here
			n.tell(Broken{c}, nil)
		}
	})
}

// writeAll writes all pieces: mostly it is one.
func writeAll(conn *net.TCPConn, data [][]byte) (sent int, err error) {
	if len(data) == 1 {
		return conn.Write(data[0])
	}
	rest := net.Buffers(data)
	n, err := rest.WriteTo(conn)
	return int(n), err
}

// CloseWrite tells the other end that no more comes. Nothing may be written any more
// and what was has to have been Written.
func (n *Network) CloseWrite(c Conn) {
	n.mu.Lock()
	conn := n.conns[c]
	n.mu.Unlock()
	if conn != nil {
		conn.CloseWrite()
	}
}

// CloseConn closes a connection. Nothing of it is told any more but what is under way.
func (n *Network) CloseConn(c Conn) {
	if conn := n.forget(c); conn != nil {
		conn.Close()
	}
}

// ResetConn closes a connection with a RST.
func (n *Network) ResetConn(c Conn) {
	if conn := n.forget(c); conn != nil {
		conn.SetLinger(0)
		conn.Close()
	}
}

// forget takes a connection's number away; nil: it had none.
func (n *Network) forget(c Conn) *conn {
	n.mu.Lock()
	defer n.mu.Unlock()
	conn := n.conns[c]
	if conn == nil {
		return nil
	}
	delete(n.conns, c)
	conn.end()
	if c < 0 {
		<-n.accepted
	}
	return conn
}

// end has nothing more told of what is read. Call it with the network's lock.
func (c *conn) end() {
	c.gone = true
	c.asked.Signal()
}

// Connections returns how many TCP connections are open.
func (n *Network) Connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}
