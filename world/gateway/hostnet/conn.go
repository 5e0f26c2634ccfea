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

// keep makes a connection known by its number. If the network is closed, the
// connection is, too, and keep returns false.
func (n *Network) keep(c Conn, conn *net.TCPConn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		conn.Close()
		return false
	}
	n.conns[c] = conn
	return true
}

// on runs fn with a connection in a goroutine of its own, if it is open.
func (n *Network) on(c Conn, fn func(*net.TCPConn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if conn := n.conns[c]; conn != nil {
		n.goroutine(func() { fn(conn) })
	}
}

// Read reads once: Received, Ended or Broken follows. Only then may it be called
// again.
func (n *Network) Read(c Conn) {
	n.on(c, func(conn *net.TCPConn) {
		buf := buffers.Get().(*[readBuffer]byte)
		defer buffers.Put(buf)
		got, err := conn.Read(buf[:])
		switch {
		case err == nil:
			n.tell(Received{c, bytes.Clone(buf[:got])}, nil)
		case errors.Is(err, io.EOF):
			n.tell(Ended{c}, nil)
		default:
			n.broken(c, err)
		}
	})
}

// Write writes all of the data, which it owns from then on: Written or Broken
// follows. Only then may it be called again.
func (n *Network) Write(c Conn, data [][]byte) {
	n.mu.Lock()
	conn := n.conns[c]
	if conn == nil || n.closed {
		n.mu.Unlock()
		return
	}
	n.work.Add(1) // Close waits, so that nothing is told after Closed
	n.mu.Unlock()
	defer n.work.Done()
	sent := 0
	for len(data) > 0 { // mostly the kernel takes all of it
		some, err := writeNow(conn, data[0])
		if err != nil {
			n.broken(c, err)
			return
		}
		if sent += some; some < len(data[0]) {
			data[0] = data[0][some:]
			break
		}
		data = data[1:]
	}
	if len(data) == 0 {
		n.tell(Written{c, sent}, nil)
		return
	}
	n.on(c, func(conn *net.TCPConn) {
		rest := net.Buffers(data)
		more, err := rest.WriteTo(conn)
		if err != nil {
			n.broken(c, err)
			return
		}
		n.tell(Written{c, sent + int(more)}, nil)
	})
}

// broken tells of an error, unless it is that the connection was closed here.
func (n *Network) broken(c Conn, err error) {
	if !errors.Is(err, net.ErrClosed) {
		n.tell(Broken{c}, nil)
	}
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
func (n *Network) forget(c Conn) *net.TCPConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	conn := n.conns[c]
	delete(n.conns, c)
	if conn != nil && c < 0 {
		<-n.accepted
	}
	return conn
}

// Connections returns how many TCP connections are open.
func (n *Network) Connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}
