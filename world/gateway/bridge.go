package gateway

import (
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// A bridge copies between a connection of the host and one over the wire.
//
// From the host to the device there is one buffer. The network reads once, the bridge
// puts that into the stack's send buffer as it has room, and only then asks the
// network, which is one piece ahead, again. From the device to the host the stack's receive window is the
// bound: it is opened again only for what the host has taken.
type bridge struct {
	g    *Gateway
	pcb  *lwip.TCPConn
	conn hostnet.Conn
	done func() // called once, when the bridge is gone

	// Towards the device.
	pending []byte // what the stack has not taken yet
	hostEnd bool   // the host sends no more
	finSent bool

	// Towards the host.
	queue     [][]byte // what the network has not been given yet
	writing   bool
	deviceEnd bool // the device sends no more
	endPassed bool // the host knows

	over bool // the bridge is gone
}

// newBridge starts copying. pcb is established.
func (g *Gateway) newBridge(pcb *lwip.TCPConn, conn hostnet.Conn, done func()) {
	b := &bridge{g: g, pcb: pcb, conn: conn, done: done}
	pcb.OnRecv = b.received
	pcb.OnSent = func(*lwip.TCPConn, int) lwip.Err { b.push(); return lwip.OK }
	pcb.OnError = func(lwip.Err) { b.pcb = nil; b.reset() }
	pcb.KeepAlive = true
	g.bridges[conn] = b
	g.net.Read(conn)
}

// fromHost takes what the host sends.
func (b *bridge) fromHost(data []byte) {
	b.pending = data
	b.push()
}

// hostEnded takes the end of what the host sends.
func (b *bridge) hostEnded() {
	b.hostEnd = true
	b.push()
}

// push gives the stack as much as it takes.
func (b *bridge) push() {
	if b.over || b.finSent {
		return
	}
	for len(b.pending) > 0 {
		n, err := b.pcb.WriteSome(b.pending)
		if err != lwip.OK && err != lwip.ErrMem {
			b.reset()
			return
		}
		if n == 0 {
			return // OnSent comes back
		}
		b.pending = b.pending[n:]
	}
	if !b.hostEnd {
		if b.pending != nil {
			b.pending = nil
			b.g.net.Read(b.conn)
		}
		return
	}
	b.finSent = true
	b.pcb.Shutdown()
	b.finish()
}

// received takes what the device sent; nil is its end.
func (b *bridge) received(_ *lwip.TCPConn, data [][]byte) lwip.Err {
	if b.over {
		return lwip.OK
	}
	if data == nil {
		b.deviceEnd = true
	}
	b.queue = append(b.queue, data...)
	b.pull()
	return lwip.OK
}

// pull gives the host what there is, or the end.
func (b *bridge) pull() {
	if b.writing || b.endPassed {
		return
	}
	if len(b.queue) > 0 {
		b.writing = true
		b.g.net.Write(b.conn, b.queue)
		b.queue = nil
		return
	}
	if b.deviceEnd {
		b.endPassed = true
		if !b.finSent { // else closing tells the host of the end
			b.g.net.CloseWrite(b.conn)
		}
		b.finish()
	}
}

// written opens the window for what the host has taken.
func (b *bridge) written(n int) {
	b.writing = false
	b.pcb.Recved(n)
	b.pull()
}

// finish ends the bridge when both directions have ended.
func (b *bridge) finish() {
	if b.over || !b.finSent || !b.endPassed {
		return
	}
	b.release()
	b.pcb.Close()
	b.g.net.CloseConn(b.conn)
}

// reset ends the bridge with a RST on both sides.
func (b *bridge) reset() {
	if b.over {
		return
	}
	b.release()
	if b.pcb != nil {
		b.pcb.Abort()
	}
	b.g.net.ResetConn(b.conn)
}

// release makes the bridge deaf on both sides.
func (b *bridge) release() {
	b.over = true
	b.pending, b.queue = nil, nil
	if b.pcb != nil {
		b.pcb.OnRecv, b.pcb.OnSent, b.pcb.OnError = nil, nil, nil
	}
	delete(b.g.bridges, b.conn)
	b.done()
}
