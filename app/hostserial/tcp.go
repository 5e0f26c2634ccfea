package hostserial

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/app/hostserial/rfc2217"
	"github.com/nodemcu-sim/nodemcu-sim/device/input"
)

// tcpEnd is a serial port behind a TCP port: one client at a time, as of a real one. A
// client that begins with a command of Telnet speaks RFC 2217; to any other the
// connection is the line.
type tcpEnd struct {
	l    net.Listener
	seen string        // its name
	free chan struct{} // has one where no client is there

	mu     sync.Mutex
	client net.Conn
	closed bool
}

// handover is how long a client waits for the one before it to be gone, in wall time: who
// closes the port and opens it again at once is not turned away.
const handover = 500 * time.Millisecond

// listen opens the port.
func listen(s Spec) (*tcpEnd, error) {
	host := s.Host
	if host == "*" {
		host = ""
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(s.Port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: another program uses that port; stop it or choose another, such as tcp:%d", s.where(), s.Port+1)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: ports below 1024 need privileges; choose a higher one, such as tcp:7000", s.where())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: this computer has no such address; leave it out for %s", s.where(), loopback)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", s.where(), err)
	}
	e := &tcpEnd{l: l, seen: "tcp:" + l.Addr().String(), free: make(chan struct{}, 1)}
	e.free <- struct{}{}
	return e, nil
}

func (e *tcpEnd) name() string { return e.seen }

// public reports whether other computers may reach the port.
func (e *tcpEnd) public() bool {
	at, err := netip.ParseAddrPort(e.l.Addr().String())
	return err != nil || !at.Addr().IsLoopback()
}

func (e *tcpEnd) serve(l *Line) {
	if e.public() {
		l.note("it is not on %s: whoever reaches this computer there can run programs on the device", loopback)
	}
	for {
		conn, err := e.l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			select {
			case <-time.After(10 * time.Millisecond): // the host is short of something
				continue
			case <-l.ctx.Done():
				return
			}
		}
		select {
		case <-e.free:
			l.work.Go(func() {
				defer func() { e.free <- struct{}{} }()
				defer conn.Close()
				if e.take(conn) {
					e.session(l, conn)
				}
			})
		case <-time.After(handover):
			conn.Close()
			l.note("a second program was turned away: another one has it open")
		case <-l.ctx.Done():
			conn.Close()
		}
	}
}

// take makes a connection the one that close closes. It returns false when that is over.
func (e *tcpEnd) take(conn net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.client = conn
	return !e.closed
}

func (e *tcpEnd) close() {
	e.l.Close()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.client != nil {
		e.client.Close()
	}
}

// session serves one client.
func (e *tcpEnd) session(l *Line, conn net.Conn) {
	out := newOutbox(conn, func(error) bool { conn.Close(); return true })
	l.opened(out)
	defer l.closed()
	s := &tcpSession{l: l, out: out}
	defer s.hangUp()
	for {
		buf := make([]byte, readSize) // the line keeps it
		n, err := conn.Read(buf)
		if n > 0 && !s.take(buf[:n]) {
			return
		}
		if err != nil {
			return
		}
	}
}

// tcpSession is what a client has said so far.
type tcpSession struct {
	l      *Line
	out    *outbox
	first  []byte // what came before it is known how the client speaks
	known  bool
	telnet *rfc2217.Server // nil: the connection is the line
	lines  rfc2217.Lines
}

// take takes what has come, and returns when the device has fetched it. ok is false when
// the session is to end.
func (s *tcpSession) take(data []byte) (ok bool) {
	if !s.known {
		s.first = append(s.first, data...)
		telnet, known := rfc2217.Begins(s.first)
		if !known {
			return true
		}
		s.known = true
		if telnet {
			s.telnet = &rfc2217.Server{}
			s.out.setEncoding(rfc2217.Escape)
		}
		data, s.first = s.first, nil
	}
	if s.telnet == nil {
		return s.l.typed(data)
	}
	t := s.telnet.Take(data)
	if t.Purge {
		s.out.purge()
	}
	if len(t.Reply) > 0 && !s.out.answer(t.Reply) {
		return false
	}
	if t.Baud != 0 {
		s.l.setBaud(t.Baud)
	}
	for _, lines := range t.Lines {
		s.set(lines)
	}
	return s.l.typed(t.Data)
}

// set sets the modem lines.
func (s *tcpSession) set(lines rfc2217.Lines) {
	if lines != s.lines {
		s.lines = lines
		s.l.send(input.ModemLines{DTR: lines.DTR, RTS: lines.RTS})
	}
}

// hangUp lets go of the modem lines, as the closing of a port does.
func (s *tcpSession) hangUp() { s.set(rfc2217.Lines{}) }
