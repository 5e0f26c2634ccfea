package gateway

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Publish begins to serve a publication and returns the host's address, with the
// port that was free if HostPort is 0. The error is one line that names the port
// and says what to do.
func (g *Gateway) Publish(p hostnet.Publication) (netip.AddrPort, error) { return g.net.Publish(p) }

// incoming is a host's connection on its way to a device.
type incoming struct {
	g    *Gateway
	conn hostnet.Conn
	dev  world.Node
	port uint16
}

// addressWait is how long a connection waits for its device to get an address, and
// how often it looks.
const (
	addressWait  = 30 * clock.Second
	addressCheck = 50 * clock.Millisecond
)

// accepted starts to connect with the device.
func (g *Gateway) accepted(a hostnet.Accepted) error {
	dev, err := g.node(a.Device)
	if err != nil {
		return err
	}
	in := &incoming{g: g, conn: a.Conn, dev: dev, port: a.Port}
	in.try(g.world.Clock.Now().Add(addressWait))
	return nil
}

// try connects once the device has an address.
func (in *incoming) try(deadline clock.Time) {
	g := in.g
	local, remote, ok := g.route(in.dev)
	if !ok {
		if g.world.Clock.Now() >= deadline {
			in.fail()
			return
		}
		g.after(addressCheck, func() { in.try(deadline) })
		return
	}
	pcb := g.stack.NewTCP()
	for range 100 { // some ports may be in use
		g.nextPort = nextAfter(g.nextPort)
		if pcb.Bind(local, g.nextPort) == lwip.OK {
			break
		}
	}
	pcb.OnConnected = func(pcb *lwip.TCPConn) lwip.Err {
		// From here on something of the host may be waited for.
		g.newBridge(pcb, in.conn, g.world.Clock.Follow())
		return lwip.OK
	}
	pcb.OnError = func(err lwip.Err) {
		if err == lwip.ErrReset {
			g.noteDeaf(in.dev, wire.TCP, in.port, "refused")
		}
		in.fail()
	}
	if pcb.Connect(remote, in.port) != lwip.OK {
		pcb.OnError = nil
		pcb.Abort()
		in.fail()
	}
}

// noteDeaf says, once, that what comes to a published port meets nobody.
func (g *Gateway) noteDeaf(d world.Node, proto wire.Proto, port uint16, fate string) {
	if !d.Listening(proto, port) {
		g.noteOn(d, fmt.Sprintf("%s port %d is published, and the program does not listen on it: what comes there is %s", proto, port, fate))
	}
}

// fail resets the host's connection: it was accepted before the device was asked.
func (in *incoming) fail() {
	in.g.net.ResetConn(in.conn)
}

// node returns the device with a name. One that was told to Publish is there; a
// recording may name another.
func (g *Gateway) node(name string) (world.Node, error) {
	for _, n := range g.world.Nodes() {
		if n.Name() == name {
			return n, nil
		}
	}
	return nil, fmt.Errorf("there is no device %q", name)
}

// route returns the addresses of a connection to a device: the router's or, in the
// device's own access point, that of a station there.
func (g *Gateway) route(d world.Node) (local, remote netip.Addr, ok bool) {
	if p := d.Address(air.StationIf); p.IsValid() {
		return g.addr, p.Addr(), true
	}
	if p := d.Address(air.APIf); p.IsValid() {
		return apStation(p), p.Addr(), true
	}
	return netip.Addr{}, netip.Addr{}, false
}

// apStation returns the address that the gateway takes in a device's access point:
// the last of its network, out of the way of those that the device gives out.
func apStation(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 31; bit++ {
		a[bit/8] |= 0x80 >> (bit % 8)
	}
	return netip.AddrFrom4(a)
}

// The gateway's own ports, taken in turn so that a device does not meet one again
// while it remembers it in TIME_WAIT.
const (
	firstPort = 32768
	lastPort  = 60999
)

func nextAfter(port uint16) uint16 {
	if port >= lastPort {
		return firstPort
	}
	return port + 1
}
