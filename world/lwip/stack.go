package lwip

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Err is an lwIP error code (fw: app/include/lwip/err.h).
type Err int8

// The error codes.
const (
	OK           Err = 0
	ErrMem       Err = -1
	ErrBuf       Err = -2
	ErrTimeout   Err = -3
	ErrRoute     Err = -4
	ErrProgress  Err = -5
	ErrValue     Err = -6
	ErrBlock     Err = -7
	ErrAbort     Err = -8
	ErrReset     Err = -9
	ErrClosed    Err = -10
	ErrConn      Err = -11
	ErrArg       Err = -12
	ErrUse       Err = -13
	ErrIf        Err = -14
	ErrIsConn    Err = -15
	unknownError     = "unknown error"
)

var errTexts = [...]string{"ok", "out of memory", "buffer error", "timeout", "routing problem",
	"in progress", "illegal value", "would block", "connection aborted", "connection reset",
	"connection closed", "not connected", "illegal argument", "address in use", "netif error",
	"already connected"}

// Error returns the text that the firmware raises for the code (oracle:
// net-constants.json err_codes).
func (e Err) Error() string {
	if e > 0 || int(-e) >= len(errTexts) {
		return unknownError
	}
	return errTexts[-e]
}

// Timer is a software timer of the host.
type Timer interface {
	// Arm makes the timer expire after period, and periodically when repeat is set.
	Arm(period clock.Duration, repeat bool)
	// Disarm stops it and reports whether it was armed.
	Disarm() bool
}

// QuietTimer is a Timer whose host can leave out expiries that are known to have
// no effect that could be seen. The stack uses it, where there is one, to make an
// idle host cheap.
type QuietTimer interface {
	Timer
	// Quiet says that expiries before until have no effect that can be seen from
	// outside. The host may leave out those that would have run on time, and call
	// skipped(at) for each of them later: at the latest in CatchUp, or before the
	// next expiry that does run. It returns before when expiries need not even be
	// reported.
	Quiet(until clock.Time, skipped func(at clock.Time) (next clock.Time))
	// CatchUp reports the expiries left out up to now.
	CatchUp()
}

// Kind says what a block of native memory is for.
type Kind uint8

// What the stack allocates.
const (
	KindTCP     Kind = iota // tcp_pcb
	KindListen              // tcp_pcb_listen
	KindUDP                 // udp_pcb
	KindSegment             // tcp_seg
	KindPbuf                // pbuf
	KindTimeout             // sys_timeout
	KindDNS
	KindIGMP // igmp_group
)

// Sizes of the stack's structures in bytes (oracle: net-constants.json compiled,
// memory_bytes).
const (
	sizeTCP     = 176
	sizeListen  = 36
	sizeUDP     = 36
	sizeSegment = 20
	sizeTimeout = 16
	sizeIGMP    = 20

	// A pbuf is its 20-byte header, room for the headers below its layer, both
	// rounded up to 4, and the data rounded up to 4.
	pbufTransport = 112 // headers below TCP or UDP: 90
	pbufIP        = 92  // headers below IP's payload: 70
	pbufReceived  = 56  // headroom of the WLAN driver: 36; then the IP packet

	// sizePbuf is the pbuf of a packet whose data lie in a buffer of the driver
	// (oracle: sdk-behaviour.md, 4.2).
	sizePbuf = 20
)

func align4(n int) int { return (n + 3) &^ 3 }

// Host is what a stack needs of the machine it runs on.
type Host interface {
	// Now returns the host's time.
	Now() clock.Time
	// NewTimer makes a disarmed timer that calls fn.
	NewTimer(fn func()) Timer
	// Alloc takes memory from the native heap and reports whether there was
	// enough. Free gives it back. A size is always freed as it was allocated.
	Alloc(kind Kind, size int) bool
	Free(kind Kind, size int)
	// Rand returns a random number.
	Rand() uint32
	// Transmit puts a packet on the network of interface number netif. The
	// packet must not be changed afterwards.
	Transmit(netif int, p *wire.Packet)
}

// Params are the build-time and SDK settings of a stack.
type Params struct {
	MSS          int // largest segment, in bytes
	SendBuffer   int // bytes a connection may queue
	SendQueueLen int // segments a connection may queue
	Window       int // receive window in bytes, at most 65535
	// WindowUpdate is by how much the window must be able to grow for an ACK to
	// be sent for that alone, in bytes.
	WindowUpdate int
	DataRetries  int
	SynRetries   int
	// EstablishedLimit: a SYN is ignored when exactly that many connections are
	// established; 0 is no limit.
	EstablishedLimit int
	TTL              uint8
	// Elapsed, if set, is how many milliseconds the host's counter makes of a span of
	// time, at most one in 998 µs: lwIP measures its timeouts with it.
	Elapsed func(from, to clock.Time) int64
	// HeapReceive keeps the data of received packets in the heap, with the pbuf.
	// Without it they lie in the driver's buffers: see InBuffers.
	HeapReceive bool
	// AckAtOnce answers every segment with an ACK instead of every second one.
	AckAtOnce bool
	// Reports has the host tell routers by IGMP which groups it joins.
	Reports bool
	// Push makes Write send at once what may be sent.
	Push bool
	// NoDelay turns Nagle's algorithm off.
	NoDelay bool
	// Reopen lets a SYN begin a connection anew whose last one is in TIME_WAIT, as
	// RFC 1122, 4.2.2.13 allows and desktops do, and a RST end that; so a SYN whose
	// number is too old is answered and succeeds when it comes again. lwIP answers it
	// with a RST.
	Reopen bool
	// AnyAddress makes the host answer for every address that reaches it, as a
	// gateway does; connections keep the address they were sent to.
	AnyAddress bool
}

// Device returns the parameters of the firmware (oracle: net-constants.json).
func Device() Params {
	return Params{
		MSS:              1460,
		SendBuffer:       2920,
		SendQueueLen:     8,
		Window:           5840,
		WindowUpdate:     1460,
		DataRetries:      12,
		SynRetries:       6,
		EstablishedLimit: 5,
		TTL:              255,
		Reports:          true,
	}
}

// Desktop returns the parameters of a far end on a bigger machine: 64 KB
// windows, an ACK for every segment, no waiting to send.
func Desktop() Params {
	return Params{
		MSS:          1460,
		SendBuffer:   65535,
		SendQueueLen: 256,
		Window:       65535,
		WindowUpdate: 16384,
		DataRetries:  12,
		SynRetries:   6,
		TTL:          64,
		AckAtOnce:    true,
		Push:         true,
		NoDelay:      true,
		Reopen:       true,
	}
}

// Stack is one host's TCP/IP stack.
type Stack struct {
	host   Host
	p      Params
	netifs []Netif
	memory Memory
	timers timeouts

	// TCP: the lists of PCBs, newest first, linked by TCPConn.next.
	bound, listening, active, timeWait *TCPConn
	ticks                              uint32 // slow ticks since boot
	tickCount                          uint8  // fast ticks since boot; odd ones are slow, too
	iss                                uint32
	input                              *TCPConn // the PCB whose segment is being processed

	udp       *UDPSocket
	groups    []group
	ipID      uint16 // of the next packet
	byDefault int    // see SetDefault
	held      int    // received packets whose memory is taken
	echoes    []*echoListener
	dns       dnsClient

	// OnLoss, if set, is told when the rules of the stack make data or a
	// connection vanish without anyone being told. detail says it in words.
	OnLoss func(owner any, loss Loss, detail string)

	// OnInput, if set, is called with each received packet when the CPU gets to it.
	OnInput func(p *wire.Packet)

	// OnTick, if set, is called when the TCP tick runs, before it does anything.
	OnTick func(slow bool)
}

// Loss is a way in which the stack loses something silently.
type Loss uint8

// The ways to lose something.
const (
	LostTail   Loss = iota // data that Nagle held back when the peer closed
	LostAccept             // a SYN at the limit of established connections
)

// New boots a stack without an interface.
func New(h Host, p Params) *Stack {
	s := &Stack{host: h, p: p, iss: 6510, byDefault: -1}
	s.timers.init(s)
	s.dns.init(s)
	if s.alloc(KindIGMP, sizeIGMP) { // the all-systems group
		s.groups = append(s.groups, group{netif: everyNetif, addr: allSystems, uses: 1})
	}
	return s
}

// Params returns the stack's parameters.
func (s *Stack) Params() Params { return s.p }

// Close stops the stack's timers: the host is off. Nothing is freed or sent.
func (s *Stack) Close() {
	s.timers.poll.Disarm()
	s.bound, s.listening, s.active, s.timeWait, s.udp = nil, nil, nil, nil, nil
}

// Netif is the state of a network interface.
type Netif struct {
	Prefix  netip.Prefix // address and network; the zero value: none
	Gateway netip.Addr
	Up      bool
}

// MTU is that of every interface, in bytes. The stack neither fragments nor
// reassembles.
const MTU = 1500

// Netif returns the state of interface number i; an interface that was never
// set is down.
func (s *Stack) Netif(i int) Netif {
	if i < 0 || i >= len(s.netifs) {
		return Netif{}
	}
	return s.netifs[i]
}

// SetNetif changes interface number i. Connections of an address that goes away
// are aborted (fw: netif_set_ipaddr), a moment later: the owner that loses them
// may be the one that is calling.
func (s *Stack) SetNetif(i int, n Netif) {
	for len(s.netifs) <= i {
		s.netifs = append(s.netifs, Netif{})
	}
	old := s.netifs[i].Prefix
	s.netifs[i] = n
	if !n.Up && s.byDefault == i {
		s.byDefault = -1
	}
	if !old.IsValid() || s.p.AnyAddress || n.Prefix.IsValid() && n.Prefix.Addr() == old.Addr() {
		return
	}
	for l := s.listening; l != nil; l = l.next {
		if l.localIP == old.Addr() && n.Prefix.IsValid() {
			l.localIP = n.Prefix.Addr()
		}
	}
	s.host.NewTimer(s.abortStale).Arm(0, false)
}

// abortStale aborts connections whose local address is nobody's any more.
func (s *Stack) abortStale() {
	for c := s.active; c != nil; {
		next := c.next
		if !isAny(c.localIP) && !s.owns(c.localIP) {
			c.Abort()
		}
		c = s.after(next)
	}
}

func (s *Stack) owns(ip netip.Addr) bool {
	for _, n := range s.netifs {
		if n.Prefix.IsValid() && n.Prefix.Addr() == ip {
			return true
		}
	}
	return false
}

// route returns the interface for a destination, or -1.
func (s *Stack) route(dst netip.Addr) int {
	fallback := -1
	for i, n := range s.netifs {
		if !n.Up || !n.Prefix.IsValid() {
			continue
		}
		if n.Prefix.Contains(dst) {
			return i
		}
		if fallback < 0 || i == s.byDefault {
			fallback = i
		}
	}
	return fallback
}

// SetDefault makes an interface the one to destinations that are in no interface's
// network, as long as it is up (fw: netif_set_default). Otherwise it is the first that is.
func (s *Stack) SetDefault(netif int) { s.byDefault = netif }

// transmit sends a packet, filling in the source address where it is missing.
// It reports false when there is no route.
func (s *Stack) transmit(p *wire.Packet) bool {
	i := s.route(p.Dst)
	if i < 0 {
		return false
	}
	if isAny(p.Src) {
		p.Src = s.netifs[i].Prefix.Addr()
	}
	s.ipID++
	s.host.Transmit(i, p)
	return true
}

// Input processes one received packet. It must be called by the host when its
// CPU gets to it, not when the packet arrives.
func (s *Stack) Input(netif int, p *wire.Packet) {
	if netif >= len(s.netifs) || !s.netifs[netif].Up {
		return
	}
	if b := s.Receive(p); b != nil {
		s.InputReceived(netif, b)
	}
}

// Receive takes the memory for a packet that has arrived: nil when there is none.
func (s *Stack) Receive(p *wire.Packet) *Received {
	b := &Received{s: s, p: p, size: sizePbuf, refs: 1}
	if s.p.HeapReceive {
		b.size = pbufReceived + align4(p.Len())
	}
	if !s.alloc(KindPbuf, b.size) {
		return nil
	}
	s.held++
	return b
}

// InputReceived is Input for a packet that has its memory.
func (s *Stack) InputReceived(netif int, b *Received) {
	if netif >= len(s.netifs) || !s.netifs[netif].Up || !s.inputPacket(netif, b.p, b) {
		b.release()
	}
}

// InBuffers is how many received packets have their memory: those that wait for
// InputReceived, the one that is being processed, and those that came out of order.
func (s *Stack) InBuffers() int { return s.held }

// inputPacket is Input for a packet whose memory is accounted for; it reports
// whether that memory has found another owner. Nothing on this path is deferred:
// a callback that does not return, because the host has panicked, must leave
// everything as it was at that moment.
func (s *Stack) inputPacket(netif int, p *wire.Packet, b *Received) (taken bool) {
	if s.OnInput != nil {
		s.OnInput(p)
	}
	n := s.netifs[netif]
	group := wire.IsGroup(p.Dst, n.Prefix)
	switch {
	case s.p.AnyAddress:
	case p.Dst.IsMulticast():
		if !s.member(netif, p.Dst) {
			return false
		}
	case group:
	case !n.Prefix.IsValid() || n.Prefix.Addr() != p.Dst:
		return false
	}
	switch p.Proto {
	case wire.TCP:
		if !group {
			s.tcpInput(p, b)
			return true
		}
	case wire.UDP:
		s.udpInput(p, group)
	case wire.ICMP:
		s.icmpInput(p, group)
	}
	return false
}

// Received is a received packet with its memory. A connection that keeps the data of
// a segment for later retains it.
type Received struct {
	s    *Stack
	p    *wire.Packet
	size int
	refs int
}

func (b *Received) release() {
	if b.refs--; b.refs == 0 {
		b.s.held--
		b.s.release(KindPbuf, b.size)
	}
}

// Memory is the native memory that a stack has allocated.
type Memory struct {
	Bytes, Blocks int
	Peak          int // most bytes at one time
}

// Memory returns what the stack has allocated since it was made.
func (s *Stack) Memory() Memory { return s.memory }

func (s *Stack) alloc(kind Kind, size int) bool {
	if !s.host.Alloc(kind, size) {
		return false
	}
	s.memory.Bytes += size
	s.memory.Blocks++
	s.memory.Peak = max(s.memory.Peak, s.memory.Bytes)
	return true
}

func (s *Stack) release(kind Kind, size int) {
	s.host.Free(kind, size)
	s.memory.Bytes -= size
	s.memory.Blocks--
}

// momentary reports whether memory of the given size is to be had, for a packet
// that is built, sent and freed at once.
func (s *Stack) momentary(kind Kind, size int) bool {
	if !s.alloc(kind, size) {
		return false
	}
	s.release(kind, size)
	return true
}
