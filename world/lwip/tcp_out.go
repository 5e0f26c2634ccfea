package lwip

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Outgoing TCP: queueing, segmentation, the rule when a segment may leave,
// retransmission and probes (fw: app/lwip/core/tcp_out.c).

// Write queues data, all of it or none. Data is copied. ErrMem: no room in the
// send buffer, in the segment queue, or in the heap; ErrConn: not in a state to
// send. Each segment gets a buffer of a full MSS, which later writes fill up
// while the segment has not been sent.
func (c *TCPConn) Write(data []byte) Err { return c.write(data, c.mss) }

// WriteShared is Write for data that stays where it is until it is acknowledged: a segment
// takes memory for its headers only.
func (c *TCPConn) WriteShared(data []byte) Err { return c.write(data, 0) }

// write is Write with buffers of so many bytes, 0: none.
func (c *TCPConn) write(data []byte, buffer int) Err {
	switch c.state {
	case Established, CloseWait, SynSent, SynReceived:
	default:
		return ErrConn
	}
	if len(data) == 0 {
		return OK
	}
	if len(data) > c.sndBuf || c.queueLen >= c.s.p.SendQueueLen {
		c.flags |= flagNagleMemErr
		return ErrMem
	}
	// First fill the last unsent segment.
	fill := min(c.oversize, len(data))
	if buffer == 0 {
		fill = 0
	}
	oversize := c.oversize - fill
	rest := data[fill:]
	// Then cut what is left into new ones.
	var queue []*segment
	seq := c.sndLbb + uint32(fill)
	for len(rest) > 0 {
		n := min(len(rest), c.mss)
		g := c.newSegment(seq, 0, max(buffer, sizePbuf), c.queueLen+len(queue) < c.s.p.SendQueueLen)
		if g == nil {
			c.freeAll(&queue)
			c.flags |= flagNagleMemErr
			return ErrMem
		}
		g.data = slices.Clone(rest[:n])
		queue = append(queue, g)
		seq += uint32(n)
		rest = rest[n:]
		oversize = max(buffer-n, 0)
	}
	if fill > 0 {
		last := c.unsent[len(c.unsent)-1]
		last.data = append(last.data, data[:fill]...)
	}
	c.unsent = append(c.unsent, queue...)
	c.unsent[len(c.unsent)-1].flags |= wire.PSH
	c.oversize = oversize
	c.sndLbb += uint32(len(data))
	c.sndBuf -= len(data)
	c.queueLen += len(queue)
	if c.s.p.Push {
		c.Output()
	}
	return OK
}

// WriteSome queues as much of data as there is room for and returns how much
// that was: how a far end with a stream behind it sends.
func (c *TCPConn) WriteSome(data []byte) (int, Err) {
	free := (c.s.p.SendQueueLen - c.queueLen) * c.mss
	n := min(len(data), c.sndBuf, max(free, 0))
	if n == 0 {
		return 0, OK
	}
	if err := c.Write(data[:n]); err != OK {
		return 0, err
	}
	return n, OK
}

// newSegment allocates a segment with a buffer of size bytes behind the TCP
// header. mayQueue false means that the queue is full: then, as in the firmware,
// the buffer is allocated before that is noticed.
func (c *TCPConn) newSegment(seq uint32, flags wire.Flags, size int, mayQueue bool) *segment {
	size = pbufTransport + align4(size)
	if !c.s.alloc(KindPbuf, size) {
		return nil
	}
	if !mayQueue || !c.s.alloc(KindSegment, sizeSegment) {
		c.s.release(KindPbuf, size)
		return nil
	}
	return &segment{seq: seq, flags: flags, size: size}
}

// enqueueFlags queues a segment that carries SYN or FIN and no data.
func (c *TCPConn) enqueueFlags(flags wire.Flags) Err {
	if c.queueLen >= c.s.p.SendQueueLen {
		c.flags |= flagNagleMemErr
		return ErrMem
	}
	if c.sndBuf == 0 { // SYN and FIN take a byte of it: no FIN while it is full
		return ErrMem
	}
	size := 0
	if flags&wire.SYN != 0 {
		size = 4 // the MSS option
	}
	g := c.newSegment(c.sndLbb, flags, size, true)
	if g == nil {
		c.flags |= flagNagleMemErr
		return ErrMem
	}
	c.unsent = append(c.unsent, g)
	c.oversize = 0
	c.sndLbb++
	c.sndBuf--
	if flags&wire.FIN != 0 {
		c.flags |= flagFin
	}
	c.queueLen++
	return OK
}

// sendFin marks the last unsent segment with FIN, or queues a FIN of its own. A
// marked segment takes no byte of the send buffer and does not override Nagle.
func (c *TCPConn) sendFin() Err {
	if n := len(c.unsent); n > 0 {
		if last := c.unsent[n-1]; last.flags&(wire.SYN|wire.FIN|wire.RST) == 0 {
			last.flags |= wire.FIN
			return OK
		}
	}
	return c.enqueueFlags(wire.FIN)
}

// nagle reports whether the first unsent segment may leave as far as Nagle's
// algorithm is concerned.
func (c *TCPConn) nagle() bool {
	return len(c.unacked) == 0 || c.flags&flagFastRecovery != 0 || c.NoDelay || c.s.p.NoDelay ||
		len(c.unsent) > 1 || len(c.unsent[0].data) >= c.mss
}

// fits reports whether the whole segment is inside a window counted from the
// oldest byte not acknowledged.
func (c *TCPConn) fits(g *segment, wnd int) bool {
	return g.seq-c.lastAck+uint32(len(g.data)) <= uint32(wnd)
}

// Output sends what may be sent now, or an ACK if one is due and nothing else
// goes. While a segment for the connection is being processed it does nothing:
// that processing ends with an output (fw: tcp_output).
func (c *TCPConn) Output() {
	if c.s.input == c {
		return
	}
	wnd := min(c.sndWnd, c.cwnd)
	if c.flags&flagAckNow != 0 && (len(c.unsent) == 0 || !c.fits(c.unsent[0], wnd)) {
		c.sendEmptyAck()
		return
	}
	for len(c.unsent) > 0 && c.fits(c.unsent[0], wnd) {
		if !c.nagle() && c.flags&(flagNagleMemErr|flagFin) == 0 {
			break
		}
		g := c.unsent[0]
		c.unsent = slices.Delete(c.unsent, 0, 1)
		if c.state != SynSent {
			g.flags |= wire.ACK
			c.flags &^= flagAckDelay | flagAckNow
		}
		c.sendSegment(g)
		if end := g.seq + g.len(); seqLT(c.sndNxt, end) {
			c.sndNxt = end
		}
		if g.len() > 0 {
			insertSorted(&c.unacked, g)
		} else {
			c.freeSegment(g)
		}
	}
	if len(c.unsent) == 0 {
		c.oversize = 0
	} else if c.persistBackoff == 0 && !c.fits(c.unsent[0], c.sndWnd) {
		c.persistCnt = 0
		c.persistBackoff = 1
	}
	c.flags &^= flagNagleMemErr
}

// insertSorted puts g behind all segments of lower or equal sequence numbers.
func insertSorted(q *[]*segment, g *segment) {
	i := len(*q)
	for i > 0 && seqLT(g.seq, (*q)[i-1].seq) {
		i--
	}
	*q = append(*q, nil)
	copy((*q)[i+1:], (*q)[i:])
	(*q)[i] = g
}

// header makes a packet of the connection; it promises the announced window.
func (c *TCPConn) header(seq uint32, flags wire.Flags) *wire.Packet {
	c.rcvAnnRight = c.rcvNxt + uint32(c.rcvAnnWnd)
	return &wire.Packet{
		Src: c.localIP, Dst: c.remoteIP, Proto: wire.TCP, TTL: c.TTL,
		SrcPort: c.localPort, DstPort: c.remotePort,
		Seq: seq, Ack: c.rcvNxt, Flags: flags, Window: uint16(c.rcvAnnWnd),
	}
}

func (c *TCPConn) sendSegment(g *segment) {
	p := c.header(g.seq, g.flags)
	if g.flags&wire.ACK == 0 {
		p.Ack = 0
	}
	if g.flags&wire.SYN != 0 {
		p.MSS = uint16(c.s.p.MSS)
	}
	p.Payload = g.data[:len(g.data):len(g.data)]
	if c.rtime == noTimer {
		c.rtime = 0
	}
	if isAny(c.localIP) {
		i := c.s.route(c.remoteIP)
		if i < 0 {
			return
		}
		c.localIP = c.s.netifs[i].Prefix.Addr()
		p.Src = c.localIP
	}
	if c.rttest == 0 {
		c.rttest = c.s.ticks
		c.rtseq = g.seq
	}
	if c.nrtx == 0 {
		c.txBytes += uint64(len(g.data))
	}
	c.s.transmit(p)
}

func (c *TCPConn) sendEmptyAck() {
	if !c.s.momentary(KindPbuf, pbufIP+tcpHeaderLen) {
		return
	}
	c.flags &^= flagAckDelay | flagAckNow
	c.s.transmit(c.header(c.sndNxt, wire.ACK))
}

const tcpHeaderLen = 20

// reset sends a RST that belongs to no connection.
func (s *Stack) reset(seq, ack uint32, local, remote netip.Addr, localPort, remotePort uint16) {
	if !s.momentary(KindPbuf, pbufIP+tcpHeaderLen) {
		return
	}
	s.transmit(&wire.Packet{
		Src: local, Dst: remote, Proto: wire.TCP, TTL: s.p.TTL,
		SrcPort: localPort, DstPort: remotePort,
		Seq: seq, Ack: ack, Flags: wire.RST | wire.ACK, Window: uint16(s.p.Window),
	})
}

// retransmitAll queues everything unacknowledged again and sends what the window
// allows (fw: tcp_rexmit_rto).
func (c *TCPConn) retransmitAll() {
	if len(c.unacked) == 0 {
		return
	}
	c.resent += len(c.unacked)
	c.unsent = append(c.unacked, c.unsent...)
	c.unacked = nil
	c.nrtx++
	c.rttest = 0
	c.Output()
}

// retransmitFirst queues the oldest unacknowledged segment again. The caller is
// the processing of a segment, which ends with an output (fw: tcp_rexmit).
func (c *TCPConn) retransmitFirst() {
	if len(c.unacked) == 0 {
		return
	}
	g := c.unacked[0]
	c.unacked = append([]*segment(nil), c.unacked[1:]...)
	i := 0
	for i < len(c.unsent) && seqLT(c.unsent[i].seq, g.seq) {
		i++
	}
	c.unsent = append(c.unsent[:i:i], append([]*segment{g}, c.unsent[i:]...)...)
	if i == len(c.unsent)-1 {
		c.oversize = 0
	}
	c.resent++
	c.nrtx++
	c.rttest = 0
}

// fastRetransmit reacts to the third duplicate ACK (fw: tcp_rexmit_fast).
func (c *TCPConn) fastRetransmit() {
	if len(c.unacked) == 0 || c.flags&flagFastRecovery != 0 {
		return
	}
	c.retransmitFirst()
	c.ssthresh = max(min(c.cwnd, c.sndWnd)/2, 2*c.mss)
	c.cwnd = c.ssthresh + 3*c.mss
	c.flags |= flagFastRecovery
}

// probeKeepAlive sends an empty segment with a sequence number the peer has
// already acknowledged, which it must answer.
func (c *TCPConn) probeKeepAlive() {
	if c.s.momentary(KindPbuf, pbufIP+tcpHeaderLen) {
		c.s.transmit(c.header(c.sndNxt-1, wire.ACK))
	}
}

// probeWindow sends one byte, or the FIN, into a window that is too small.
func (c *TCPConn) probeWindow() {
	var g *segment
	switch {
	case len(c.unacked) > 0:
		g = c.unacked[0]
	case len(c.unsent) > 0:
		g = c.unsent[0]
	default:
		return
	}
	flags, n := wire.ACK, 1
	if g.flags&wire.FIN != 0 && len(g.data) == 0 {
		flags, n = wire.ACK|wire.FIN, 0
	}
	if !c.s.momentary(KindPbuf, pbufIP+align4(tcpHeaderLen+n)) {
		return
	}
	p := c.header(g.seq, flags)
	if n > 0 {
		p.Payload = append([]byte(nil), g.data[:min(n, len(g.data))]...)
	}
	c.s.transmit(p)
}
