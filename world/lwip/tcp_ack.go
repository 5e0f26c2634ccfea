package lwip

import (
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
	"slices"
)

// Acknowledgements: the peer's window, what it has received, duplicate ACKs, the
// congestion window and the round-trip time (fw: tcp_in.c, tcp_receive).

func (c *TCPConn) acknowledge(in *inSegment) {
	ack, wnd := in.p.Ack, int(in.p.Window)
	rightEdge := uint32(c.sndWnd) + c.sndWl2
	if seqLT(c.sndWl1, in.seq) || c.sndWl1 == in.seq && seqLT(c.sndWl2, ack) ||
		c.sndWl2 == ack && wnd > c.sndWnd {
		c.sndWnd = wnd
		c.sndWl1 = in.seq
		c.sndWl2 = ack
		if c.sndWnd > 0 {
			c.persistBackoff = 0
		}
	}
	switch {
	case seqLE(ack, c.lastAck):
		c.acked = 0
		if in.len == 0 && c.sndWl2+uint32(c.sndWnd) == rightEdge && c.rtime >= 0 && c.lastAck == ack {
			c.duplicateAck()
		} else {
			c.dupAcks = 0
		}
	case seqBetween(ack, c.lastAck+1, c.sndNxt):
		c.newAck(ack)
	default:
		c.acked = 0
	}
	// After a retransmission everything is on the unsent queue, though it has
	// been sent: so that is looked through, too.
	for len(c.unsent) > 0 {
		g := c.unsent[0]
		if !seqBetween(ack, g.seq+g.len(), c.sndNxt) {
			break
		}
		c.unsent = slices.Delete(c.unsent, 0, 1)
		c.acknowledged(g)
	}
	c.measureRTT(ack)
}

func (c *TCPConn) duplicateAck() {
	c.dupAcks++ // wraps, as the firmware's byte does
	if c.dupAcks > dupAckLimit {
		if c.cwnd+c.mss <= maxWindow {
			c.cwnd += c.mss
		}
	} else if c.dupAcks == dupAckLimit {
		c.fastRetransmit()
	}
}

func (c *TCPConn) newAck(ack uint32) {
	if c.flags&flagFastRecovery != 0 {
		c.flags &^= flagFastRecovery
		c.cwnd = c.ssthresh
	}
	c.nrtx = 0
	c.rto = c.sa>>3 + c.sv
	c.acked = int(uint16(ack - c.lastAck))
	c.sndBuf += c.acked
	c.dupAcks = 0
	c.lastAck = ack
	if c.state >= Established {
		if c.cwnd < c.ssthresh {
			if c.cwnd+c.mss <= maxWindow {
				c.cwnd += c.mss
			}
		} else if n := c.cwnd + c.mss*c.mss/c.cwnd; n <= maxWindow {
			c.cwnd = n
		}
	}
	for len(c.unacked) > 0 {
		g := c.unacked[0]
		if !seqLE(g.seq+g.len(), ack) {
			break
		}
		c.unacked = slices.Delete(c.unacked, 0, 1)
		c.acknowledged(g)
	}
	c.rtime = noTimer
	if len(c.unacked) > 0 {
		c.rtime = 0
	}
}

// acknowledged frees a segment that the peer has.
func (c *TCPConn) acknowledged(g *segment) {
	if c.acked != 0 && g.flags&wire.FIN != 0 {
		c.acked-- // the FIN is no data
	}
	c.queueLen--
	c.freeSegment(g)
}

// measureRTT takes a sample when the measured segment is acknowledged, with
// Jacobson's integer arithmetic (in slow ticks).
func (c *TCPConn) measureRTT(ack uint32) {
	if c.rttest == 0 || !seqLT(c.rtseq, ack) {
		return
	}
	m := int16(c.s.ticks - c.rttest)
	m -= c.sa >> 3
	c.sa += m
	if m < 0 {
		m = -m
	}
	m -= c.sv >> 2
	c.sv += m
	c.rto = c.sa>>3 + c.sv
	c.rttest = 0
}
