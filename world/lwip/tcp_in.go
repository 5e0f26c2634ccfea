package lwip

import (
	"fmt"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Incoming TCP: finding the connection, the state machine, acknowledgements, and
// putting data in order (fw: app/lwip/core/tcp_in.c).

// inSegment is the segment that is being processed, and what came of it.
type inSegment struct {
	p     *wire.Packet
	rx    *Received // nil once its data is with the owner
	seq   uint32
	data  []byte
	flags wire.Flags
	len   uint32 // sequence numbers it takes

	recv    [][]byte    // data for the owner, one entry per packet
	recvRx  []*Received // the memory of that data
	gotFin  bool
	gotRst  bool
	allDone bool // our FIN is acknowledged: the connection is over
}

func (in *inSegment) setData(data []byte) {
	in.data = data
	in.len = uint32(len(data))
	if in.flags&(wire.SYN|wire.FIN) != 0 {
		in.len++
	}
}

func (s *Stack) tcpInput(p *wire.Packet, b *Received) {
	in := &inSegment{p: p, rx: b, seq: p.Seq, flags: p.Flags}
	in.setData(p.Payload)
	s.demultiplex(p, in)
	if in.rx != nil {
		in.rx.release()
	}
}

func (s *Stack) demultiplex(p *wire.Packet, in *inSegment) {
	if c := s.find(&s.active, p); c != nil {
		unlink(&s.active, c) // to the front: the timers follow this order
		c.next = s.active
		s.active = c
		s.process(c, in)
		return
	}
	for c := s.timeWait; c != nil; c = c.next {
		if c.matches(p) {
			s.timeWaitInput(c, in)
			return
		}
	}
	if l := s.findListener(p); l != nil {
		s.listenInput(l, in)
		return
	}
	if p.Flags&wire.RST == 0 {
		s.resetFor(in)
	}
}

func (c *TCPConn) matches(p *wire.Packet) bool {
	return c.remotePort == p.SrcPort && c.localPort == p.DstPort && c.remoteIP == p.Src && c.localIP == p.Dst
}

func (s *Stack) find(list **TCPConn, p *wire.Packet) *TCPConn {
	for c := *list; c != nil; c = c.next {
		if c.matches(p) {
			return c
		}
	}
	return nil
}

// findListener prefers a listener on the packet's address to one on any.
func (s *Stack) findListener(p *wire.Packet) *TCPConn {
	var best *TCPConn
	for l := s.listening; l != nil; l = l.next {
		if l.localPort != p.DstPort {
			continue
		}
		if l.localIP == p.Dst {
			best = l
			break
		}
		if isAny(l.localIP) {
			best = l
		}
	}
	if best != nil {
		unlink(&s.listening, best)
		best.next = s.listening
		s.listening = best
	}
	return best
}

// resetFor answers a segment with a RST.
func (s *Stack) resetFor(in *inSegment) {
	s.reset(in.p.Ack, in.seq+in.len, in.p.Dst, in.p.Src, in.p.DstPort, in.p.SrcPort)
}

// process runs a segment through its connection, tells the owner what came of
// it, and sends what may be sent then.
func (s *Stack) process(c *TCPConn, in *inSegment) {
	if c.refused != nil {
		if err := c.offerRefused(); err == ErrAbort || err != OK && in.len > 0 {
			return // there is no room for more
		}
	}
	s.input = c
	flush := s.deliver(c, in)
	s.input = nil
	in.releaseRecv()
	if flush {
		c.Output()
	}
}

// deliver is process without the output at its end; it reports whether there is
// to be one.
func (s *Stack) deliver(c *TCPConn, in *inSegment) bool {
	if !c.advance(in) {
		return false
	}
	if in.gotRst || in.allDone {
		s.over(c, in)
		return false
	}
	if c.acked > 0 && c.OnSent != nil {
		if c.OnSent(c, c.acked) == ErrAbort || c.freed {
			return false
		}
	}
	if in.recv != nil {
		if c.flags&flagReceiveClosed != 0 {
			in.releaseRecv()
			c.Abort()
			return false
		}
		n := 0
		for _, d := range in.recv {
			n += len(d)
		}
		c.rxBytes += uint64(n)
		if c.OnRecv == nil {
			c.Recved(n)
		} else if err := c.OnRecv(c, in.recv); err == ErrAbort && !c.freed {
			in.recvRx = nil // the owner was to free it: in the firmware this leaks
			return false
		} else if err != OK && err != ErrAbort && !c.freed {
			c.refused, c.refusedRx = in.recv, in.recvRx
			in.recvRx = nil
		}
		in.releaseRecv()
		if c.freed {
			return false
		}
	}
	if in.gotFin {
		if c.rcvWnd != s.p.Window {
			c.rcvWnd++ // nobody will give the FIN's byte back
		}
		if c.OnRecv == nil {
			c.Close()
		} else if c.OnRecv(c, nil) == ErrAbort {
			return false
		}
		if c.freed {
			return false
		}
	}
	return true
}

// over ends a connection that was reset or has acknowledged our FIN.
func (s *Stack) over(c *TCPConn, in *inSegment) {
	switch {
	case in.gotRst:
		if c.OnError != nil {
			c.OnError(ErrReset)
		}
	default:
		if n := c.unsentBytes(); n > 0 && s.OnLoss != nil {
			s.OnLoss(c.Owner, LostTail, fmt.Sprintf("the last %d bytes were never sent: the peer closed while Nagle's algorithm held them back", n))
		}
		if c.flags&flagReceiveClosed == 0 && c.OnError != nil {
			c.OnError(ErrClosed)
		}
	}
	c.remove(&s.active)
	s.free(c)
}

func (c *TCPConn) unsentBytes() int {
	n := 0
	for _, g := range c.unsent {
		n += len(g.data)
	}
	return n
}

func (in *inSegment) releaseRecv() {
	for _, b := range in.recvRx {
		b.release()
	}
	in.recvRx = nil
}

// listenInput answers a SYN for a listener.
func (s *Stack) listenInput(l *TCPConn, in *inSegment) {
	if in.flags&wire.ACK != 0 {
		s.resetFor(in)
		return
	}
	if in.flags&wire.SYN == 0 {
		return
	}
	established := 0
	for c := s.active; c != nil; c = c.next {
		if c.state == Established {
			established++
		}
	}
	if s.p.EstablishedLimit > 0 && established == s.p.EstablishedLimit {
		if s.OnLoss != nil {
			s.OnLoss(l.Owner, LostAccept, fmt.Sprintf("a connection from %s was ignored: %d are established, which is the firmware's limit", in.p.Src, established))
		}
		return
	}
	c := s.NewTCP()
	if c == nil {
		return
	}
	c.localIP, c.localPort = in.p.Dst, l.localPort
	c.remoteIP, c.remotePort = in.p.Src, in.p.SrcPort
	c.state = SynReceived
	c.rcvNxt = in.seq + 1
	c.rcvAnnRight = c.rcvNxt
	c.sndWnd = int(in.p.Window)
	c.ssthresh = c.sndWnd
	c.sndWl1 = in.seq - 1
	c.OnAccept = l.OnAccept
	c.KeepAlive, c.ReuseAddr = l.KeepAlive, l.ReuseAddr
	s.register(&s.active, c)
	c.parseMSS(in.p)
	if c.enqueueFlags(wire.SYN|wire.ACK) != OK {
		c.abandon(false)
		return
	}
	c.Output()
}

func (s *Stack) timeWaitInput(c *TCPConn, in *inSegment) {
	if in.flags&wire.RST != 0 {
		if s.p.Reopen && in.seq == c.rcvNxt {
			c.abandon(false)
		}
		return
	}
	if in.flags&wire.SYN != 0 {
		if s.p.Reopen && in.flags&wire.ACK == 0 && int32(in.seq-c.rcvNxt) > 0 {
			c.abandon(false)
			s.demultiplex(in.p, in)
			return
		}
		if !s.p.Reopen && seqBetween(in.seq, c.rcvNxt, c.rcvNxt+uint32(c.rcvWnd)) {
			s.resetFor(in)
			return
		}
	} else if in.flags&wire.FIN != 0 {
		c.tmr = s.ticks
	}
	if in.len > 0 {
		c.flags |= flagAckNow
		c.Output()
	}
}

// parseMSS takes the peer's MSS option, limited to what this host can send.
func (c *TCPConn) parseMSS(p *wire.Packet) {
	if p.MSS != 0 {
		c.mss = min(int(p.MSS), c.s.p.MSS, MTU-40)
	}
}

// advance is the state machine (fw: tcp_process). It returns false when the
// connection must not be touched any more.
func (c *TCPConn) advance(in *inSegment) bool {
	s := c.s
	ack := in.p.Ack
	if in.flags&wire.RST != 0 {
		if c.state == SynSent && ack == c.sndNxt ||
			c.state != SynSent && seqBetween(in.seq, c.rcvNxt, c.rcvNxt+uint32(c.rcvWnd)) {
			in.gotRst = true
			c.flags &^= flagAckDelay
		}
		// What follows in process has no effect for a RST that was not
		// acceptable, but for a sent event: acked is left from before.
		return true
	}
	if in.flags&wire.SYN != 0 && c.state != SynSent && c.state != SynReceived {
		c.flags |= flagAckNow
		return true
	}
	if c.flags&flagReceiveClosed == 0 {
		c.tmr = s.ticks
	}
	c.keepSent = 0
	c.parseMSS(in.p)

	hasAck := in.flags&wire.ACK != 0
	switch c.state {
	case SynSent:
		return c.synSent(in, hasAck)
	case SynReceived:
		return c.synReceived(in, hasAck)
	case CloseWait, Established:
		c.receive(in)
		if in.gotFin {
			c.flags |= flagAckNow
			c.state = CloseWait
		}
	case FinWait1:
		c.receive(in)
		if in.gotFin {
			c.flags |= flagAckNow
			if hasAck && ack == c.sndNxt {
				c.purge()
				c.enterTimeWait()
			} else {
				c.state = Closing
			}
		} else if hasAck && ack == c.sndNxt {
			c.state = FinWait2
		}
	case FinWait2:
		c.receive(in)
		if in.gotFin {
			c.flags |= flagAckNow
			c.purge()
			c.enterTimeWait()
		}
	case Closing:
		c.receive(in)
		if hasAck && ack == c.sndNxt {
			c.purge()
			c.enterTimeWait()
		}
	case LastAck:
		c.receive(in)
		if hasAck && ack == c.sndNxt {
			in.allDone = true
		}
	}
	return true
}

func (c *TCPConn) synSent(in *inSegment, hasAck bool) bool {
	ack := in.p.Ack
	if !hasAck {
		return true
	}
	if in.flags&wire.SYN == 0 || len(c.unacked) == 0 || ack != c.unacked[0].seq+1 {
		c.s.resetFor(in)
		return true
	}
	c.sndBuf++
	c.rcvNxt = in.seq + 1
	c.rcvAnnRight = c.rcvNxt
	c.lastAck = ack
	c.sndWnd = int(in.p.Window)
	c.sndWl1 = in.seq - 1
	c.state = Established
	c.ssthresh = c.mss * 10
	c.startCwnd(c.cwnd)
	c.queueLen--
	syn := c.unacked[0]
	c.unacked = slices.Delete(c.unacked, 0, 1)
	c.rtime = noTimer
	if len(c.unacked) > 0 {
		c.rtime = 0
	}
	c.nrtx = 0
	c.freeSegment(syn)
	if c.OnConnected != nil && c.OnConnected(c) == ErrAbort || c.freed {
		return false
	}
	c.flags |= flagAckNow
	return true
}

// startCwnd sets the congestion window when the connection is established: one
// segment less if the SYN had to be sent again.
func (c *TCPConn) startCwnd(before int) {
	c.cwnd = c.mss
	if before == 1 {
		c.cwnd = 2 * c.mss
	}
}

func (c *TCPConn) synReceived(in *inSegment, hasAck bool) bool {
	if !hasAck {
		if in.flags&wire.SYN != 0 && in.seq == c.rcvNxt-1 {
			c.retransmitFirst() // another copy of the SYN
		}
		return true
	}
	if !seqBetween(in.p.Ack, c.lastAck+1, c.sndNxt) {
		c.s.resetFor(in)
		return true
	}
	c.state = Established
	err := ErrArg
	if c.OnAccept != nil {
		err = c.OnAccept(c)
	}
	if err != OK || c.freed {
		if err != ErrAbort {
			c.Abort()
		}
		return false
	}
	before := c.cwnd
	c.receive(in)
	if c.acked != 0 {
		c.acked-- // the SYN is no data
	}
	c.startCwnd(before)
	if in.gotFin {
		c.flags |= flagAckNow
		c.state = CloseWait
	}
	return true
}

// receive handles the acknowledgement and the data of a segment (fw:
// tcp_receive).
func (c *TCPConn) receive(in *inSegment) {
	if in.flags&wire.ACK != 0 {
		c.acknowledge(in)
	}
	if in.len > 0 {
		c.receiveData(in)
	} else if !seqBetween(in.seq, c.rcvNxt, c.rcvNxt+uint32(c.rcvWnd)-1) {
		c.flags |= flagAckNow
	}
}

func (c *TCPConn) receiveData(in *inSegment) {
	if seqBetween(c.rcvNxt, in.seq+1, in.seq+in.len-1) {
		// The front of it is known already. With a FIN at the end, seq+len-1 is
		// where the FIN is.
		known := c.rcvNxt - in.seq
		in.setData(in.data[min(int(known), len(in.data)):])
		in.seq = c.rcvNxt
	} else if seqLT(in.seq, c.rcvNxt) {
		c.flags |= flagAckNow
	}
	switch {
	case !seqBetween(in.seq, c.rcvNxt, c.rcvNxt+uint32(c.rcvWnd)-1):
		c.sendEmptyAck()
	case in.seq != c.rcvNxt:
		c.sendEmptyAck()
		c.keepForLater(in)
	default:
		c.inOrder(in)
	}
}

// inOrder takes a segment that continues the stream, and those kept for later
// that follow it.
func (c *TCPConn) inOrder(in *inSegment) {
	if in.len > uint32(c.rcvWnd) {
		in.flags &^= wire.FIN
		n := c.rcvWnd
		if in.flags&wire.SYN != 0 {
			n--
		}
		in.setData(in.data[:max(min(n, len(in.data)), 0)])
	}
	if len(c.ooo) > 0 {
		c.mergeOutOfOrder(in)
	}
	c.rcvNxt = in.seq + in.len
	c.rcvWnd -= int(in.len)
	c.updateAnnounced()
	if len(in.data) > 0 {
		in.deliver(in.data, in.rx)
		in.rx = nil
	}
	if in.flags&wire.FIN != 0 {
		in.gotFin = true
	}
	for len(c.ooo) > 0 && c.ooo[0].seq == c.rcvNxt {
		g := c.ooo[0]
		c.ooo = c.ooo[1:]
		c.rcvNxt += g.len()
		// What was kept for later was not cut to the window when it came: the
		// firmware's 16 bits wrap when there is more of it than window.
		c.rcvWnd = int(uint16(c.rcvWnd - int(g.len())))
		c.updateAnnounced()
		if len(g.data) > 0 {
			g.rx.refs++
			in.deliver(g.data, g.rx)
		}
		if g.flags&wire.FIN != 0 {
			in.gotFin = true
			if c.state == Established {
				c.state = CloseWait
			}
		}
		c.freeSegment(g)
	}
	if c.s.p.AckAtOnce || c.flags&flagAckDelay != 0 {
		c.flags &^= flagAckDelay
		c.flags |= flagAckNow
	} else {
		c.flags |= flagAckDelay
	}
}

// deliver hands data, and the memory it is in, on to the owner.
func (in *inSegment) deliver(data []byte, rx *Received) {
	in.recv = append(in.recv, data)
	in.recvRx = append(in.recvRx, rx)
}
