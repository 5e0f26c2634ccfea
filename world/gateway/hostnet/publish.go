package hostnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// Publication is a port of the host that stands for one of a device.
type Publication struct {
	Host     string // address to listen on; empty: 127.0.0.1
	HostPort int    // 0: any free one
	Device   string
	Port     uint16 // of the device
	UDP      bool
}

func (p Publication) listenHost() string {
	switch p.Host {
	case "", "localhost":
		return "127.0.0.1"
	case "*":
		return "0.0.0.0"
	}
	return p.Host
}

// Publish begins to serve a publication and returns the host's address, with the
// port that was free if HostPort is 0. The error is one line that names the port
// and says what to do.
func (n *Network) Publish(p Publication) (netip.AddrPort, error) {
	at := net.JoinHostPort(p.listenHost(), strconv.Itoa(p.HostPort))
	if p.UDP {
		conn, err := net.ListenPacket("udp", at)
		if err != nil {
			return netip.AddrPort{}, publishError(p, err)
		}
		u := newUDPPort(n, p, conn.(*net.UDPConn))
		return netip.MustParseAddrPort(conn.LocalAddr().String()), n.serve(conn, u.write, u.read)
	}
	lc := net.ListenConfig{Control: limitBuffers}
	if addr, err := netip.ParseAddr(p.listenHost()); err == nil && addr.IsLoopback() {
		lc.KeepAlive = -1 // a client on this computer does not vanish without a word
	}
	l, err := lc.Listen(context.Background(), "tcp", at)
	if err != nil {
		return netip.AddrPort{}, publishError(p, err)
	}
	return netip.MustParseAddrPort(l.Addr().String()), n.serve(l, func() { n.accept(p, l) })
}

// serve runs what serves a port until the network is closed.
func (n *Network) serve(port io.Closer, loops ...func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		port.Close()
		return errors.New("cannot publish: the network is closed")
	}
	n.ports = append(n.ports, port)
	for _, loop := range loops {
		n.goroutine(loop)
	}
	return nil
}

// publishError says what is wrong with a port, and what to do.
func publishError(p Publication, err error) error {
	where := fmt.Sprintf("cannot publish on %s port %d", p.listenHost(), p.HostPort)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: another program uses it; stop that one or choose another port, such as %d:%d", where, p.HostPort+1, p.Port)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: ports below 1024 need privileges; choose a higher one, such as 8080:%d", where, p.Port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this computer has no such address; leave the address out for 127.0.0.1", where)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// accept takes connections of the host's clients. When as many as are allowed are
// open, further ones wait in the host's queue.
func (n *Network) accept(p Publication, l net.Listener) {
	for {
		select {
		case n.accepted <- struct{}{}:
		case <-n.ctx.Done():
			return
		}
		conn, err := l.Accept()
		if err != nil {
			<-n.accepted
			if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			n.rest() // the host is short of something
			continue
		}
		n.mu.Lock()
		n.lastConn--
		c := n.lastConn
		n.mu.Unlock()
		if n.keep(c, conn.(*net.TCPConn)) {
			n.tell(Accepted{c, p.Device, p.Port}, nil)
		}
	}
}
