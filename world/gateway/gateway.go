// Package gateway joins the simulated network of a world to the network of the
// host. It is the router of the devices' network: published ports of the host lead
// to a device's port, and what devices send to addresses outside goes out through
// the host's sockets, if the policy allows it.
//
//	host client ──▶ 127.0.0.1:8080 ─ gateway ─ wire ─▶ device:80
//	host server ◀── host socket ──── gateway ─ wire ── device
//
// A TCP connection of a device is two: one over the wire, between the device and
// the gateway's own TCP stack (world/lwip with desktop parameters), and one of the
// host. bridge.go copies between them with back-pressure on both sides: neither end
// reads more than the other has taken, so what one connection can hold in between is
// bounded (about 64 KB each way). UDP and DNS need no stack: datagrams are translated
// one by one.
//
// What a device sees:
//
//   - The router's own address (192.168.1.1 unless set) stands for this computer:
//     a connection to its port 1883 reaches 127.0.0.1:1883. So does the name
//     host.internal.
//   - Other addresses are connected to as any program on the host would, also those
//     of the devices' own network that no device has. Loopback and group addresses and
//     those of devices that are off go nowhere.
//   - A connection that the host refuses gets a RST (-9 in Lua), one that times out or
//     has no route gets no answer (-8), a reset is passed on in both directions, and so
//     is the end of one direction.
//   - DNS queries to any server are answered by the host's resolver (A records only),
//     those for the hostname of a device with its address.
//   - Under the policy Isolated nothing leaves: connections and datagrams to the
//     outside and DNS queries get no answer, as on a network without uplink, and the
//     router's address refuses connections. Published ports work.
//
// With the policy Host a program can reach what the user of the simulator can reach,
// including services that listen on the host's loopback address only. Isolated is for
// programs that are not trusted.
//
// It is the only package of the simulation, with world/clock, that knows the host's
// clock and sockets. Everything that blocks runs in goroutines of its own; they
// reach the world only through clock.Post, and each has at most one piece of work
// there, or a counted few.
package gateway

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Policy says what devices may reach.
type Policy int

// The policies.
const (
	// Host lets devices reach what the host can reach.
	Host Policy = iota
	// Isolated lets nothing out.
	Isolated
)

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Options of a gateway. The zero value lets devices out and uses the host's
// resolver.
type Options struct {
	Policy   Policy
	Resolver Resolver
	// Names are answered before the resolver is asked, whatever the policy. The
	// keys are lower-case names without a final dot.
	Names map[string]netip.Addr
}

// HostName is the name of this computer for devices.
const HostName = "host.internal"

// Limits that keep a world or a host client from growing the process.
const (
	maxFlows    = 256 // TCP connections that devices make through one gateway
	maxAccepted = 512 // TCP connections to the published ports of one gateway
	maxUDPFlows = 256 // pairs of UDP endpoints translated at a time
	maxLookups  = 32  // DNS lookups at a time
	maxPosted   = 64  // datagrams of one socket that wait for the world, or for the host

	// synRetries is how often the gateway tries to connect to a device, once a
	// second. A desktop tries for two minutes; the stack's default gives up
	// sooner, and a busy device with five connections ignores SYNs for a while.
	synRetries = 60
)

// Gateway is the router of a world. Its exported methods may be called from any
// goroutine.
type Gateway struct {
	world    *world.World
	policy   Policy
	resolver Resolver
	names    map[string]netip.Addr

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup // goroutines

	accepted chan struct{} // one for each connection to a published port

	mu           sync.Mutex
	closed       bool
	publications []*publication

	// The rest belongs to the world's goroutine.
	nic       *wire.NIC
	stack     *lwip.Stack
	addr      netip.Addr
	nextPort  uint16
	flows     map[flow]*outgoing
	listeners map[uint16]bool
	udp       map[flow]*udpFlow
	udpPorts  map[uint16]*udpFlow // of published UDP ports
	lookups   int
	noted     map[string]bool
}

// flow names a connection: the device's end and the other.
type flow struct{ device, remote netip.AddrPort }

// New puts a gateway on a world's wire. Call it before the world runs, or on the
// world's goroutine.
func New(w *world.World, o Options) *Gateway {
	g := &Gateway{
		world:     w,
		policy:    o.Policy,
		resolver:  o.Resolver,
		names:     o.Names,
		accepted:  make(chan struct{}, maxAccepted),
		addr:      w.Air.RouterPrefix().Addr(),
		nextPort:  firstPort,
		flows:     map[flow]*outgoing{},
		listeners: map[uint16]bool{},
		udp:       map[flow]*udpFlow{},
		udpPorts:  map[uint16]*udpFlow{},
		noted:     map[string]bool{},
	}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.nic = w.Wire.AttachDefault("gateway", g.receive)
	g.nic.SetPrefix(w.Air.RouterPrefix())
	p := lwip.Desktop()
	p.AnyAddress = true
	p.SynRetries = synRetries
	g.stack = lwip.New(lwip.NewClockHost(w.Clock, gatewaySeed, g.nic.Send), p)
	g.stack.SetNetif(0, lwip.Netif{Prefix: w.Air.RouterPrefix(), Up: true})
	return g
}

// gatewaySeed keeps the gateway's random numbers from depending on the devices.
const gatewaySeed = 0x67617465

// Close gives the host's ports and connections back and waits for the gateway's
// goroutines. The world need not be running. Devices see nothing of it.
func (g *Gateway) Close() {
	g.cancel()
	g.mu.Lock()
	g.closed = true
	for _, p := range g.publications {
		p.close()
	}
	g.mu.Unlock()
	g.work.Wait()
}

// goroutine runs fn, unless the gateway is closed. Close waits for it, so fn must
// watch g.ctx.
func (g *Gateway) goroutine(fn func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	g.work.Add(1)
	go func() {
		defer g.work.Done()
		fn()
	}()
}

// post hands fn to the world.
func (g *Gateway) post(fn func()) {
	if g.ctx.Err() == nil {
		g.world.Clock.Look(fn)
	}
}

// receive takes a packet off the wire.
func (g *Gateway) receive(p *wire.Packet) {
	if wire.IsGroup(p.Dst, g.nic.Prefix()) || g.ctx.Err() != nil {
		return
	}
	switch p.Proto {
	case wire.TCP:
		if p.Flags&(wire.SYN|wire.ACK|wire.RST) == wire.SYN {
			g.syn(p)
			return
		}
		g.stack.Input(0, p)
	case wire.UDP:
		if p.DstPort == dnsPort {
			g.query(p)
			return
		}
		g.datagram(p)
	case wire.ICMP:
		if p.Dst == g.addr {
			g.stack.Input(0, p)
		}
	}
}

// hostAddr returns where on the host's network a device's packet to dst belongs,
// and whether it may go there.
func (g *Gateway) hostAddr(dst netip.Addr) (netip.Addr, bool) {
	switch {
	case g.policy == Isolated:
		return netip.Addr{}, false
	case dst == g.addr:
		return loopback, true
	case dst.IsLoopback(), dst.IsUnspecified(), dst.IsMulticast(), dst == broadcast, g.world.Air.Inside(dst):
		return netip.Addr{}, false
	}
	return dst, true
}

var (
	loopback  = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
)

// note says something once about a device's packets.
func (g *Gateway) note(from netip.Addr, text string) {
	if g.noted[text] || len(g.noted) > 1000 {
		return
	}
	g.noted[text] = true
	if d := g.world.NodeAt(from); d != nil {
		d.Note(text)
	}
}

// after calls fn later.
func (g *Gateway) after(t clock.Duration, fn func()) *clock.Event {
	return g.world.Clock.After(t, fn)
}

// contextClose closes a connection when the gateway closes, unless the returned
// function is called before.
func contextClose(g *Gateway, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(g.ctx, func() { conn.Close() })
}

// rest waits a little after an error of a host socket, so that one that persists
// does not keep a CPU busy.
func (g *Gateway) rest() {
	select {
	case <-time.After(10 * time.Millisecond):
	case <-g.ctx.Done():
	}
}
