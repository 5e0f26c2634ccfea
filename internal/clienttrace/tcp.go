package clienttrace

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// mss is the largest segment of a peer in bytes, and window what it offers.
const (
	mss    = 1460
	window = 29200
)

// state is that of a peer's end of a connection.
type state int

const (
	refused state = iota // no answer, or only a RST
	half                 // the SYN is answered
	open
	dead // after a RST
)

// conn is one connection to a peer. It never sends anything again, and does not care for
// the device's window.
type conn struct {
	p      *peer
	n      int
	local  uint16 // the peer's port
	port   uint16 // the device's
	device netip.Addr
	listed bool // the response is
	state  state
	sndNxt uint32
	rcvNxt uint32
	ended  bool // our FIN is sent
	closed bool // as the answer to the device's: nothing follows
	gotFin bool
	parser parser
}

// receiveTCP takes a segment for the peer.
func (p *peer) receiveTCP(pkt *wire.Packet) {
	var c *conn
	for _, x := range p.conns {
		if x.port == pkt.SrcPort && x.local == pkt.DstPort {
			c = x // the newest
		}
	}
	if pkt.Flags&wire.SYN != 0 && p.kind != "client" {
		if c != nil && !c.gotFin && c.state != dead {
			return // sent again
		}
		p.accept(pkt)
		return
	}
	if c != nil {
		c.segment(pkt)
	}
}

func (p *peer) accept(syn *wire.Packet) {
	c := &conn{p: p, n: len(p.conns) + 1, local: p.port, port: syn.SrcPort, device: deviceNet.Addr()}
	p.conns = append(p.conns, c)
	mode := p.kind
	if len(p.modes) > 0 {
		mode = p.modes[min(len(p.conns), len(p.modes))-1]
	}
	c.event("SYN", entry{"mode": mode})
	switch mode {
	case "listen":
		c.state = half
		p.ps.isn += 0x10000
		c.sndNxt, c.rcvNxt = p.ps.isn, syn.Seq+1
		c.parser = parser{c: c}
		c.transmit(wire.SYN|wire.ACK, nil)
		c.sndNxt++
	case "refuse":
		c.state = dead // the next SYN from that port is a new connection
		p.ps.refuse(syn)
	}
}

func (c *conn) event(what string, more entry) {
	e := entry{"peer": c.p.name, "conn": c.n, "ev": what}
	for k, v := range more {
		e[k] = v
	}
	c.p.ps.log(e)
}

// transmit sends one segment.
func (c *conn) transmit(flags wire.Flags, data []byte) {
	pkt := &wire.Packet{Src: c.p.ip, Dst: c.device, Proto: wire.TCP, TTL: 64, SrcPort: c.local, DstPort: c.port,
		Seq: c.sndNxt, Flags: flags, Window: window, Payload: data}
	if flags&wire.ACK != 0 {
		pkt.Ack = c.rcvNxt
	}
	if flags&wire.SYN != 0 {
		pkt.MSS = mss
	}
	c.p.ps.nics[c.p.ip].Send(pkt)
}

// acknowledge answers a segment, after the peer's delay.
func (c *conn) acknowledge() {
	if c.p.ack == 0 {
		c.transmit(wire.ACK, nil)
		return
	}
	c.p.ps.wire.Clock().After(c.p.ack, func() {
		if c.state == open && !c.p.dead {
			c.transmit(wire.ACK, nil)
		}
	})
}

// segment takes a segment of the connection.
func (c *conn) segment(pkt *wire.Packet) {
	if pkt.Flags&wire.RST != 0 {
		c.state = dead
		c.event("RST", nil)
		c.responseEnds("rst")
		c.p.fire(c, "rst", "", 1, nil)
		return
	}
	if c.state == half && c.p.kind == "client" {
		if pkt.Flags&wire.SYN != 0 {
			c.accepted(pkt)
		}
		return
	}
	if c.state == half && pkt.Flags&wire.ACK != 0 {
		c.state = open
		c.event("established", nil)
		c.p.fire(c, "est", "", 1, nil)
	}
	if c.state != open || c.p.deaf {
		return
	}
	fin := pkt.Flags&wire.FIN != 0
	if len(pkt.Payload) == 0 && !fin {
		return
	}
	if pkt.Seq != c.rcvNxt {
		c.acknowledge()
		return
	}
	c.rcvNxt += uint32(len(pkt.Payload))
	if fin {
		c.rcvNxt++
	}
	c.acknowledge()
	if len(pkt.Payload) > 0 {
		c.parser.take(pkt.Payload)
	}
	if fin && !c.gotFin {
		c.gotFin = true
		c.responseEnds("fin")
		c.event("FIN", nil)
		c.p.fire(c, "fin", "", 1, nil)
		if !c.p.nofin {
			c.closed = !c.ended
			c.fin()
		}
	}
}

// send sends data in segments of a size, but none on a connection that it has given up.
func (c *conn) send(data []byte, size int) {
	if c.closed {
		return
	}
	for len(data) > 0 {
		n := min(size, len(data), mss)
		flags := wire.ACK
		if n == len(data) {
			flags |= wire.PSH
		}
		c.transmit(flags, data[:n])
		c.sndNxt += uint32(n)
		data = data[n:]
	}
}

func (c *conn) fin() {
	if c.state == open && !c.ended {
		c.ended = true
		c.transmit(wire.FIN|wire.ACK, nil)
		c.sndNxt++
	}
}

func (c *conn) reset() {
	c.transmit(wire.RST|wire.ACK, nil)
	c.state = dead
}

// parser takes the protocol in what a connection receives apart.
type parser struct {
	c        *conn
	buf      []byte
	upgraded bool
	key      string // the answer to a websocket's key
	body     int    // bytes of a request's body that are missing
	inBody   bool
	counts   map[string]int
}

func (p *parser) count(what string) int {
	if p.counts == nil {
		p.counts = map[string]int{}
	}
	p.counts[what]++
	return p.counts[what]
}

func (p *parser) take(data []byte) {
	peer := p.c.p
	n := p.count("data")
	if peer.proto == "raw" {
		p.c.event("data", entry{"d": digest(data)})
	}
	peer.fire(p.c, "data", "", n, nil)
	p.buf = append(p.buf, data...)
	for {
		before := len(p.buf)
		switch {
		case peer.kind == "client":
			p.answered()
		case peer.proto == "raw":
			p.buf = nil
		case peer.proto == "mqtt":
			p.mqtt()
		case p.upgraded:
			p.frame()
		default:
			p.http()
		}
		if len(p.buf) == before || len(p.buf) == 0 {
			return
		}
	}
}

var mqttTypes = [16]string{1: "CONNECT", 2: "CONNACK", 3: "PUBLISH", 4: "PUBACK", 5: "PUBREC", 6: "PUBREL", 7: "PUBCOMP",
	8: "SUBSCRIBE", 9: "SUBACK", 10: "UNSUBSCRIBE", 11: "UNSUBACK", 12: "PINGREQ", 13: "PINGRESP", 14: "DISCONNECT"}

// mqtt takes one packet off the buffer.
func (p *parser) mqtt() {
	n, at := 0, 1
	for shift := 0; ; shift += 7 {
		if at >= len(p.buf) {
			return
		}
		n |= int(p.buf[at]&0x7f) << shift
		at++
		if p.buf[at-1]&0x80 == 0 || shift == 21 {
			break
		}
	}
	if len(p.buf) < at+n {
		return
	}
	packet := p.buf[:at+n]
	p.buf = p.buf[at+n:]
	kind := mqttTypes[packet[0]>>4]
	p.c.event("mqtt", entry{"type": kind, "d": digest(packet)})
	p.c.p.fire(p.c, "pkt", kind, p.count("pkt "+kind), packet)
}

// mqttID returns the number of an MQTT packet, two bytes.
func mqttID(packet []byte) []byte {
	at := 1
	for at < len(packet) && packet[at]&0x80 != 0 {
		at++
	}
	at++
	if packet[0]>>4 == 3 && at+2 <= len(packet) { // PUBLISH: behind the topic
		at += 2 + int(binary.BigEndian.Uint16(packet[at:]))
	}
	if at+2 > len(packet) {
		return []byte{0, 0}
	}
	return packet[at : at+2]
}

// http takes a request's head or its body off the buffer.
func (p *parser) http() {
	if p.inBody {
		n := min(p.body, len(p.buf))
		p.buf, p.body = p.buf[n:], p.body-n
		if p.body == 0 {
			p.inBody = false
			p.c.p.fire(p.c, "req", "", p.count("req"), nil)
		}
		return
	}
	head, rest, ok := strings.Cut(string(p.buf), "\r\n\r\n")
	if !ok {
		return
	}
	p.buf = []byte(rest)
	p.c.event("http head", entry{"d": traces.Latin1(head + "\r\n\r\n")})
	for line := range strings.SplitSeq(head, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); strings.ToLower(name) {
		case "content-length":
			p.body, _ = strconv.Atoi(value)
		case "sec-websocket-key":
			p.key, p.upgraded = AcceptKey(value), true
		}
	}
	p.c.p.fire(p.c, "head", "", p.count("head"), nil)
	if p.inBody = p.body > 0; !p.inBody {
		p.c.p.fire(p.c, "req", "", p.count("req"), nil)
	}
}

// frame takes one websocket frame off the buffer.
func (p *parser) frame() {
	if len(p.buf) < 2 {
		return
	}
	n, at := int(p.buf[1]&0x7f), 2
	if n == 126 {
		if at = 4; len(p.buf) < at {
			return
		}
		n = int(binary.BigEndian.Uint16(p.buf[2:]))
	}
	masked := p.buf[1]&0x80 != 0
	var mask [4]byte
	if masked {
		if at += 4; len(p.buf) < at {
			return
		}
		mask = [4]byte(p.buf[at-4:])
	}
	if len(p.buf) < at+n {
		return
	}
	first := p.buf[0]
	data := append([]byte(nil), p.buf[at:at+n]...)
	p.buf = p.buf[at+n:]
	for i := range data {
		data[i] ^= mask[i%4]
	}
	op := strconv.Itoa(int(first & 0xf))
	p.c.event("ws frame", entry{"fin_rsv": int(first >> 4), "op": int(first & 0xf), "masked": masked, "len": n, "d": digest(data)})
	p.c.p.fire(p.c, "ws", op, p.count("ws "+op), nil)
}

// payload reads BYTES of a script: hexadecimal digits, "text", {N*XX}, $ID, $KEY.
func payload(text string, packet []byte, c *conn) (out []byte, err error) {
	text = string(traces.Bytes(text))
	bad := func() ([]byte, error) { return nil, fmt.Errorf("bytes %q", text) }
	for i := 0; i < len(text); {
		switch rest := text[i:]; {
		case text[i] == ' ':
			i++
		case text[i] == '"':
			n := 1
			for ; n < len(rest) && rest[n] != '"'; n++ {
				b := rest[n]
				if b == '\\' && n+1 < len(rest) {
					n++
					switch b = rest[n]; b {
					case 'r':
						b = '\r'
					case 'n':
						b = '\n'
					case 't':
						b = '\t'
					case '0':
						b = 0
					case 'x':
						x, err := strconv.ParseUint(rest[n+1:n+3], 16, 8)
						if err != nil {
							return bad()
						}
						b = byte(x)
						n += 2
					}
				}
				out = append(out, b)
			}
			i += n + 1
		case text[i] == '{':
			end := strings.IndexByte(rest, '}')
			count, value, ok := strings.Cut(rest[1:max(end, 1)], "*")
			n, err1 := strconv.Atoi(count)
			b, err2 := strconv.ParseUint(value, 16, 8)
			if !ok || err1 != nil || err2 != nil {
				return bad()
			}
			for range n {
				out = append(out, byte(b))
			}
			i += end + 1
		case strings.HasPrefix(rest, "$ID"):
			switch {
			case c == nil && len(packet) >= 4: // CoAP
				out = append(out, packet[2:4]...)
			case c != nil && len(packet) > 0:
				out = append(out, mqttID(packet)...)
			}
			i += len("$ID")
		case strings.HasPrefix(rest, "$KEY"):
			switch {
			case c != nil:
				out = append(out, c.parser.key...)
			case len(packet) >= 48: // the request's transmit timestamp
				out = append(out, packet[40:48]...)
			}
			i += len("$KEY")
		default:
			if len(rest) < 2 {
				return bad()
			}
			b, err := hex.DecodeString(rest[:2])
			if err != nil {
				return bad()
			}
			out = append(out, b...)
			i += 2
		}
	}
	return out, nil
}
