package lwip

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// The DNS client (fw: app/lwip/core/dns.c). Four names at a time, two servers.
// A query leaves at once, then on the 1 s tick number 1, 2 and 4; on tick 7 the
// client gives up, or goes on with the second server. Answers are not cached.
//
// All slots share one random number that every query rolls anew; the identifier
// of a query is that number plus its slot. Of several queries under way only the
// answer to the last one is recognized; the others wait for their next turn.

const (
	dnsSlots      = 4
	dnsServers    = 2
	dnsPort       = 53
	dnsMaxName    = 256 // names must be shorter
	dnsMaxRetries = 4
	dnsMaxTTL     = 604800
	dnsBuffer     = 512 + 3 // an aligned message buffer
	dnsMaxMessage = 512
)

// DefaultDNS is the first server after boot (oracle: net-constants.json).
var DefaultDNS = netip.AddrFrom4([4]byte{208, 67, 222, 222})

type dnsState uint8

const (
	dnsUnused dnsState = iota
	dnsAsking
	dnsDone
)

type dnsEntry struct {
	state   dnsState
	name    string
	size    int // bytes of the name's buffer, which stays until the slot is used again
	seqno   uint8
	server  int
	tmr     uint8
	retries uint8
	ttl     uint32
	found   func(netip.Addr, bool)
}

type dnsClient struct {
	s       *Stack
	socket  *UDPSocket
	servers [dnsServers]netip.Addr
	table   [dnsSlots]dnsEntry
	seqno   uint8
	id      uint16
}

func (d *dnsClient) init(s *Stack) {
	d.s = s
	d.servers = [dnsServers]netip.Addr{DefaultDNS, AnyAddr}
	d.socket = s.NewUDP()
	if d.socket == nil {
		return
	}
	// An arbitrary port away from those that scripts are given (udpFirstPort).
	d.socket.Bind(AnyAddr, uint16(16384+s.host.Rand()%16384))
	d.socket.OnRecv = d.receive
}

// SetDNS sets server i, 0 or 1.
func (s *Stack) SetDNS(i int, server netip.Addr) {
	if i >= 0 && i < dnsServers {
		s.dns.servers[i] = server
	}
}

// DNS returns server i; AnyAddr means none.
func (s *Stack) DNS(i int) netip.Addr {
	if i < 0 || i >= dnsServers {
		return AnyAddr
	}
	return s.dns.servers[i]
}

// Resolve looks a name up. OK: name is an address in digits, which is returned.
// ErrProgress: found will be called with the answer, or with false. ErrMem: four
// names are being looked up already. ErrArg: no name, or one of 256 or more bytes.
func (s *Stack) Resolve(name string, found func(netip.Addr, bool)) (netip.Addr, Err) {
	d := &s.dns
	if i := indexZero(name); i >= 0 {
		name = name[:i] // a C string ends there
	}
	if d.socket == nil || name == "" || len(name) >= dnsMaxName {
		return netip.Addr{}, ErrArg
	}
	if a, ok := ParseAddr(name); ok && a != wire.Broadcast {
		return a, OK
	}
	s.timers.catchUp()
	return netip.Addr{}, d.enqueue(name, found)
}

func indexZero(s string) int {
	for i := range len(s) {
		if s[i] == 0 {
			return i
		}
	}
	return -1
}

// slot picks an unused entry, or else the oldest completed one, or -1.
func (d *dnsClient) slot() int {
	// The ages are those of the firmware: its counter of requests is a byte, and
	// after it has wrapped, an entry from before counts as younger than any.
	oldest, age := 0, 0
	for i := range d.table {
		e := &d.table[i]
		if e.state == dnsUnused {
			return i
		}
		if a := int(d.seqno) - int(e.seqno); e.state == dnsDone && a > age {
			oldest, age = i, a
		}
	}
	if d.table[oldest].state != dnsDone {
		return -1
	}
	return oldest
}

func (d *dnsClient) enqueue(name string, found func(netip.Addr, bool)) Err {
	i := d.slot()
	if i < 0 || !d.s.alloc(KindDNS, len(name)+1) {
		return ErrMem
	}
	e := &d.table[i]
	if e.size > 0 {
		d.s.release(KindDNS, e.size)
	}
	*e = dnsEntry{state: dnsAsking, name: name, size: len(name) + 1, seqno: d.seqno, tmr: 1, found: found}
	d.seqno++
	d.ask(i)
	d.s.timers.quiet()
	return ErrProgress
}

// asking reports whether a name is being looked up.
func (d *dnsClient) asking() bool {
	for i := range d.table {
		if d.table[i].state == dnsAsking {
			return true
		}
	}
	return false
}

// ask sends the query of slot i.
func (d *dnsClient) ask(i int) {
	e := &d.table[i]
	const room = dnsHeaderLen + dnsMaxName + 4
	const size = pbufTransport + room
	if !d.s.alloc(KindPbuf, size) {
		return
	}
	d.id = uint16(d.s.host.Rand())
	server := d.servers[e.server]
	d.socket.connect(server, dnsPort)
	query := dnsQuery(d.id+uint16(i), e.name)
	query = query[:min(len(query), room)] // the longest name takes one byte too much
	d.socket.send(query, server, dnsPort)
	d.s.release(KindPbuf, size)
}

// tick runs every second.
func (d *dnsClient) tick() {
	for i := range d.table {
		e := &d.table[i]
		switch e.state {
		case dnsAsking:
			d.tickAsking(i)
		case dnsDone:
			if e.ttl--; e.ttl == 0 {
				e.state, e.found = dnsUnused, nil
			}
		}
	}
}

func (d *dnsClient) tickAsking(i int) {
	e := &d.table[i]
	if e.tmr--; e.tmr != 0 {
		return
	}
	if e.retries++; e.retries == dnsMaxRetries {
		if next := e.server + 1; next < dnsServers && !isAny(d.servers[next]) {
			e.server, e.tmr, e.retries = next, 1, 0
			return
		}
		d.fail(e)
		return
	}
	e.tmr = e.retries
	d.ask(i)
}

// fail tells the caller, then frees the slot: the caller can't have it again.
func (d *dnsClient) fail(e *dnsEntry) {
	if e.found != nil {
		e.found(netip.Addr{}, false)
	}
	e.state, e.found = dnsUnused, nil
}

func (d *dnsClient) receive(msg []byte, _ netip.AddrPort) {
	if !d.s.alloc(KindDNS, dnsBuffer) {
		return
	}
	d.answer(msg)
	d.s.release(KindDNS, dnsBuffer)
}

func (d *dnsClient) answer(msg []byte) {
	m, ok := parseDNS(msg)
	if !ok {
		return
	}
	i := m.id - d.id
	if i >= dnsSlots {
		return
	}
	e := &d.table[i]
	if e.state != dnsAsking {
		return
	}
	if !m.response || m.rcode != 0 || m.questions != 1 {
		return // ignored: the query is repeated until the client gives up
	}
	e.state = dnsDone
	addr, ttl, ok := m.address(e.name)
	if !ok {
		d.fail(e)
		return
	}
	e.ttl = min(ttl, dnsMaxTTL)
	if e.found != nil {
		e.found(addr, true)
	}
}
