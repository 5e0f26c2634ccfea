package lwip

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// State is the state of a TCP connection.
type State uint8

// The states, in lwIP's order: those from Established on are synchronized.
const (
	Closed State = iota
	Listen
	SynSent
	SynReceived
	Established
	FinWait1
	FinWait2
	CloseWait
	Closing
	LastAck
	TimeWait
)

var stateNames = [...]string{"CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "FIN_WAIT_1",
	"FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"}

// String returns lwIP's name of the state.
func (s State) String() string { return stateNames[s] }

// Timer values in slow ticks of 250 ms and the like (fw: tcp_impl.h; oracle:
// net-constants.json timers_ms).
const (
	slowInterval   = 250 // ms
	msl            = 5000
	timeWaitTicks  = 2 * msl / slowInterval
	finWaitTicks   = 20000 / slowInterval
	synRcvdTicks   = 20000 / slowInterval
	keepIdle       = 120000 // ms
	keepInterval   = 10000  // ms
	keepCount      = 9
	oooTimeout     = 6 // times the retransmission timeout
	initialRTO     = 1000 / slowInterval
	defaultMSS     = 536
	dupAckLimit    = 3
	noTimer        = -1
	maxWindow      = 0xffff
	ephemeralFirst = 1024 // oracle: net-constants.json tcp_ephemeral_ports
	ephemeralLast  = 32766
)

var rtoBackoff = [13]uint8{1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7}
var persistBackoff = [7]uint8{3, 6, 12, 24, 48, 96, 120}

// Flags of a connection.
const (
	flagAckDelay = 1 << iota
	flagAckNow
	flagFastRecovery
	flagReceiveClosed // the owner has closed: data that still comes is an error
	flagFin           // a FIN segment of its own is queued
	flagNagleMemErr   // a write failed: let the next output ignore Nagle
)

// segment is a segment in one of a connection's queues.
type segment struct {
	seq   uint32
	data  []byte
	flags wire.Flags
	size  int       // bytes of its pbuf; 0 when the memory is that of rx
	rx    *Received // out-of-order queue: the packet the data is in
}

// len is the number of sequence numbers the segment takes.
func (g *segment) len() uint32 {
	n := uint32(len(g.data))
	if g.flags&(wire.SYN|wire.FIN) != 0 {
		n++
	}
	return n
}

// TCPConn is a TCP protocol control block, connected or listening.
type TCPConn struct {
	// Events. Any may be nil: then nothing happens, but that a connection that
	// nobody accepts is reset, data that nobody receives is acknowledged and
	// dropped, and the peer's FIN is answered with one.

	// OnAccept is for a listener: it gets the new connection, which is
	// established, and sets its events.
	OnAccept func(c *TCPConn) Err
	// OnConnected is called when a connection made by Connect is established.
	OnConnected func(c *TCPConn) Err
	// OnRecv gets what one received packet delivered: one slice, or several when
	// it filled a hole; and nil when the peer has closed. The slices must not be
	// changed. The owner must call Recved for what it has consumed, and Close for
	// the nil. When it returns another error than ErrAbort, the data is refused: it comes
	// again at every fast tick and with every packet, and further data is dropped.
	OnRecv func(c *TCPConn, data [][]byte) Err
	// OnSent is called when the peer has acknowledged n more bytes.
	OnSent func(c *TCPConn, n int) Err
	// OnError says that the connection is gone: ErrReset, ErrAbort, ErrClosed.
	OnError func(err Err)

	// Owner is whose connection it is, for whoever reads Netstat. The stack does
	// not look at it.
	Owner any

	// KeepAlive turns probing on; KeepIdle and KeepInterval are in milliseconds.
	KeepAlive    bool
	KeepIdle     uint32
	KeepInterval uint32
	KeepCount    uint32
	TTL          uint8
	// NoDelay turns Nagle's algorithm off.
	NoDelay bool
	// ReuseAddr lets a listener share its port with one on another address.
	ReuseAddr bool

	s    *Stack
	next *TCPConn

	onPoll    func(c *TCPConn) Err // see SetPoll
	pollEvery int
	polled    int

	refused   [][]byte // see OnRecv
	refusedRx []*Received

	state State
	freed bool
	flags uint8

	localIP, remoteIP     netip.Addr
	localPort, remotePort uint16

	rcvNxt      uint32
	rcvWnd      int
	rcvAnnWnd   int
	rcvAnnRight uint32
	ooo         []*segment

	tmr      uint32 // tick of the last segment received
	rtime    int16  // slow ticks since the oldest segment was sent; noTimer: off
	mss      int
	rttest   uint32 // tick when the measured segment was sent; 0: none
	rtseq    uint32
	sa, sv   int16
	rto      int16
	nrtx     uint8
	lastAck  uint32
	dupAcks  uint8
	cwnd     int
	ssthresh int
	sndNxt   uint32
	sndWl1   uint32
	sndWl2   uint32
	sndLbb   uint32 // sequence number of the next byte to be queued
	sndWnd   int
	acked    int
	sndBuf   int
	queueLen int
	oversize int // room left in the last unsent segment
	unsent   []*segment
	unacked  []*segment

	persistCnt     uint8
	persistBackoff uint8
	keepSent       uint32

	rxBytes, txBytes uint64
	resent           int // segments sent again
}

// NewTCP makes a connection that is not yet bound. It returns nil when memory is
// short even after old connections were given up for it (fw: tcp_alloc).
func (s *Stack) NewTCP() *TCPConn {
	if !s.alloc(KindTCP, sizeTCP) {
		s.killOldest(s.timeWait)
		if !s.alloc(KindTCP, sizeTCP) {
			s.killOldest(s.active)
			if !s.alloc(KindTCP, sizeTCP) {
				return nil
			}
		}
	}
	iss := s.nextISS()
	return &TCPConn{
		s:            s,
		TTL:          s.p.TTL,
		KeepIdle:     keepIdle,
		KeepInterval: keepInterval,
		KeepCount:    keepCount,
		localIP:      AnyAddr,
		remoteIP:     AnyAddr,
		sndBuf:       s.p.SendBuffer,
		rcvWnd:       s.p.Window,
		rcvAnnWnd:    s.p.Window,
		mss:          min(s.p.MSS, defaultMSS),
		rto:          initialRTO,
		sv:           initialRTO,
		rtime:        noTimer,
		cwnd:         1,
		sndWl2:       iss,
		sndNxt:       iss,
		lastAck:      iss,
		sndLbb:       iss,
		tmr:          s.ticks,
	}
}

// killOldest aborts the connection of the list that has been silent longest.
func (s *Stack) killOldest(list *TCPConn) {
	var oldest *TCPConn
	var idle uint32
	for c := list; c != nil; c = c.next {
		if s.ticks-c.tmr >= idle {
			idle, oldest = s.ticks-c.tmr, c
		}
	}
	if oldest != nil {
		oldest.Abort()
	}
}

// KillClosing gives up connections that are being closed when there are limit of them:
// of those in TIME_WAIT, in FIN_WAIT and in LAST_ACK the one that has been silent
// longest, without a RST (fw: app/lwip/app/espconn_tcp.c, espconn_kill_oldest_pcb).
func (s *Stack) KillClosing(limit int) {
	for _, list := range []*TCPConn{s.active, s.timeWait} {
		n := 0
		for c := list; c != nil; c = c.next {
			if c.closing() || c.state == LastAck || c.state == TimeWait {
				n++
			}
		}
		if n < limit {
			continue
		}
		s.drop(&s.timeWait, func(c *TCPConn) bool { return true })
		s.drop(&s.active, (*TCPConn).closing)
		s.drop(&s.active, func(c *TCPConn) bool { return c.state == LastAck })
	}
}

func (c *TCPConn) closing() bool { return c.state == FinWait1 || c.state == FinWait2 }

// drop frees the connection of a list that has been silent longest, of those that are
// of a kind.
func (s *Stack) drop(list **TCPConn, of func(*TCPConn) bool) {
	var oldest *TCPConn
	var idle uint32
	for c := *list; c != nil; c = c.next {
		if of(c) && s.ticks-c.tmr >= idle {
			idle, oldest = s.ticks-c.tmr, c
		}
	}
	if oldest != nil {
		oldest.remove(list)
		s.free(oldest)
	}
}

func (s *Stack) nextISS() uint32 {
	s.iss += s.ticks
	return s.iss
}

func (s *Stack) free(c *TCPConn) {
	if !c.freed {
		c.freed = true
		s.release(KindTCP, sizeTCP)
	}
}

// register puts c in front of a list (fw: TCP_REG).
func (s *Stack) register(list **TCPConn, c *TCPConn) {
	c.next = *list
	*list = c
	s.timers.needTCP()
}

// unlink takes c out of a list, if it is there (fw: TCP_RMV).
func unlink(list **TCPConn, c *TCPConn) {
	for p := list; *p != nil; p = &(*p).next {
		if *p == c {
			*p = c.next
			break
		}
	}
	c.next = nil
}

// State, LocalAddr and RemoteAddr describe the connection.
func (c *TCPConn) State() State { return c.state }

// LocalAddr returns the local address; port 0 when there is none yet.
func (c *TCPConn) LocalAddr() netip.AddrPort { return netip.AddrPortFrom(c.localIP, c.localPort) }

// RemoteAddr returns the peer's address.
func (c *TCPConn) RemoteAddr() netip.AddrPort { return netip.AddrPortFrom(c.remoteIP, c.remotePort) }

// SetRemotePort notes the port of a connection that will be made once its name
// is resolved.
func (c *TCPConn) SetRemotePort(port uint16) { c.remotePort = port }

// SendSpace returns how many bytes Write would take.
func (c *TCPConn) SendSpace() int { return c.sndBuf }

// Retransmits returns how often the oldest segment has been sent again.
func (c *TCPConn) Retransmits() int { return int(c.nrtx) }

// QueueLen returns how many segments are queued.
func (c *TCPConn) QueueLen() int { return c.queueLen }

// MSS returns the size of a full segment in bytes.
func (c *TCPConn) MSS() int { return c.mss }

// Queued returns how many bytes of data are queued and not yet acknowledged.
func (c *TCPConn) Queued() int {
	n := 0
	for _, q := range [2][]*segment{c.unsent, c.unacked} {
		for _, g := range q {
			n += len(g.data)
		}
	}
	return n
}

// Unread returns how much of the receive window is taken by data that the owner
// has not given back with Recved.
func (c *TCPConn) Unread() int { return c.s.p.Window - c.rcvWnd }

// Bind gives the connection a local address; port 0 takes a free one (fw:
// tcp_bind).
func (c *TCPConn) Bind(ip netip.Addr, port uint16) Err {
	if c.state != Closed {
		return ErrIsConn
	}
	s := c.s
	if port == 0 {
		if port = s.newPort(); port == 0 {
			return ErrUse
		}
	}
	lists := []*TCPConn{s.listening, s.bound, s.active, s.timeWait}
	if c.ReuseAddr {
		lists = lists[:3]
	}
	for _, list := range lists {
		for o := list; o != nil; o = o.next {
			if o.localPort == port && !(c.ReuseAddr && o.ReuseAddr) &&
				(isAny(o.localIP) || isAny(ip) || o.localIP == ip) {
				return ErrUse
			}
		}
	}
	if !isAny(ip) {
		c.localIP = ip
	}
	c.localPort = port
	s.register(&s.bound, c)
	return OK
}

// newPort picks a local port that no connection uses, 0 when there is none.
func (s *Stack) newPort() uint16 {
	const n = ephemeralLast - ephemeralFirst + 1
	start := s.host.Rand() % n
	for range 100 {
		if port := uint16(ephemeralFirst + start); !s.portUsed(port) {
			return port
		}
		start = s.host.Rand() % n
	}
	for i := range uint32(n) {
		if port := uint16(ephemeralFirst + (start+i)%n); !s.portUsed(port) {
			return port
		}
	}
	return 0
}

func (s *Stack) portUsed(port uint16) bool {
	for _, list := range [...]*TCPConn{s.listening, s.bound, s.active, s.timeWait} {
		for o := list; o != nil; o = o.next {
			if o.localPort == port {
				return true
			}
		}
	}
	return false
}

// Listen turns a bound connection into a listener, which replaces it. It returns
// nil, and leaves the connection as it is, when the port has a listener on that
// address or memory is short (fw: tcp_listen).
func (c *TCPConn) Listen() *TCPConn {
	s := c.s
	if c.state != Closed {
		return nil
	}
	if c.ReuseAddr {
		for o := s.listening; o != nil; o = o.next {
			if o.localPort == c.localPort && o.localIP == c.localIP {
				return nil
			}
		}
	}
	if !s.alloc(KindListen, sizeListen) {
		return nil
	}
	l := &TCPConn{s: s, state: Listen, localIP: c.localIP, localPort: c.localPort, remoteIP: AnyAddr,
		TTL: c.TTL, ReuseAddr: c.ReuseAddr, KeepAlive: c.KeepAlive, OnAccept: c.OnAccept}
	if c.localPort != 0 {
		unlink(&s.bound, c)
	}
	s.free(c)
	s.register(&s.listening, l)
	return l
}

// Connect sends the SYN (fw: tcp_connect). The end of it is OnConnected or
// OnError.
func (c *TCPConn) Connect(ip netip.Addr, port uint16) Err {
	s := c.s
	if c.state != Closed {
		return ErrIsConn
	}
	c.remoteIP, c.remotePort = ip, port
	if isAny(c.localIP) {
		i := s.route(ip)
		if i < 0 {
			return ErrRoute
		}
		c.localIP = s.netifs[i].Prefix.Addr()
	}
	wasBound := c.localPort != 0
	if !wasBound {
		if c.localPort = s.newPort(); c.localPort == 0 {
			return ErrUse
		}
	}
	iss := s.nextISS()
	c.rcvNxt = 0
	c.sndNxt = iss
	c.lastAck = iss - 1
	c.sndLbb = iss - 1
	c.rcvWnd, c.rcvAnnWnd = s.p.Window, s.p.Window
	c.rcvAnnRight = c.rcvNxt
	c.sndWnd = s.p.Window
	c.mss = min(s.p.MSS, defaultMSS)
	c.cwnd = 1
	c.ssthresh = c.mss * 10
	if err := c.enqueueFlags(wire.SYN); err != OK {
		return err
	}
	c.state = SynSent
	if wasBound {
		unlink(&s.bound, c)
	}
	s.register(&s.active, c)
	c.Output()
	return OK
}

// Close ends the connection; it must not be used afterwards unless an error is
// returned. A listener and a connection that is not established vanish. An
// established one sends what is queued and a FIN; but if the owner has not taken
// all data that was received, it is reset (fw: tcp_close).
func (c *TCPConn) Close() Err {
	if c.state != Listen {
		c.flags |= flagReceiveClosed
	}
	return c.close(true)
}

// Shutdown sends a FIN after what is queued and keeps on receiving.
func (c *TCPConn) Shutdown() Err {
	switch c.state {
	case SynReceived, Established, CloseWait:
		return c.close(false)
	case Listen:
		return ErrConn
	}
	return OK
}

func (c *TCPConn) close(resetUnread bool) Err {
	s := c.s
	if c.state == TimeWait {
		return OK
	}
	if resetUnread && c.state != Listen && c.rcvWnd != s.p.Window {
		s.reset(c.sndNxt, c.rcvNxt, c.localIP, c.remoteIP, c.localPort, c.remotePort)
		c.purge()
		c.enterTimeWait()
		return OK
	}
	err := OK
	switch c.state {
	case Closed:
		if c.localPort != 0 {
			unlink(&s.bound, c)
		}
		s.free(c)
		return OK
	case Listen:
		unlink(&s.listening, c)
		c.state = Closed
		if !c.freed {
			c.freed = true
			s.release(KindListen, sizeListen)
		}
		return OK
	case SynSent:
		c.remove(&s.active)
		s.free(c)
		return OK
	case SynReceived, Established:
		if err = c.sendFin(); err == OK {
			c.state = FinWait1
		}
	case CloseWait:
		if err = c.sendFin(); err == OK {
			c.state = LastAck
		}
	default:
		return OK
	}
	if err == OK {
		c.Output()
	}
	return err
}

// Abort ends the connection with a RST. OnError is called with ErrAbort; an
// owner that does not want that clears it before (fw: tcp_abort).
func (c *TCPConn) Abort() { c.abandon(true) }

func (c *TCPConn) abandon(reset bool) {
	s := c.s
	if c.freed {
		return
	}
	if c.state == TimeWait {
		c.remove(&s.timeWait)
		s.free(c)
		return
	}
	seq, ack := c.sndNxt, c.rcvNxt
	if c.state == Closed && c.localPort != 0 {
		unlink(&s.bound, c)
	}
	c.remove(&s.active)
	if reset {
		s.reset(seq, ack, c.localIP, c.remoteIP, c.localPort, c.remotePort)
	}
	if c.OnError != nil {
		c.OnError(ErrAbort)
	}
	s.free(c)
}

// purge frees everything in the queues.
func (c *TCPConn) purge() {
	if c.state == Closed || c.state == TimeWait || c.state == Listen {
		return
	}
	c.rtime = noTimer
	c.freeRefused()
	c.freeAll(&c.ooo)
	c.freeAll(&c.unsent)
	c.freeAll(&c.unacked)
	c.oversize = 0
}

// remove purges the connection and takes it out of a list. A delayed ACK is sent
// first (fw: tcp_pcb_remove).
func (c *TCPConn) remove(list **TCPConn) {
	unlink(list, c)
	c.purge()
	if c.state != TimeWait && c.state != Listen && c.flags&flagAckDelay != 0 {
		c.flags |= flagAckNow
		c.Output()
	}
	c.state = Closed
}

func (c *TCPConn) enterTimeWait() {
	s := c.s
	unlink(&s.active, c)
	c.state = TimeWait
	s.register(&s.timeWait, c)
}

func (c *TCPConn) freeSegment(g *segment) {
	if g.rx != nil {
		g.rx.release()
	} else {
		c.s.release(KindPbuf, g.size)
	}
	c.s.release(KindSegment, sizeSegment)
}

func (c *TCPConn) freeAll(q *[]*segment) {
	for _, g := range *q {
		c.freeSegment(g)
	}
	*q = nil
}

// SetPoll calls fn at every so many slow ticks, each of 250 ms; nil does not (fw: tcp_poll).
// What waits to be sent without a packet that makes it leave, leaves then, too.
func (c *TCPConn) SetPoll(fn func(c *TCPConn) Err, every int) { c.onPoll, c.pollEvery = fn, every }

// poll is a slow tick of an active connection.
func (c *TCPConn) poll() {
	if c.polled++; c.polled < c.pollEvery {
		return
	}
	c.polled = 0
	if c.onPoll != nil && (c.onPoll(c) != OK || c.freed) {
		return
	}
	c.Output()
}

// offerRefused gives the owner data once more that it has refused.
func (c *TCPConn) offerRefused() Err {
	data := c.refused
	err := OK
	if c.OnRecv == nil {
		n := 0
		for _, d := range data {
			n += len(d)
		}
		c.Recved(n)
	} else {
		err = c.OnRecv(c, data)
	}
	if err == OK {
		c.freeRefused()
	}
	return err
}

func (c *TCPConn) freeRefused() {
	for _, b := range c.refusedRx {
		b.release()
	}
	c.refused, c.refusedRx = nil, nil
}

// Recved gives n bytes of the receive window back; more than the window holds is
// cut off. The peer is told at once if that is worth a segment (fw: tcp_recved).
func (c *TCPConn) Recved(n int) {
	c.rcvWnd = min(c.rcvWnd+n, c.s.p.Window)
	if grown := c.updateAnnounced(); grown >= c.s.p.WindowUpdate {
		c.flags |= flagAckNow
		c.Output()
	}
}

// AckNow makes the next output carry an ACK even if nothing else is sent.
func (c *TCPConn) AckNow() { c.flags |= flagAckNow }

// updateAnnounced recomputes the window to announce, and returns how much more
// would be announced if it were sent now (fw: tcp_update_rcv_ann_wnd).
func (c *TCPConn) updateAnnounced() int {
	right := c.rcvNxt + uint32(c.rcvWnd)
	if seqGE(right, c.rcvAnnRight+uint32(min(c.s.p.Window/2, c.mss))) {
		c.rcvAnnWnd = c.rcvWnd
		return int(right - c.rcvAnnRight)
	}
	if seqLT(c.rcvAnnRight, c.rcvNxt) {
		c.rcvAnnWnd = 0 // the peer has sent beyond what was announced
	} else {
		c.rcvAnnWnd = int(c.rcvAnnRight - c.rcvNxt)
	}
	return 0
}

// Sequence number arithmetic.
func seqLT(a, b uint32) bool         { return int32(a-b) < 0 }
func seqLE(a, b uint32) bool         { return int32(a-b) <= 0 }
func seqGT(a, b uint32) bool         { return int32(a-b) > 0 }
func seqGE(a, b uint32) bool         { return int32(a-b) >= 0 }
func seqBetween(a, b, c uint32) bool { return seqGE(a, b) && seqLE(a, c) }
