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
//     those for the hostname of a device with its address, and localhost with 127.0.0.1,
//     which a device can't connect to.
//   - Where the world's date was given, NTP requests to any server are answered with it.
//   - Under the policy Isolated nothing leaves: connections and datagrams to the
//     outside and DNS queries get no answer, as on a network without uplink, and the
//     router's address refuses connections. Published ports work.
//   - Under the policy Listed that is so for all but the listed places. A listed name's
//     addresses are those that devices were given for it; other names get no answer.
//
// What is opened on the host's network is noted once for each device and place, by the
// address that the device knows.
//
// With the policy Host a program can reach what the user of the simulator can reach,
// including services that listen on the host's loopback address only. Isolated is for
// programs that are not trusted.
//
// The package owns the world's side of that: addresses, flows and connections on the
// wire, all on the world's goroutine and following from what is on the wire and the
// gateway's inputs alone. The host's sockets belong to package hostnet, which is
// commanded through Network and answers with inputs, at most one at a time for what a
// command asked for, or a counted few. This package must not know them, nor the
// host's clock, nor goroutines.
package gateway

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
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
	// Listed lets devices reach only what Options.Allow has.
	Listed
)

// Name is the gateway's name for inputs and for wire.Match.
const Name = "/gateway"

// Options of a gateway. The zero value lets devices out and uses the host's network
// and resolver.
type Options struct {
	Policy   Policy
	Allow    []Allowed        // what may be reached under the policy Listed
	Resolver hostnet.Resolver // of the host's network
	Network  Network          // instead of the host's
	// TimeServer makes the router answer NTP requests with the world's date, and lead the
	// names of the usual servers to it, whatever the policy.
	TimeServer bool
	// Names are answered before the resolver is asked, whatever the policy. The
	// keys are lower-case names without a final dot.
	Names map[string]netip.Addr
}

// HostName is the name of this computer for devices.
const HostName = "host.internal"

// Limits that keep a world from growing the process. Those of the host's clients are
// the network's.
const (
	maxFlows    = 256 // TCP connections that devices make through one gateway
	maxUDPFlows = 256 // pairs of UDP endpoints translated at a time
	maxLookups  = 32  // DNS lookups at a time

	// synRetries is how often the gateway tries to connect to a device, once a
	// second. A desktop tries for two minutes; the stack's default gives up
	// sooner, and a busy device with five connections ignores SYNs for a while.
	synRetries = 60
)

// Gateway is the router of a world. It takes inputs of the kinds of package hostnet.
// Publish and Close may be called from any goroutine.
type Gateway struct {
	world  *world.World
	policy Policy
	allow  []Allowed
	names  map[string]netip.Addr
	net    Network
	closed bool

	timeServer netip.Addr // that of the usual names, the router's own for itself; zero: none

	nic       *wire.NIC
	stack     *lwip.Stack
	addr      netip.Addr
	nextPort  uint16
	flows     map[flow]*outgoing
	listeners map[uint16]bool
	udp       map[flow]*udpFlow
	udpPorts  map[uint16]*udpFlow // of published UDP ports
	noted     map[string]bool
	// resolvedTo has the names for which devices were given an address.
	resolvedTo map[netip.Addr][]string

	// What the network's numbers stand for, and the last of those given here.
	dialing    map[hostnet.Conn]*outgoing
	bridges    map[hostnet.Conn]*bridge
	lastConn   hostnet.Conn
	sockets    map[hostnet.Socket]*udpFlow
	lastSocket hostnet.Socket
	lookups    map[hostnet.Query]*lookup
	lastQuery  hostnet.Query
}

// flow names a connection: the device's end and the other.
type flow struct{ device, remote netip.AddrPort }

// New puts a gateway on a world's wire. Call it before the world runs, or on the
// world's goroutine.
func New(w *world.World, o Options) *Gateway {
	g := &Gateway{
		world:      w,
		policy:     o.Policy,
		allow:      o.Allow,
		names:      o.Names,
		net:        o.Network,
		addr:       w.Air.RouterPrefix().Addr(),
		nextPort:   firstPort,
		flows:      map[flow]*outgoing{},
		listeners:  map[uint16]bool{},
		udp:        map[flow]*udpFlow{},
		udpPorts:   map[uint16]*udpFlow{},
		noted:      map[string]bool{},
		resolvedTo: map[netip.Addr][]string{},
		dialing:    map[hostnet.Conn]*outgoing{},
		bridges:    map[hostnet.Conn]*bridge{},
		sockets:    map[hostnet.Socket]*udpFlow{},
		lookups:    map[hostnet.Query]*lookup{},
	}
	if g.net == nil {
		g.net = hostnet.New(func(what world.Stimulus, done func(string, error)) { w.Send(Name, what, done) }, o.Resolver)
	}
	w.Attach(Name, g)
	if o.TimeServer {
		g.timeServer = g.addr
	}
	g.nic = w.Wire.AttachDefault("gateway", g.receive) // as captures call it
	g.nic.Host = Name
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

// Close gives the host's ports and connections back and waits for the network's
// goroutines. The world need not be running. Devices see nothing of it.
func (g *Gateway) Close() { g.net.Close() }

// Take implements world.Receiver. What concerns something that is gone is ignored.
func (g *Gateway) Take(what world.Stimulus) (string, error) {
	if g.closed {
		return "", nil
	}
	switch in := what.(type) {
	case hostnet.Accepted:
		return "", g.accepted(in)
	case hostnet.Dialed:
		if o := g.dialing[in.Conn]; o != nil {
			o.dialed(in.Outcome)
		}
	case hostnet.Received:
		if b := g.bridges[in.Conn]; b != nil {
			b.fromHost(in.Data)
		}
	case hostnet.Ended:
		if b := g.bridges[in.Conn]; b != nil {
			b.hostEnded()
		}
	case hostnet.Written:
		if b := g.bridges[in.Conn]; b != nil {
			b.written(in.N)
		}
	case hostnet.Broken:
		if b := g.bridges[in.Conn]; b != nil {
			b.reset()
		}
	case hostnet.Datagram:
		if f := g.sockets[in.Socket]; f != nil {
			f.toDevice(in.Data)
		}
	case hostnet.SocketFailed:
		if f := g.sockets[in.Socket]; f != nil {
			f.end()
		}
	case hostnet.ClientDatagram:
		return "", g.clientDatagram(in)
	case hostnet.Resolved:
		g.resolved(in)
	case hostnet.Closed:
		g.closed = true
	case SetName:
		g.setName(in)
	case SetTimeServer:
		g.timeServer = in.Addr
	default:
		panic(fmt.Sprintf("gateway: input of kind %q", in.Kind()))
	}
	return "", nil
}

// receive takes a packet off the wire.
func (g *Gateway) receive(p *wire.Packet) {
	if wire.IsGroup(p.Dst, g.nic.Prefix()) || g.closed {
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
		switch {
		case p.DstPort == dnsPort:
			g.query(p)
			return
		case p.DstPort == ntpPort && g.timeServer == g.addr:
			g.tellTime(p)
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
func (g *Gateway) hostAddr(to netip.AddrPort) (netip.Addr, bool) {
	switch dst := to.Addr(); {
	case !g.allows(to):
		return netip.Addr{}, false
	case dst == g.addr:
		return loopback, true
	case dst.IsLoopback(), dst.IsUnspecified(), dst.IsMulticast(), dst == wire.Broadcast, g.world.Air.Inside(dst):
		return netip.Addr{}, false
	}
	return to.Addr(), true
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// note says something once about a device's packets.
func (g *Gateway) note(from netip.Addr, text string) {
	if d := g.world.NodeAt(from); d != nil {
		g.noteOn(d, text)
	}
}

// noteOn says something once about a device.
func (g *Gateway) noteOn(d world.Node, text string) {
	key := d.Name() + "\x00" + text
	if !g.noted[key] && len(g.noted) <= 1000 {
		g.noted[key] = true
		d.Note(text)
	}
}

// after calls fn later.
func (g *Gateway) after(t clock.Duration, fn func()) *clock.Event {
	return g.world.Clock.After(t, fn)
}
