package hostnet

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
)

// maxDatagram is the payload that fits a packet: a device cannot reassemble. Larger
// datagrams of the host are dropped.
const maxDatagram = 1472

// What the world or the host's socket does not take in time is dropped.

// socket is one through which a device sends out.
type socket struct {
	conn *net.UDPConn
	out  chan []byte
}

// OpenSocket opens a socket that is connected to one address: only that can answer.
// SocketFailed follows if it cannot be.
func (n *Network) OpenSocket(s Socket, to netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	// Connecting a UDP socket does not block.
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		n.tell(SocketFailed{s}, nil)
		return
	}
	k := &socket{conn, make(chan []byte, maxPosted)}
	n.sockets[s] = k
	n.goroutine(func() {
		writeDatagrams(n, k.out, func(data []byte) { conn.Write(data) })
	})
	n.goroutine(func() {
		n.readDatagrams(conn, func(data []byte, _ netip.AddrPort, taken func()) {
			n.tell(Datagram{s, data}, func(string, error) { taken() })
		})
	})
}

// SendDatagram sends through a socket, or to a client of a published port.
func (n *Network) SendDatagram(s Socket, data []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := n.sockets[s]; k != nil {
		offer(k.out, data)
	}
	if c := n.clients[s]; c != nil {
		offer(c.port.out, addressed{c.addr, data})
	}
}

// CloseSocket closes a socket, or forgets a client of a published port.
func (n *Network) CloseSocket(s Socket) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if k := n.sockets[s]; k != nil {
		k.conn.Close()
		close(k.out)
		delete(n.sockets, s)
	}
	if c := n.clients[s]; c != nil {
		c.kept = false
		n.tidy(c)
	}
}

// udpPort is a published UDP port.
type udpPort struct {
	n       *Network
	of      Publication
	conn    *net.UDPConn
	out     chan addressed
	clients map[netip.AddrPort]*client // guarded by n.mu
}

type addressed struct {
	to   netip.AddrPort
	data []byte
}

// client is one that has sent to a published port. It keeps its number for as long
// as the world keeps it, and while the world has not taken all it has sent.
type client struct {
	number  Socket
	port    *udpPort
	addr    netip.AddrPort
	waiting int  // datagrams
	kept    bool // by the world
}

func newUDPPort(n *Network, p Publication, conn *net.UDPConn) *udpPort {
	return &udpPort{n: n, of: p, conn: conn, out: make(chan addressed, maxPosted), clients: map[netip.AddrPort]*client{}}
}

// write sends to clients.
func (u *udpPort) write() {
	writeDatagrams(u.n, u.out, func(a addressed) { u.conn.WriteToUDPAddrPort(a.data, a.to) })
}

// read tells of what clients send.
func (u *udpPort) read() {
	u.n.readDatagrams(u.conn, func(data []byte, from netip.AddrPort, taken func()) {
		c := u.client(from)
		u.n.tell(ClientDatagram{c.number, u.of.Device, u.of.Port, data}, func(_ string, err error) {
			taken()
			u.n.mu.Lock()
			defer u.n.mu.Unlock()
			c.waiting--
			c.kept = err == nil
			u.n.tidy(c)
		})
	})
}

// client returns the client with an address, who has sent one datagram more.
func (u *udpPort) client(addr netip.AddrPort) *client {
	n := u.n
	n.mu.Lock()
	defer n.mu.Unlock()
	c := u.clients[addr]
	if c == nil {
		n.lastClient--
		c = &client{number: n.lastClient, port: u, addr: addr}
		u.clients[addr] = c
		n.clients[c.number] = c
	}
	c.waiting++
	return c
}

// tidy forgets a client that nothing remembers.
func (n *Network) tidy(c *client) {
	if c.waiting == 0 && !c.kept {
		delete(n.clients, c.number)
		delete(c.port.clients, c.addr)
	}
}

// offer gives a datagram to those who send it, or drops it.
func offer[T any](out chan<- T, datagram T) {
	select {
	case out <- datagram:
	default:
	}
}

// writeDatagrams sends what it is given until the channel is closed. An error is a
// lost datagram.
func writeDatagrams[T any](n *Network, out <-chan T, write func(T)) {
	for {
		select {
		case d, ok := <-out:
			if !ok {
				return
			}
			write(d)
		case <-n.ctx.Done():
			return
		}
	}
}

// readDatagrams hands over what arrives, until the socket is closed. taken is to be
// called when the world has it.
func (n *Network) readDatagrams(conn *net.UDPConn, deliver func(data []byte, from netip.AddrPort, taken func())) {
	slots := make(chan struct{}, maxPosted)
	taken := func() { <-slots }
	buf := make([]byte, maxDatagram+1)
	for {
		got, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			n.rest() // a datagram before was refused
			continue
		}
		if got > maxDatagram {
			continue
		}
		select {
		case slots <- struct{}{}:
			deliver(bytes.Clone(buf[:got]), from, taken)
		default:
		}
	}
}
