// Package hostnet is the host's network as a gateway uses it: TCP connections,
// datagram sockets, published ports and the resolver, under numbers.
//
// Network does what it is told and never blocks; what blocks runs in goroutines of
// its own. What comes of it, and what the host's programs do, is told as values
// (values.go): they carry neither sockets nor errors nor addresses of the host, so
// that they can be kept and given to a world again without a network.
//
// The package owns the host's sockets and knows the host's clock. It must not know
// the simulated network: no packet, no TCP/IP stack and no virtual time, and of a
// device the name only.
package hostnet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Limits that keep a world or a host client from growing the process.
const (
	maxAccepted = 512 // TCP connections to the published ports
	maxPosted   = 64  // datagrams of one socket that wait for the world, or for the host
)

// Network is the host's network. Its methods may be called from any goroutine; those
// about one connection or socket from one at a time.
type Network struct {
	send     func(what world.Stimulus, done func(reply string, err error))
	resolver Resolver

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines

	accepted chan struct{} // one for each connection to a published port

	mu         sync.Mutex
	closed     bool
	ports      []io.Closer
	conns      map[Conn]*conn
	lastConn   Conn // accepted
	sockets    map[Socket]*socket
	clients    map[Socket]*client
	lastClient Socket
}

// New returns the host's network. It tells what happens with send, from any
// goroutine: send must not block, and call done, unless it is nil, when the value has
// been taken. A nil resolver is the host's.
func New(send func(what world.Stimulus, done func(reply string, err error)), resolver Resolver) *Network {
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	n := &Network{
		send:     send,
		resolver: resolver,
		accepted: make(chan struct{}, maxAccepted),
		conns:    map[Conn]*conn{},
		sockets:  map[Socket]*socket{},
		clients:  map[Socket]*client{},
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	return n
}

// Close gives the host's ports and connections back and waits for all goroutines.
// Closed is the last that is told.
func (n *Network) Close() {
	n.cancel()
	n.mu.Lock()
	again := n.closed
	n.closed = true
	for _, p := range n.ports {
		p.Close()
	}
	for _, c := range n.conns {
		c.end()
		c.Close()
	}
	for _, s := range n.sockets {
		s.conn.Close()
	}
	n.mu.Unlock()
	n.work.Wait()
	if !again {
		n.send(Closed{}, nil)
	}
}

// goroutine runs fn, unless the network is closed. Close waits for it, so fn must
// watch n.ctx or a socket. Call it with n.mu held.
func (n *Network) goroutine(fn func()) {
	if n.closed {
		return
	}
	n.work.Add(1)
	go func() {
		defer n.work.Done()
		fn()
	}()
}

// tell tells the world, unless the network is closed.
func (n *Network) tell(what world.Stimulus, done func(reply string, err error)) {
	if n.ctx.Err() == nil {
		n.send(what, done)
	}
}

// rest waits a little after an error of a host socket, so that one that persists
// does not keep a CPU busy.
func (n *Network) rest() {
	select {
	case <-time.After(10 * time.Millisecond):
	case <-n.ctx.Done():
	}
}
