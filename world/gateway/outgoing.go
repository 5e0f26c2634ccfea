package gateway

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Connections that devices make. The SYN is held back until the host's connection
// exists: only then does the gateway's stack see it and answer. So the device learns
// what a device on a real network would: connected, refused, or nothing at all.

// outgoing is one of them, from its SYN until the bridge is gone.
type outgoing struct {
	g         *Gateway
	flow      flow
	syn       *wire.Packet
	conn      hostnet.Conn
	connected bool // by the host
	bridged   bool
	expiry    *clock.Event // forgets an attempt that came to nothing
	leave     func()       // lets the clock go
}

// Times of an attempt to connect.
const (
	// silence is how long a connection that cannot be made stays unanswered: the
	// device's retries must not start new ones.
	silence = 8 * clock.Second
	// handshake is how long the device may take to complete it (fw: SYN_RCVD
	// timeout 20 s).
	handshake = 25 * clock.Second
)

// syn takes the first packet of a connection, or a repetition of it.
func (g *Gateway) syn(p *wire.Packet) {
	f := flow{netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)}
	if o := g.flows[f]; o != nil {
		if o.connected {
			g.stack.Input(0, p)
		}
		return
	}
	if len(g.flows) >= maxFlows {
		return
	}
	to, ok := g.hostAddr(f.remote)
	if !ok {
		if p.Dst.IsLoopback() {
			g.noteLoopback(p)
		} else if !g.allows(f.remote) {
			g.note(p.Src, fmt.Sprintf("%s: connection to %s goes nowhere", g.bar(f.remote), f.remote))
		}
		if p.Dst == g.addr {
			g.refuse(p)
		}
		return
	}
	g.lastConn++
	o := &outgoing{g: g, flow: f, syn: p, conn: g.lastConn, leave: g.world.Clock.Follow()}
	g.flows[f], g.dialing[o.conn] = o, o
	g.note(p.Src, "opens a connection to "+g.called(f.remote))
	g.net.Dial(o.conn, netip.AddrPortFrom(to, p.DstPort))
}

// noteLoopback tells who means this computer by 127.0.0.1 that a device, whose stack has no
// loopback interface, sends such packets to the router.
func (g *Gateway) noteLoopback(p *wire.Packet) {
	g.note(p.Src, fmt.Sprintf("%s is the device itself, and nobody answers there: this computer is %s", p.Dst, HostName))
}

// refuse answers a SYN with a RST.
func (g *Gateway) refuse(syn *wire.Packet) {
	g.nic.Send(&wire.Packet{Src: syn.Dst, Dst: syn.Src, Proto: wire.TCP, TTL: g.stack.Params().TTL,
		SrcPort: syn.DstPort, DstPort: syn.SrcPort, Ack: syn.Seq + 1, Flags: wire.RST | wire.ACK})
}

// dialed takes the outcome.
func (o *outgoing) dialed(outcome hostnet.Outcome) {
	delete(o.g.dialing, o.conn)
	switch outcome {
	case hostnet.Connected:
		o.connect()
	case hostnet.Refused:
		if o.flow.remote.Addr() == o.g.addr {
			o.g.note(o.flow.device.Addr(), fmt.Sprintf("nothing listens on port %d of this computer's 127.0.0.1: is the server running?", o.flow.remote.Port()))
		}
		o.forget()
		o.g.refuse(o.syn)
	default:
		o.leave()
		o.leave = func() {}
		o.expiry = o.g.after(silence, o.forget)
	}
}

// connect lets the stack see the SYN.
func (o *outgoing) connect() {
	g := o.g
	o.connected = true
	if !g.listen(o.flow.remote.Port()) {
		o.giveUp()
		g.refuse(o.syn)
		return
	}
	o.expiry = g.after(handshake, o.giveUp)
	g.stack.Input(0, o.syn)
}

// giveUp drops the host's connection.
func (o *outgoing) giveUp() {
	o.g.net.CloseConn(o.conn)
	o.forget()
}

func (o *outgoing) forget() {
	o.expiry.Stop()
	o.leave()
	delete(o.g.flows, o.flow)
}

// listen makes the stack accept connections to a port. Only SYNs that connect lets
// through ever reach it, so a listener stays once it is there.
func (g *Gateway) listen(port uint16) bool {
	if g.listeners[port] {
		return true
	}
	c := g.stack.NewTCP()
	if c.Bind(lwip.AnyAddr, port) != lwip.OK {
		c.Close()
		return false
	}
	l := c.Listen()
	if l == nil {
		c.Close()
		return false
	}
	l.OnAccept = g.accept
	g.listeners[port] = true
	return true
}

// accept joins an established connection of a device with the host's.
func (g *Gateway) accept(pcb *lwip.TCPConn) lwip.Err {
	o := g.flows[flow{pcb.RemoteAddr(), pcb.LocalAddr()}]
	if o == nil || !o.connected || o.bridged {
		return lwip.ErrAbort
	}
	o.bridged = true
	o.expiry.Stop()
	g.newBridge(pcb, o.conn, o.forget)
	return lwip.OK
}
