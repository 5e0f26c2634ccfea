package lwip

// The TCP tick: delayed ACKs every 125 ms; retransmission, probes, keepalive and
// the end of closing states every 250 ms (fw: app/lwip/core/tcp.c, tcp_tmr).

func (s *Stack) tcpTick() {
	s.tickCount++
	slow := s.tickCount&1 != 0
	if s.OnTick != nil {
		s.OnTick(slow)
	}
	s.fastTick()
	if slow {
		s.slowTick()
	}
}

func (s *Stack) fastTick() {
	for c := s.active; c != nil; {
		next := c.next
		if c.refused != nil && c.offerRefused() == ErrAbort {
			c = s.after(next)
			continue
		}
		if c.flags&flagAckDelay != 0 {
			c.flags |= flagAckNow
			c.Output()
			c.flags &^= flagAckDelay | flagAckNow
		}
		c = s.after(next)
	}
}

func (s *Stack) slowTick() {
	s.ticks++
	for c := s.active; c != nil; {
		next := c.next
		remove, reset := c.slowTick()
		if remove {
			c.purge()
			unlink(&s.active, c)
			if reset {
				s.reset(c.sndNxt, c.rcvNxt, c.localIP, c.remoteIP, c.localPort, c.remotePort)
			}
			if c.OnError != nil {
				c.OnError(ErrAbort)
			}
			s.free(c)
		} else {
			c.poll()
		}
		c = s.after(next)
	}
	for c := s.timeWait; c != nil; {
		next := c.next
		if s.ticks-c.tmr > timeWaitTicks {
			c.purge()
			unlink(&s.timeWait, c)
			s.free(c)
		}
		c = next
	}
}

// after returns c, or nil if a callback has taken it off the list meanwhile: its
// link is gone then, and the rest of the list waits for the next tick.
func (s *Stack) after(c *TCPConn) *TCPConn {
	if c == nil || c.freed || c.state == TimeWait {
		return nil
	}
	return c
}

// slowTick runs the timers of one active connection and says whether it is over,
// and whether the peer is told with a RST.
func (c *TCPConn) slowTick() (remove, reset bool) {
	s := c.s
	switch {
	case c.state == SynSent && int(c.nrtx) == s.p.SynRetries, int(c.nrtx) == s.p.DataRetries:
		remove = true
	case c.persistBackoff > 0:
		c.persistCnt++
		if c.persistCnt >= persistBackoff[c.persistBackoff-1] {
			c.persistCnt = 0
			if int(c.persistBackoff) < len(persistBackoff) {
				c.persistBackoff++
			}
			c.probeWindow()
		}
	default:
		if c.rtime >= 0 {
			c.rtime++
		}
		if len(c.unacked) > 0 && c.rtime >= c.rto {
			if c.state != SynSent {
				c.rto = (c.sa>>3 + c.sv) << rtoBackoff[min(int(c.nrtx), len(rtoBackoff)-1)]
			}
			c.rtime = 0
			c.ssthresh = max(min(c.cwnd, c.sndWnd)/2, 2*c.mss)
			c.cwnd = c.mss
			c.retransmitAll()
		}
	}
	idle := s.ticks - c.tmr
	if c.state == FinWait2 && idle > finWaitTicks {
		remove = true
	}
	if c.KeepAlive && (c.state == Established || c.state == CloseWait) {
		if idle > (c.KeepIdle+c.KeepCount*c.KeepInterval)/slowInterval {
			remove, reset = true, true
		} else if idle > (c.KeepIdle+c.keepSent*c.KeepInterval)/slowInterval {
			c.probeKeepAlive()
			c.keepSent++
		}
	}
	if len(c.ooo) > 0 && idle >= uint32(c.rto)*oooTimeout {
		c.freeAll(&c.ooo)
	}
	if c.state == SynReceived && idle > synRcvdTicks {
		remove = true
	}
	if c.state == LastAck && idle > timeWaitTicks {
		remove = true
	}
	return remove, reset
}
