package simtest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// deadlines are those of a connection, and how long it waits without.
type deadlines struct {
	d           *Device
	read, write time.Time
	patience    clock.Duration
}

// SetDeadline sets the moments, dates of the world (Device.Now), until which Read and Write
// wait; the zero time goes back to Timeout.
func (x *deadlines) SetDeadline(t time.Time) error { x.read, x.write = t, t; return nil }

// SetReadDeadline is SetDeadline for Read.
func (x *deadlines) SetReadDeadline(t time.Time) error { x.read = t; return nil }

// SetWriteDeadline is SetDeadline for Write.
func (x *deadlines) SetWriteDeadline(t time.Time) error { x.write = t; return nil }

// until is when a wait ends.
func (x *deadlines) until(t time.Time) clock.Time {
	if t.IsZero() {
		return x.d.after(x.patience)
	}
	return x.d.moment(t)
}

// Conn is a TCP connection of a host with a device. It is a net.Conn: its methods let the
// world run while they wait. Errors are those of package net: a reset is
// syscall.ECONNRESET, a deadline os.ErrDeadlineExceeded.
type Conn struct {
	deadlines
	p             *peer.Conn
	local, remote netip.AddrPort

	in        []byte // received, not read
	connected bool
	ended     bool  // the other side sends no more
	over      error // why it is over, before its time
	closed    bool
	cancelled func() bool
	unbounded bool // Write does not wait for room
}

// sendBuffer is how much a Write leaves behind for a desktop computer's stack, which itself
// holds as much, in bytes.
const sendBuffer = 64 << 10

// conn makes a connection of the world one that waits.
func (d *Device) conn(p *peer.Conn) *Conn {
	c := &Conn{deadlines: deadlines{d: d, patience: d.timeout}, p: p, cancelled: never}
	p.HalfOpen = true
	p.Hold(true) // the window closes as long as nobody reads
	p.OnConnect = func() { c.connected = true }
	p.OnData = func(data []byte) { c.in = append(c.in, data...) }
	p.OnEnd = func() { c.ended = true }
	p.OnClose = func(err error) {
		switch {
		case err == nil:
			c.ended = true
		case err == lwip.ErrReset && !c.connected:
			c.over = syscall.ECONNREFUSED
		case err == lwip.ErrReset:
			c.over = syscall.ECONNRESET
		default:
			c.over = syscall.ETIMEDOUT
		}
	}
	return c
}

// dial connects a host with a port.
func (d *Device) dial(from *peer.Host, to netip.AddrPort, cancelled func() bool) (*Conn, error) {
	p, err := from.Dial(to)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	c := d.conn(p)
	c.cancelled, c.local, c.remote = cancelled, p.Local(), to
	d.wait(d.after(d.timeout), func() bool { return c.connected || c.over != nil || cancelled() })
	switch {
	case d.reason() != nil:
		err = d.reason()
	case c.over != nil:
		err = c.over
	case !c.connected && cancelled():
		err = net.ErrClosed
	case !c.connected:
		err = os.ErrDeadlineExceeded
	default:
		return c, nil
	}
	p.Abort()
	return nil, c.fail("dial", err)
}

func (c *Conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Read implements net.Conn. It returns what has come when something has.
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := c.usable(); err != nil {
		return 0, c.fail("read", err)
	}
	c.d.wait(c.until(c.read), func() bool {
		return len(c.in) > 0 || c.ended || c.over != nil || c.cancelled()
	})
	switch {
	case len(c.in) > 0:
		n := copy(b, c.in)
		if c.in = c.in[n:]; len(c.in) == 0 {
			c.in = nil
			c.p.Hold(false) // gives the window back
			c.p.Hold(true)
		}
		return n, nil
	case c.over != nil:
		return 0, c.fail("read", c.over)
	case c.ended:
		return 0, io.EOF
	case c.usable() != nil:
		return 0, c.fail("read", c.usable())
	}
	return 0, c.fail("read", os.ErrDeadlineExceeded)
}

// usable says why the connection cannot be used.
func (c *Conn) usable() error {
	if c.closed || c.cancelled() {
		return net.ErrClosed
	}
	return c.d.reason()
}

// Write implements net.Conn. It returns when what is left of it fits a desktop computer's
// buffers: the device has acknowledged all but the last 128 KB or so.
func (c *Conn) Write(b []byte) (written int, err error) {
	for {
		if err := c.usable(); err != nil {
			return written, c.fail("write", err)
		}
		if c.over != nil {
			return written, c.fail("write", c.over)
		}
		n := len(b)
		if !c.unbounded {
			n = min(n, max(sendBuffer-c.p.Pending(), 0))
		}
		if n > 0 {
			if _, err := c.p.Write(b[:n]); err != nil {
				return written, c.fail("write", syscall.EPIPE)
			}
			written, b = written+n, b[n:]
		}
		if len(b) == 0 {
			return written, nil
		}
		if !c.d.wait(c.until(c.write), func() bool { return c.p.Pending() < sendBuffer || c.over != nil }) && c.usable() == nil {
			return written, c.fail("write", os.ErrDeadlineExceeded)
		}
	}
}

// Close implements net.Conn: what was written goes out, as time passes, and then the end.
func (c *Conn) Close() error {
	if c.closed {
		return c.fail("close", net.ErrClosed)
	}
	c.closed = true
	c.p.Hold(false)
	c.p.OnData = nil
	c.p.HalfOpen = false
	c.p.Close()
	return nil
}

// CloseWrite ends this side. Read goes on.
func (c *Conn) CloseWrite() error { c.p.Close(); return nil }

// Abort ends the connection with a reset.
func (c *Conn) Abort() {
	c.closed = true
	c.p.Abort()
}

// LocalAddr implements net.Conn.
func (c *Conn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr implements net.Conn.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// udpConn is a UDP socket with one other.
type udpConn struct {
	deadlines
	u      *peer.UDP
	local  netip.AddrPort
	remote netip.AddrPort
	in     [][]byte
	closed bool
}

// datagrams is how many of them wait to be read; more are lost.
const datagrams = 256

func (d *Device) dialUDP(from *peer.Host, to netip.AddrPort) (net.Conn, error) {
	u, err := from.ListenUDP(0)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: err}
	}
	c := &udpConn{deadlines: deadlines{d: d, patience: d.timeout}, u: u, local: netip.AddrPortFrom(from.Addr(), u.Port()), remote: to}
	u.OnData = func(data []byte, from netip.AddrPort) {
		if from == to && len(c.in) < datagrams {
			c.in = append(c.in, append([]byte(nil), data...))
		}
	}
	return c, nil
}

func (c *udpConn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

func (c *udpConn) usable() error {
	if c.closed {
		return net.ErrClosed
	}
	return c.d.reason()
}

// Read implements net.Conn.
func (c *udpConn) Read(b []byte) (int, error) {
	if err := c.usable(); err != nil {
		return 0, c.fail("read", err)
	}
	if !c.d.wait(c.until(c.read), func() bool { return len(c.in) > 0 }) {
		if err := c.usable(); err != nil {
			return 0, c.fail("read", err)
		}
		return 0, c.fail("read", os.ErrDeadlineExceeded)
	}
	n := copy(b, c.in[0])
	c.in = c.in[1:]
	return n, nil
}

// Write implements net.Conn.
func (c *udpConn) Write(b []byte) (int, error) {
	if err := c.usable(); err != nil {
		return 0, c.fail("write", err)
	}
	if err := c.u.SendTo(b, c.remote); err != nil {
		return 0, c.fail("write", err)
	}
	return len(b), nil
}

// Close implements net.Conn.
func (c *udpConn) Close() error {
	if c.closed {
		return c.fail("close", net.ErrClosed)
	}
	c.closed = true
	c.u.Close()
	return nil
}

// LocalAddr implements net.Conn.
func (c *udpConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr implements net.Conn.
func (c *udpConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }
