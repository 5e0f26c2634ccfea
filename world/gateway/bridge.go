package gateway

import (
	"errors"
	"io"
	"net"

	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// A bridge copies between a connection of the host and one over the wire. Two
// goroutines block on the host's connection; everything else happens in the world.
//
// From the host to the device there is one buffer. The reader fills it, the world
// puts it into the stack's send buffer as that has room, and only then may the
// reader read again. From the device to the host the stack's receive window is the
// bound: it is opened again only for what the host has taken.
type bridge struct {
	g    *Gateway
	pcb  *lwip.TCPConn
	conn *net.TCPConn
	done func() // called once, in the world, when the bridge is gone

	// Towards the device. The world owns them from a post of the reader until it
	// gives the reader its turn.
	pending []byte // what the stack has not taken yet
	hostEnd bool   // the host sends no more
	finSent bool
	turn    chan struct{} // capacity 1

	// Towards the host.
	queue     [][]byte // what the writer has not been given yet
	writing   bool
	deviceEnd bool          // the device sends no more
	endPassed bool          // the host knows
	write     chan [][]byte // capacity 1; nil ends the direction

	over bool          // the bridge is gone
	gone chan struct{} // closed when it is
	stop func() bool   // forgets to close conn when the gateway closes
}

const (
	readBuffer = 16 << 10 // bytes
	hostBuffer = 64 << 10 // bytes that the host's kernel holds each way
)

// newBridge starts copying. pcb is established. Call it in the world.
func (g *Gateway) newBridge(pcb *lwip.TCPConn, conn *net.TCPConn, done func()) {
	b := &bridge{
		g: g, pcb: pcb, conn: conn, done: done,
		turn:  make(chan struct{}, 1),
		write: make(chan [][]byte, 1),
		gone:  make(chan struct{}),
	}
	pcb.OnRecv = b.received
	pcb.OnSent = func(*lwip.TCPConn, int) lwip.Err { b.push(); return lwip.OK }
	pcb.OnError = func(lwip.Err) { b.pcb = nil; b.reset() }
	pcb.KeepAlive = true
	conn.SetReadBuffer(hostBuffer)
	conn.SetWriteBuffer(hostBuffer)
	b.stop = contextClose(g, conn)
	g.goroutine(b.reader)
	g.goroutine(b.writer)
}

// reader reads from the host's connection, one buffer at a time.
func (b *bridge) reader() {
	buf := make([]byte, readBuffer)
	for {
		n, err := b.conn.Read(buf)
		b.g.post(func() { b.fromHost(buf[:n], err) })
		if err != nil {
			return
		}
		select {
		case <-b.turn:
		case <-b.gone:
			return
		case <-b.g.ctx.Done():
			return
		}
	}
}

// fromHost takes what the reader has read.
func (b *bridge) fromHost(data []byte, err error) {
	if b.over {
		return
	}
	b.pending = data
	if err != nil {
		if !errors.Is(err, io.EOF) {
			b.reset()
			return
		}
		b.hostEnd = true
	}
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
			b.turn <- struct{}{}
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

// pull gives the writer what there is, or the end.
func (b *bridge) pull() {
	if b.writing || b.endPassed {
		return
	}
	if len(b.queue) > 0 {
		b.writing = true
		b.write <- b.queue
		b.queue = nil
		return
	}
	if b.deviceEnd {
		b.endPassed = true
		b.write <- nil
	}
}

// writer writes to the host's connection.
func (b *bridge) writer() {
	for {
		var batch [][]byte
		select {
		case batch = <-b.write:
		case <-b.gone:
			return
		case <-b.g.ctx.Done():
			return
		}
		if batch == nil {
			b.conn.CloseWrite()
			b.g.post(b.finish)
			return
		}
		total := 0
		for _, p := range batch {
			total += len(p)
		}
		buffers := net.Buffers(batch)
		_, err := buffers.WriteTo(b.conn)
		b.g.post(func() { b.written(total, err) })
		if err != nil {
			return
		}
	}
}

// written opens the window for what the host has taken.
func (b *bridge) written(n int, err error) {
	if b.over {
		return
	}
	if err != nil {
		b.reset()
		return
	}
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
	b.conn.Close()
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
	b.conn.SetLinger(0)
	b.conn.Close()
}

// release makes the bridge deaf on the wire side and lets its goroutines go.
func (b *bridge) release() {
	b.over = true
	b.pending, b.queue = nil, nil
	if b.pcb != nil {
		b.pcb.OnRecv, b.pcb.OnSent, b.pcb.OnError = nil, nil, nil
	}
	b.stop()
	close(b.gone)
	b.done()
}
