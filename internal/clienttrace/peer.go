package clienttrace

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// peers are the scripted far ends of one scenario (oracle: formats.md, "Peer script").
type peers struct {
	wire *wire.Wire
	log  func(entry)
	all  []*peer
	nics map[netip.Addr]*wire.NIC
	isn  uint32
}

// peer is one of them: an address and port.
type peer struct {
	ps   *peers
	name string
	kind string // listen, refuse, drop, udp, client
	ip   netip.Addr
	port uint16     // of a client the first one
	to   netip.Addr // of a client: the device's

	proto     string // mqtt, http, raw
	ack       clock.Duration
	deaf      bool
	nofin     bool
	modes     []string // of the connections, in order
	dead      bool     // after "kill"
	conns     []*conn
	on        []trigger
	datagrams int
	from      netip.AddrPort // of the last datagram
}

// trigger is an "on" line.
type trigger struct {
	conn  int // 0: any
	event string
	kind  string // packet type or opcode
	n     int    // 0: every
	delay clock.Duration
	do    string
}

// script reads the lines.
func (ps *peers) script(start clock.Time, lines []string) error {
	ps.nics = map[netip.Addr]*wire.NIC{}
	at := func(ms string, fn func()) error {
		n, err := strconv.ParseFloat(ms, 64)
		if err == nil {
			ps.wire.Clock().At(start.Add(clock.Duration(n*float64(clock.Millisecond))), fn)
		}
		return err
	}
	for _, line := range lines {
		f := strings.Fields(line)
		err := error(nil)
		switch {
		case f[0] == "peer" && len(f) >= 3:
			err = ps.add(f[1], f[2], f[3:])
		case f[0] == "on" && len(f) >= 4:
			err = ps.trigger(line)
		case f[0] == "do" && len(f) >= 4:
			p := ps.named(f[2])
			do := after(line, 3)
			if p == nil {
				return fmt.Errorf("peer script: %q", line)
			}
			which := p.last
			if n, ok := strings.CutPrefix(f[3], "conn="); ok {
				i, _ := strconv.Atoi(n)
				do, which = after(line, 4), func() *conn { return p.numbered(i) }
			}
			err = at(f[1], func() { p.act(which(), do, nil) })
		case f[0] == "conn" && len(f) == 4 && ps.named(f[2]) != nil:
			p := ps.named(f[2])
			port, _ := strconv.Atoi(f[3])
			err = at(f[1], func() { p.connect(uint16(port)) })
		case f[0] == "udo" && len(f) >= 6:
			p := ps.named(f[2])
			to, e := addrPort(f[4])
			if e != nil {
				return fmt.Errorf("peer script: %q: %w", line, e)
			}
			src, _ := strconv.Atoi(f[3])
			data, e := payload(after(line, 5), nil, nil)
			if p == nil || e != nil {
				return fmt.Errorf("peer script: %q", line)
			}
			err = at(f[1], func() {
				ps.log(entry{"peer": p.name, "ev": "sends", "d": digest(data)})
				p.datagram(netip.AddrPortFrom(p.ip, uint16(src)), to, data)
			})
		default:
			err = fmt.Errorf("unknown line")
		}
		if err != nil {
			return fmt.Errorf("peer script: %q: %w", line, err)
		}
	}
	return nil
}

// addrPort reads "ADDRESS:PORT"; a port alone is the device's.
func addrPort(text string) (netip.AddrPort, error) {
	if !strings.Contains(text, ":") {
		text = deviceNet.Addr().String() + ":" + text
	}
	return netip.ParseAddrPort(text)
}

// after returns what stands behind the first n words of a line.
func after(line string, n int) string {
	for range n {
		line = strings.TrimLeft(line, " ")
		_, line, _ = strings.Cut(line, " ")
	}
	return strings.TrimLeft(line, " ")
}

func (ps *peers) named(name string) *peer {
	for _, p := range ps.all {
		if p.name == name {
			return p
		}
	}
	return nil
}

func (ps *peers) add(name, kind string, options []string) error {
	p := &peer{ps: ps, name: name, kind: kind, proto: "mqtt"}
	for _, o := range options {
		k, v, _ := strings.Cut(o, "=")
		n, _ := strconv.Atoi(v)
		switch k {
		case "ip":
			ip, err := netip.ParseAddr(v)
			if err != nil {
				return err
			}
			p.ip = ip
		case "port":
			p.port = uint16(n)
		case "to":
			if err := p.clientOption(v); err != nil {
				return err
			}
		case "proto":
			p.proto = v
		case "ack":
			p.ack = clock.Duration(n) * clock.Millisecond
		case "deaf":
			p.deaf = true
		case "nofin":
			p.nofin = true
		case "modes":
			p.modes = strings.Split(v, ",")
		default:
			return fmt.Errorf("option %q", o)
		}
	}
	ps.all = append(ps.all, p)
	if ps.nics[p.ip] == nil {
		nic := ps.wire.Attach("peer "+p.ip.String(), func(pkt *wire.Packet) { ps.receive(p.ip, pkt) })
		nic.SetPrefix(netip.PrefixFrom(p.ip, 24))
		ps.nics[p.ip] = nic
	}
	return nil
}

// trigger reads "on NAME [conn=N] EVENT … DELAY ACTION".
func (ps *peers) trigger(line string) error {
	f := strings.Fields(line)
	p := ps.named(f[1])
	if p == nil {
		return fmt.Errorf("no such peer")
	}
	t := trigger{}
	i := 2
	if n, ok := strings.CutPrefix(f[i], "conn="); ok {
		t.conn, _ = strconv.Atoi(n)
		i++
	}
	t.event = f[i]
	i++
	switch t.event {
	case "pkt", "ws":
		t.kind = f[i]
		i++
		fallthrough
	case "head", "req", "data", "rx":
		if f[i] != "*" {
			n, err := strconv.Atoi(f[i])
			if err != nil {
				return err
			}
			t.n = n
		}
		i++
	case "est", "fin", "rst", "done":
	default:
		return fmt.Errorf("event %q", t.event)
	}
	ms, err := strconv.ParseFloat(f[i], 64)
	if err != nil {
		return err
	}
	t.delay = clock.Duration(ms * float64(clock.Millisecond))
	t.do = after(line, i+1)
	p.on = append(p.on, t)
	return nil
}

// fire does what follows from an event: number n of its kind, caused by packet.
func (p *peer) fire(c *conn, event, kind string, n int, packet []byte) {
	number := 0
	if c != nil {
		number = c.n
	}
	for _, t := range p.on {
		if t.event != event || t.kind != "" && t.kind != "*" && t.kind != kind || t.n != 0 && t.n != n || t.conn != 0 && t.conn != number {
			continue
		}
		if t.delay == 0 {
			p.act(c, t.do, packet)
			continue
		}
		p.ps.wire.Clock().After(t.delay, func() { p.act(c, t.do, packet) })
	}
}

// hasPort reports whether a port is the peer's.
func (p *peer) hasPort(port uint16) bool {
	if p.kind == "client" {
		return port >= p.port && int(port-p.port) < len(p.conns)
	}
	return port == p.port
}

// numbered is a connection by its number, nil when there is none yet.
func (p *peer) numbered(n int) *conn {
	if n < 1 || n > len(p.conns) {
		return nil
	}
	return p.conns[n-1]
}

func (p *peer) last() *conn {
	if len(p.conns) == 0 {
		return nil
	}
	return p.conns[len(p.conns)-1]
}

// act carries out one action on a connection, or as the answer to a datagram.
func (p *peer) act(c *conn, line string, packet []byte) {
	if p.dead {
		return
	}
	verb, rest, _ := strings.Cut(line, " ")
	if verb == "kill" {
		p.dead = true
		return
	}
	if p.kind == "udp" {
		p.actUDP(verb, rest, packet)
		return
	}
	if c == nil || c.state != open {
		return
	}
	dataOf := func(text string) []byte {
		data, err := payload(text, packet, c)
		if err != nil {
			panic(fmt.Sprintf("peer script: %q: %v", line, err))
		}
		return data
	}
	switch verb {
	case "hex":
		c.send(dataOf(rest), mss)
	case "seg":
		n, _ := strconv.Atoi(strings.Fields(rest)[0])
		c.send(dataOf(after(rest, 1)), n)
	case "burst":
		f := strings.Fields(rest)
		gap, _ := strconv.Atoi(f[0])
		n, _ := strconv.Atoi(f[1])
		data := dataOf(after(rest, 2))
		for i := 0; len(data) > 0; i++ {
			piece := data[:min(n, len(data))]
			data = data[len(piece):]
			p.ps.wire.Clock().After(clock.Duration(i*gap)*clock.Millisecond, func() {
				if c.state == open && !c.ended && !p.dead {
					c.send(piece, mss)
				}
			})
		}
	case "fin":
		c.fin()
	case "rst":
		c.reset()
	default:
		panic(fmt.Sprintf("peer script: %q", line))
	}
}

func (p *peer) actUDP(verb, rest string, packet []byte) {
	src := netip.AddrPortFrom(p.ip, p.port)
	if verb == "from" {
		addr, more, _ := strings.Cut(rest, " ")
		host, port, hasPort := strings.Cut(addr, ":")
		n := int(p.port)
		if hasPort {
			n, _ = strconv.Atoi(port)
		}
		src = netip.AddrPortFrom(netip.MustParseAddr(host), uint16(n))
		_, rest, _ = strings.Cut(more, " ")
	}
	data, err := payload(rest, packet, nil)
	if err != nil {
		panic(fmt.Sprintf("peer script: %q: %v", rest, err))
	}
	p.datagram(src, p.from, data)
}

func (p *peer) datagram(src, dst netip.AddrPort, data []byte) {
	if p.dead {
		return
	}
	p.ps.nics[p.ip].Send(&wire.Packet{Src: src.Addr(), Dst: dst.Addr(), Proto: wire.UDP, TTL: 64,
		SrcPort: src.Port(), DstPort: dst.Port(), Payload: data})
}

// receive takes a packet for one of the peers' addresses, or for everybody. What no peer is
// there for gets no answer.
func (ps *peers) receive(ip netip.Addr, pkt *wire.Packet) {
	for _, p := range ps.all {
		if p.ip != ip || pkt.Dst != ip && pkt.Dst != wire.Broadcast || !p.hasPort(pkt.DstPort) || p.dead || (pkt.Proto == wire.UDP) != (p.kind == "udp") {
			continue
		}
		switch pkt.Proto {
		case wire.UDP:
			p.datagrams++
			p.from = netip.AddrPortFrom(pkt.Src, pkt.SrcPort)
			ps.log(entry{"peer": p.name, "ev": "dgram", "d": digest(pkt.Payload)})
			p.fire(nil, "rx", "", p.datagrams, bytes.Clone(pkt.Payload))
		case wire.TCP:
			p.receiveTCP(pkt)
		}
		return
	}
}

// refuse answers a SYN with a RST.
func (ps *peers) refuse(syn *wire.Packet) {
	ps.nics[syn.Dst].Send(&wire.Packet{Src: syn.Dst, Dst: syn.Src, Proto: wire.TCP, TTL: 64,
		SrcPort: syn.DstPort, DstPort: syn.SrcPort, Flags: wire.RST | wire.ACK, Ack: syn.Seq + 1})
}
