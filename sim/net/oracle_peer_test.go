package net

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// The scripted peers of the measured scenarios: raw TCP and UDP ends that do as
// they are told (oracle: net-behaviour.md 1.2). They keep data that comes out of
// order, answer keepalives and window probes, and never retransmit.

// peerISN is where the sequence numbers of the first peer begin; those of each
// further one begin a bit higher, within what was the window of the one before.
const (
	peerISN     = 1000000
	peerISNStep = 64
)

type peerHost struct {
	w     *peerWorld
	nic   *wire.NIC
	ip    netip.Addr
	peers []*peer
}

// peerWorld are the peers of one scenario.
type peerWorld struct {
	wire  *wire.Wire
	start clock.Time // when the script starts
	log   func(entry)
	hosts []*peerHost
	all   []*peer // in order of their making, listeners left out
	named map[string]*peer
	acts  []*trigger
	isns  uint32
}

// peer is one end: a connection, a listener, or a UDP port.
type peer struct {
	w    *peerWorld
	host *peerHost
	name string
	kind string // conn, listen, udp
	port uint16
	dip  netip.Addr
	dpt  uint16

	// Options.
	wnd     uint16
	mss     uint16
	ack     string
	ackMS   clock.Duration
	onfin   string
	finMS   clock.Duration
	hsData  int
	hsFin   bool
	noHSAck bool
	echo    bool

	state              string // "", syn_sent, syn_rcvd, established, dead
	silent             bool
	sndNxt, sndUna     uint32
	right              uint32 // right edge of the device's window
	devMSS             int
	rcvNxt             uint32
	early              []*wire.Packet // out of order
	out                []chunk        // to be sent
	finQueued, finSent bool
	gotFin, gotRst     bool
	unacked            int // full segments since the last ACK
	sent               int // bytes of the pattern sent
	isn                uint32
	ackEvent           *clock.Event
	rx                 []byte
	rxHash             uint32
	rxTotal            int
	children           int // of a listener
}

// chunk is data of one send action.
type chunk struct {
	data []byte
	size int // segment size, 0: the connection's
}

// trigger is an "on" line.
type trigger struct {
	name   string
	event  string
	n      int
	delay  clock.Duration
	action []string
	done   bool
}

func newPeerWorld(t *testing.T, w *wire.Wire, start clock.Time, script []string, log func(entry)) *peerWorld {
	t.Helper()
	pw := &peerWorld{wire: w, start: start, log: log, named: map[string]*peer{}}
	for _, line := range script {
		f := strings.Fields(line)
		switch f[0] {
		case "peer":
			pw.add(t, f[1], f[2], f[3:])
		case "do":
			ms, name, act := atoi(t, f[1]), f[2], strings.SplitN(line, " ", 4)[3]
			w.Clock().At(start.Add(clock.Duration(ms)*clock.Millisecond), func() {
				if p := pw.named[name]; p != nil {
					p.do(t, act)
				}
			})
		case "on":
			pw.acts = append(pw.acts, &trigger{name: f[1], event: f[2], n: atoi(t, f[3]),
				delay: clock.Duration(atoi(t, f[4])) * clock.Millisecond, action: f[5:]})
		default:
			t.Fatalf("peer script: %q", line)
		}
	}
	return pw
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("peer script: %v", err)
	}
	return n
}

// add makes a peer of a "peer" line.
func (pw *peerWorld) add(t *testing.T, name, kind string, opts []string) {
	p := &peer{w: pw, name: name, kind: kind, wnd: 29200, mss: 1460, ack: "imm", onfin: "close", devMSS: 536}
	var ip netip.Addr
	for _, o := range opts {
		k, v, _ := strings.Cut(o, "=")
		mode, ms, _ := strings.Cut(v, ":")
		switch k {
		case "ip":
			ip = netip.MustParseAddr(v)
		case "port":
			p.port = uint16(atoi(t, v))
		case "dip":
			p.dip = netip.MustParseAddr(v)
		case "dport":
			p.dpt = uint16(atoi(t, v))
		case "wnd":
			p.wnd = uint16(atoi(t, v))
		case "mss":
			p.mss = uint16(atoi(t, v))
		case "ack":
			p.ack = mode
			if ms != "" {
				p.ackMS = clock.Duration(atoi(t, ms)) * clock.Millisecond
			}
		case "onfin":
			p.onfin = mode
			if ms != "" {
				p.finMS = clock.Duration(atoi(t, ms)) * clock.Millisecond
			}
		case "hsdata":
			p.hsData = atoi(t, v)
		case "hsfin":
			p.hsFin = v != "0"
		case "nohsack":
			p.noHSAck = v != "0"
		case "echo":
			p.echo = v != "0"
		default:
			t.Fatalf("peer %s: option %q", name, o)
		}
	}
	h := pw.host(ip)
	p.host = h
	h.peers = append(h.peers, p)
	pw.named[name] = p
	if kind == "conn" {
		pw.all = append(pw.all, p)
	}
}

// initial returns the sequence number at which a peer began to send to dst, or would
// have.
func (pw *peerWorld) initial(src, dst netip.AddrPort) (isn uint32, ok bool) {
	for _, p := range pw.all {
		if p.host.ip == src.Addr() && p.port == src.Port() && p.dip == dst.Addr() && p.dpt == dst.Port() {
			return p.isn, true
		}
	}
	return 0, false
}

// host returns the peers' host with an address.
func (pw *peerWorld) host(ip netip.Addr) *peerHost {
	for _, h := range pw.hosts {
		if h.ip == ip {
			return h
		}
	}
	h := &peerHost{w: pw, ip: ip}
	h.nic = pw.wire.Attach("peer "+ip.String(), h.receive)
	h.nic.SetPrefix(netip.PrefixFrom(ip, 24))
	pw.hosts = append(pw.hosts, h)
	return h
}

func (pw *peerWorld) newISN() uint32 {
	pw.isns++
	return peerISN + peerISNStep*pw.isns
}

func (pw *peerWorld) now() clock.Time { return pw.wire.Clock().Now() }

func (pw *peerWorld) event(p *peer, what string, more entry) {
	e := entry{"t": int64(pw.now().Sub(pw.start)), "peer": p.name, "ev": what}
	for k, v := range more {
		e[k] = v
	}
	pw.log(e)
}

// fire runs the "on" lines that an event has reached.
func (pw *peerWorld) fire(p *peer, event string, n int) {
	for _, a := range pw.acts {
		if a.done || a.name != p.name || a.event != event || n < a.n {
			continue
		}
		a.done = true
		pw.wire.Clock().After(a.delay, func() { p.do(nil, strings.Join(a.action, " ")) })
	}
}

func (h *peerHost) receive(pkt *wire.Packet) {
	switch pkt.Proto {
	case wire.UDP:
		for _, p := range h.peers {
			if p.kind == "udp" && p.port == pkt.DstPort && pkt.Dst == h.ip {
				p.w.event(p, "udp", entry{"n": len(pkt.Payload)})
				if p.echo {
					h.nic.Send(&wire.Packet{Src: h.ip, Dst: pkt.Src, Proto: wire.UDP, TTL: 64,
						SrcPort: p.port, DstPort: pkt.SrcPort, Payload: pkt.Payload})
				}
			}
		}
	case wire.TCP:
		if pkt.Dst == h.ip {
			h.receiveTCP(pkt)
		}
	}
}

func (h *peerHost) receiveTCP(pkt *wire.Packet) {
	// The newest peer of a port is the one that has it.
	for i := len(h.peers) - 1; i >= 0; i-- {
		p := h.peers[i]
		if p.kind == "conn" && p.port == pkt.DstPort && p.dip == pkt.Src && p.dpt == pkt.SrcPort && p.state != "" {
			p.segment(pkt)
			return
		}
	}
	for _, p := range h.peers {
		if p.kind == "listen" && p.port == pkt.DstPort && pkt.Flags&wire.SYN != 0 {
			if !p.silent {
				p.accept(pkt)
			}
			return
		}
	}
	if pkt.Flags&wire.RST == 0 {
		r := &wire.Packet{Src: h.ip, Dst: pkt.Src, Proto: wire.TCP, TTL: 64, SrcPort: pkt.DstPort,
			DstPort: pkt.SrcPort, Flags: wire.RST | wire.ACK, Ack: pkt.Seq + seqLen(pkt)}
		if pkt.Flags&wire.ACK != 0 {
			r.Seq = pkt.Ack
		}
		h.nic.Send(r)
	}
}

// seqLen is how many sequence numbers a segment takes.
func seqLen(p *wire.Packet) uint32 {
	n := uint32(len(p.Payload))
	if p.Flags&wire.SYN != 0 {
		n++
	}
	if p.Flags&wire.FIN != 0 {
		n++
	}
	return n
}

// accept makes a connection of a SYN for a listener.
func (p *peer) accept(syn *wire.Packet) {
	p.children++
	c := *p
	c.kind = "conn"
	if p.children > 1 {
		c.name = fmt.Sprintf("%s#%d", p.name, p.children)
	}
	c.dip, c.dpt = syn.Src, syn.SrcPort
	c.state = "syn_rcvd"
	c.rcvNxt = syn.Seq + 1
	c.isn = p.w.newISN()
	c.right = c.isn + 1 + uint32(syn.Window)
	c.sndNxt, c.sndUna = c.isn, c.isn
	c.takeMSS(syn)
	p.host.peers = append(p.host.peers, &c)
	p.w.all = append(p.w.all, &c)
	p.w.named[c.name] = &c
	c.transmit(wire.SYN|wire.ACK, c.sndNxt, nil)
	c.sndNxt++
}

func (p *peer) takeMSS(syn *wire.Packet) {
	if syn.MSS != 0 {
		p.devMSS = int(syn.MSS)
	}
}

// do carries out one action.
func (p *peer) do(t *testing.T, line string) {
	verb, rest, _ := strings.Cut(line, " ")
	f := strings.Fields(rest)
	num := func(i int) int {
		n, err := strconv.Atoi(f[i])
		if err != nil {
			panic(fmt.Sprintf("peer script: %q", line))
		}
		return n
	}
	switch verb {
	case "connect", "resyn":
		p.state = "syn_sent"
		if verb == "connect" {
			p.isn = p.w.newISN()
		}
		p.sndUna, p.sndNxt = p.isn, p.isn
		p.transmit(wire.SYN, p.sndNxt, nil)
		p.sndNxt++
	case "send", "sendfin":
		c := chunk{data: p.letters(num(0))}
		if len(f) > 1 {
			c.size = num(1)
		}
		p.out = append(p.out, c)
		p.finQueued = p.finQueued || verb == "sendfin"
		p.pump()
	case "text", "textfin":
		p.out = append(p.out, chunk{data: []byte(rest)})
		p.finQueued = p.finQueued || verb == "textfin"
		p.pump()
	case "fin":
		p.close()
	case "rst":
		wnd := p.wnd
		p.wnd = 0
		p.transmit(wire.RST|wire.ACK, p.sndNxt, nil)
		p.wnd = wnd
		p.state = "dead"
	case "ack":
		p.sendAck()
	case "wnd":
		p.wnd = uint16(num(0))
		p.sendAck()
	case "silent":
		p.silent = true
	case "talk":
		p.silent = false
	case "advance":
		p.sndNxt += uint32(num(0))
	case "rawseg":
		p.rawSegment(f)
	case "udp":
		port := uint16(num(1))
		data := make([]byte, num(2))
		for i := range data {
			data[i] = 'A' + byte(i%26)
		}
		p.host.nic.Send(&wire.Packet{Src: p.host.ip, Dst: netip.MustParseAddr(f[0]), Proto: wire.UDP, TTL: 64,
			SrcPort: p.port, DstPort: port, Payload: data})
	default:
		panic(fmt.Sprintf("peer script: %q", line))
	}
}

// rawSegment sends a hand-made segment: flags, offset from the next sequence
// number, length, and perhaps the ACK number.
func (p *peer) rawSegment(f []string) {
	var flags wire.Flags
	for _, c := range f[0] {
		flags |= map[rune]wire.Flags{'F': wire.FIN, 'S': wire.SYN, 'R': wire.RST, 'P': wire.PSH, 'A': wire.ACK}[c]
	}
	off, _ := strconv.Atoi(f[1])
	n, _ := strconv.Atoi(f[2])
	seq := p.sndNxt + uint32(off)
	pkt := &wire.Packet{Src: p.host.ip, Dst: p.dip, Proto: wire.TCP, TTL: 64, SrcPort: p.port, DstPort: p.dpt,
		Seq: seq, Flags: flags, Window: p.wnd, Payload: pattern(max(p.sent+off, 0), n)}
	if flags&wire.ACK != 0 {
		pkt.Ack = p.rcvNxt
		if len(f) > 3 {
			a, _ := strconv.Atoi(f[3][1:])
			pkt.Ack = p.irs() + uint32(a)
		}
	}
	p.host.nic.Send(pkt)
}

// irs is the device's initial sequence number.
func (p *peer) irs() uint32 {
	n := uint32(p.rxTotal)
	if p.gotFin {
		n++
	}
	return p.rcvNxt - n - 1
}

// final describes the peers as the measurement does at its end.
func (pw *peerWorld) final() []any {
	out := []any{}
	for _, p := range pw.all {
		state := "established_or_closing"
		switch p.state {
		case "":
			continue
		case "dead", "syn_rcvd", "syn_sent":
			state = p.state
		}
		head, _, _ := strings.Cut(string(p.rx), "\x00") // noted as a C string
		out = append(out, entry{"peer": p.name, "rx_total": p.rxTotal, "rx_head": head, "rx_hash": p.rxHash,
			"state": state, "rst_received": p.gotRst, "fin_received": p.gotFin, "acked_by_device": int64(p.sndUna - p.isn)})
	}
	return out
}
