package devtest

import (
	"bytes"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// roundTrip is more than a packet and its answer take on the bench's wire.
const roundTrip = 10 * clock.Millisecond

// Peer is a TCP client of the device. It acknowledges every segment at once, and
// closes when the device does.
type Peer struct {
	// Data is what it has received.
	Data bytes.Buffer
	// Segments are the sizes of the segments that brought it.
	Segments []int
	// Established: the connection was made. Closed: the device has sent its
	// FIN. Reset: the connection was reset, or given up.
	Established, Closed, Reset bool

	b       *Bench
	conn    *lwip.TCPConn
	stalled bool
	unread  int
}

// Dial starts a connection from the bench's own host to a port of the device, and
// gives it time to be made.
func (b *Bench) Dial(port uint16) *Peer { return b.DialFrom(b.host, port) }

// DialFrom is Dial from another host.
func (b *Bench) DialFrom(host *lwip.Stack, port uint16) *Peer {
	b.t.Helper()
	p := &Peer{b: b, conn: host.NewTCP()}
	p.conn.OnConnected = func(*lwip.TCPConn) lwip.Err { p.Established = true; return lwip.OK }
	p.conn.OnError = func(lwip.Err) { p.Reset, p.conn = true, nil }
	p.conn.OnRecv = p.receive
	if err := p.conn.Connect(b.addr, port); err != lwip.OK {
		b.t.Fatalf("connect: %v", err)
	}
	b.Run(roundTrip)
	return p
}

func (p *Peer) receive(c *lwip.TCPConn, data [][]byte) lwip.Err {
	if data == nil {
		p.Closed = true
		p.read()
		p.conn = nil
		return c.Close()
	}
	for _, d := range data {
		p.Data.Write(d)
		p.Segments = append(p.Segments, len(d))
		p.unread += len(d)
	}
	if !p.stalled {
		p.read()
	}
	return lwip.OK
}

func (p *Peer) read() {
	if p.conn != nil {
		p.conn.Recved(p.unread)
	}
	p.unread = 0
}

// Stall makes the peer stop reading, so that its window closes, or read on.
func (p *Peer) Stall(stop bool) {
	p.stalled = stop
	if !stop {
		p.read()
	}
}

// Open reports whether the peer's side of the connection is open.
func (p *Peer) Open() bool { return p.conn != nil }

// Send sends each string as a segment of its own (or as several, if it is longer
// than that), and lets the device answer. What does not fit into the send buffer
// follows when there is room. On a closed connection it does nothing.
func (p *Peer) Send(segments ...string) {
	for _, s := range segments {
		p.Queue(s)
		p.b.Run(roundTrip)
	}
}

// Queue is Send of one string without waiting.
func (p *Peer) Queue(s string) {
	if p.conn == nil {
		return
	}
	data := []byte(s)
	feed := func() {
		for len(data) > 0 && p.conn != nil {
			n, err := p.conn.WriteSome(data)
			if data = data[n:]; n == 0 || err != lwip.OK {
				return
			}
		}
	}
	p.conn.OnSent = func(*lwip.TCPConn, int) lwip.Err { feed(); return lwip.OK }
	feed()
}

// Close sends a FIN; the peer still receives.
func (p *Peer) Close() {
	if p.conn != nil {
		p.conn.Shutdown()
	}
	p.b.Run(roundTrip)
}

// Abort sends a RST.
func (p *Peer) Abort() {
	if c := p.conn; c != nil {
		c.OnError = nil
		p.conn = nil
		c.Abort()
	}
	p.b.Run(roundTrip)
}

// Vanish makes the peer's host forget the connection without a word, and not
// answer for it any more.
func (p *Peer) Vanish(host *lwip.Stack) {
	host.SetNetif(0, lwip.Netif{})
	p.conn = nil
}
