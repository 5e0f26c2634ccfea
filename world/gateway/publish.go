package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Publication makes a port of a device reachable on the host.
type Publication struct {
	Host     string // address to listen on; empty: 127.0.0.1
	HostPort int    // 0: any free one
	Device   world.Node
	Port     int // of the device
	UDP      bool
}

func (p Publication) listenHost() string {
	switch p.Host {
	case "", "localhost":
		return loopback.String()
	case "*":
		return "0.0.0.0"
	}
	return p.Host
}

// publication is one that is served.
type publication struct {
	Publication
	listener net.Listener
	packets  *net.UDPConn
}

func (p *publication) close() {
	if p.listener != nil {
		p.listener.Close()
	}
	if p.packets != nil {
		p.packets.Close()
	}
}

// Publish begins to serve a publication and returns the host's address, with the
// port that was free if HostPort is 0. The error is one line that names the port
// and says what to do.
func (g *Gateway) Publish(p Publication) (netip.AddrPort, error) {
	if p.Device == nil {
		panic("gateway: publication without a device")
	}
	pub := &publication{Publication: p}
	at := net.JoinHostPort(p.listenHost(), strconv.Itoa(p.HostPort))
	var err error
	var bound net.Addr
	if p.UDP {
		var pc net.PacketConn
		if pc, err = net.ListenPacket("udp", at); err == nil {
			pub.packets = pc.(*net.UDPConn)
			bound = pc.LocalAddr()
		}
	} else if pub.listener, err = net.Listen("tcp", at); err == nil {
		bound = pub.listener.Addr()
	}
	if err != nil {
		return netip.AddrPort{}, publishError(p, err)
	}
	g.mu.Lock()
	g.publications = append(g.publications, pub)
	g.mu.Unlock()
	if p.UDP {
		g.goroutine(func() { g.servePackets(pub) })
	} else {
		g.goroutine(func() { g.serve(pub) })
	}
	return netip.MustParseAddrPort(bound.String()), nil
}

// publishError says what is wrong with a port, and what to do.
func publishError(p Publication, err error) error {
	where := fmt.Sprintf("cannot publish on %s port %d", p.listenHost(), p.HostPort)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s: another program uses it; stop that one or choose another port, as --publish %d:%d", where, p.HostPort+1, p.Port)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: ports below 1024 need privileges; choose a higher one, as --publish 8080:%d", where, p.Port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s: this computer has no such address; leave the address out for 127.0.0.1", where)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// serve accepts connections from the host. When as many as the gateway takes are
// open, further ones wait in the host's queue.
func (g *Gateway) serve(p *publication) {
	for {
		select {
		case g.accepted <- struct{}{}:
		case <-g.ctx.Done():
			return
		}
		conn, err := p.listener.Accept()
		if err != nil {
			<-g.accepted
			if g.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			g.rest() // the host is short of something
			continue
		}
		stop := contextClose(g, conn)
		in := &incoming{g: g, conn: conn.(*net.TCPConn), dev: p.Device, port: uint16(p.Port), stop: stop}
		g.post(in.begin)
	}
}

// incoming is a host's connection on its way to a device.
type incoming struct {
	g    *Gateway
	conn *net.TCPConn
	dev  world.Node
	port uint16
	stop func() bool

	leave func() // lets the clock go
}

// addressWait is how long a connection waits for its device to get an address, and
// how often it looks.
const (
	addressWait  = 30 * clock.Second
	addressCheck = 50 * clock.Millisecond
)

// begin starts to connect with the device.
func (in *incoming) begin() {
	in.leave = in.g.world.Clock.Follow()
	in.try(in.g.world.Clock.Now().Add(addressWait))
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
		in.stop()
		g.newBridge(pcb, in.conn, func() {
			in.leave()
			<-g.accepted
		})
		return lwip.OK
	}
	pcb.OnError = func(lwip.Err) { in.fail() }
	if pcb.Connect(remote, in.port) != lwip.OK {
		pcb.OnError = nil
		pcb.Abort()
		in.fail()
	}
}

// fail resets the host's connection: it was accepted before the device was asked.
func (in *incoming) fail() {
	in.stop()
	in.conn.SetLinger(0)
	in.conn.Close()
	in.leave()
	<-in.g.accepted
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
