package clienttrace

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/internal/traces"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Peers that connect to the device (oracle: formats.md, "enduser_setup …", Peers): they
// ask a web server.

// shortBody is up to how many bytes of a body are listed.
const shortBody = 600

// connect opens the peer's next connection, to a port of the device.
func (p *peer) connect(port uint16) {
	c := &conn{p: p, n: len(p.conns) + 1, local: p.port + uint16(len(p.conns)), port: port, device: p.to, state: half}
	p.conns = append(p.conns, c)
	c.parser = parser{c: c}
	p.ps.isn += 0x10000
	c.sndNxt = p.ps.isn
	c.event("opens", entry{"port": int(port)})
	c.transmit(wire.SYN, nil)
	c.sndNxt++
}

// accepted takes the answer to the SYN of a client.
func (c *conn) accepted(pkt *wire.Packet) {
	c.state = open
	c.rcvNxt = pkt.Seq + 1
	c.event("established", nil)
	c.transmit(wire.ACK, nil)
	c.p.fire(c, "est", "", 1, nil)
}

var contentLength = regexp.MustCompile(`(?i)\r\ncontent-length: *(\d+)`)

// response is what a client has received so far: its head, its body, and what came beyond
// that. whole is whether it is all there.
func (p *parser) response() (head, body, beyond string, whole bool) {
	head, body, whole = strings.Cut(string(p.buf), "\r\n\r\n")
	if !whole {
		return string(p.buf), "", "", false
	}
	head += "\r\n\r\n"
	if m := contentLength.FindStringSubmatch(head); m != nil {
		n, _ := strconv.Atoi(m[1])
		beyond = body[min(n, len(body)):]
		whole = len(body) >= n
		body = body[:min(n, len(body))]
	}
	return head, body, beyond, whole
}

// answered fires when a client's response is complete.
func (p *parser) answered() {
	if _, _, _, whole := p.response(); whole && p.count("done") == 1 {
		p.c.p.fire(p.c, "done", "", 1, nil)
	}
}

// ended lists a client's response.
func (c *conn) responseEnds(how string) {
	if c.p.kind != "client" || len(c.parser.buf) == 0 || c.listed {
		return
	}
	c.listed = true
	head, body, beyond, _ := c.parser.response()
	e := entry{"end": how, "head": traces.Latin1(head), "body_len": len(body)}
	if len(body) > shortBody || strings.Contains(head, "text/html") {
		e["body_fnv"] = traces.Hash([]byte(body))
	} else {
		e["body"] = traces.Latin1(body)
	}
	if beyond != "" {
		e["bytes_after_body"] = len(beyond)
	}
	c.event("response", e)
}

// clientOption reads an option of a client: the address that it connects to.
func (p *peer) clientOption(value string) (err error) {
	if p.to, err = netip.ParseAddr(value); err != nil {
		return fmt.Errorf("to=%s: %w", value, err)
	}
	return nil
}
