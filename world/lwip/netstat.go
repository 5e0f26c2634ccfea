package lwip

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Conn is one line of netstat: a copy of what a PCB was like.
type Conn struct {
	Proto  wire.Proto
	State  string // TCP: lwIP's name of the state
	Local  netip.AddrPort
	Remote netip.AddrPort // zero for listeners and UDP

	Owner            any
	RxBytes, TxBytes uint64 // payload since the PCB was made

	// TCP. Queued counts data bytes not acknowledged, Unsent and Unacked are
	// segments; Unread is how much of the receive window the owner has not given
	// back (as with hold).
	Queued           int
	Unsent, Unacked  int
	OutOfOrder       int
	Unread           int
	SendSpace        int
	QueueLen         int
	SendWindow       int
	RecvWindow       int
	AnnouncedWindow  int
	MSS              int
	Cwnd, SSThresh   int
	RTO, Retransmits int // RTO in slow ticks of 250 ms
	UnackedBytes     int // data bytes in the Unacked segments
	Resent           int // segments sent again since the PCB was made
}

// Listening reports whether a listener, or a UDP socket, has a port.
func (s *Stack) Listening(proto wire.Proto, port uint16) bool {
	switch proto {
	case wire.TCP:
		for c := s.listening; c != nil; c = c.next {
			if c.localPort == port {
				return true
			}
		}
	case wire.UDP:
		for u := s.udp; u != nil; u = u.next {
			if u.localPort == port {
				return true
			}
		}
	}
	return false
}

// Netstat lists the PCBs: active connections in lwIP's order (the one that last
// received first), those in TIME_WAIT, bound ones, listeners, UDP.
func (s *Stack) Netstat() []Conn {
	var out []Conn
	for _, list := range []*TCPConn{s.active, s.timeWait, s.bound, s.listening} {
		for c := list; c != nil; c = c.next {
			out = append(out, c.Stat())
		}
	}
	for u := s.udp; u != nil; u = u.next {
		out = append(out, Conn{Proto: wire.UDP, Local: u.LocalAddr(), Owner: u.Owner, RxBytes: u.rxBytes, TxBytes: u.txBytes})
	}
	return out
}

// Stat describes the connection.
func (c *TCPConn) Stat() Conn {
	st := Conn{Proto: wire.TCP, State: c.state.String(), Local: c.LocalAddr(), Owner: c.Owner}
	if c.state == Listen {
		return st
	}
	st.Remote = c.RemoteAddr()
	st.RxBytes, st.TxBytes = c.rxBytes, c.txBytes
	st.Queued = c.Queued()
	st.Unsent, st.Unacked, st.OutOfOrder = len(c.unsent), len(c.unacked), len(c.ooo)
	st.Unread = c.Unread()
	st.SendSpace, st.QueueLen = c.sndBuf, c.queueLen
	st.SendWindow, st.RecvWindow, st.AnnouncedWindow = c.sndWnd, c.rcvWnd, c.rcvAnnWnd
	st.MSS, st.Cwnd, st.SSThresh = c.mss, c.cwnd, c.ssthresh
	st.RTO, st.Retransmits = int(c.rto), int(c.nrtx)
	for _, g := range c.unacked {
		st.UnackedBytes += len(g.data)
	}
	st.Resent = c.resent
	return st
}
