package simtest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// What other hosts do with a device: clients, from a desktop computer in its network, and
// servers that it calls.

// Addr waits until the device has an address and returns it: that of its station, or else of
// its own access point.
func (d *Device) Addr() netip.Addr {
	d.t.Helper()
	if !d.ready() {
		return netip.Addr{}
	}
	if !d.await(d.after(d.timeout), func() bool { return d.prefix().IsValid() }) && d.reason() == nil {
		d.fatal("%s: %v", d.d.Name(), d.noAddress())
	}
	return d.prefix().Addr()
}

// prefix is the device's address and network, the zero value when it has none.
func (s *state) prefix() netip.Prefix {
	if p := s.d.Address(air.StationIf); p.IsValid() {
		return p
	}
	return s.d.Address(air.APIf)
}

func (s *state) noAddress() error {
	return fmt.Errorf("the device has no address within %.6g s", s.timeout.Seconds())
}

// desk is a desktop computer in the network of an address: the last host of it that is free.
func (u *universe) desk(network netip.Prefix) (*peer.Host, error) {
	network = network.Masked()
	if network.Bits() > 30 {
		return nil, fmt.Errorf("the network %v has no room for a client", network)
	}
	if h := u.desks[network]; h != nil {
		return h, nil
	}
	routers := network == u.world.Air.RouterPrefix().Masked() // and not a device's own
	for n := uint64(1)<<(32-network.Bits()) - 2; n > 0; n-- {
		a := network.Addr().As4()
		for i := range a {
			a[i] |= byte(n >> (8 * (3 - i)))
		}
		addr := netip.AddrFrom4(a)
		owner := u.world.Wire.Owner(addr)
		if owner != nil && owner.Prefix().Addr() == addr || routers && u.world.Air.Inside(addr) {
			continue
		}
		if u.desks == nil {
			u.desks = map[netip.Prefix]*peer.Host{}
		}
		name := "desktop"
		if len(u.desks) > 0 {
			name = fmt.Sprintf("desktop-%d", len(u.desks)+1)
		}
		h := peer.New(u.world.Wire, name, netip.PrefixFrom(addr, network.Bits()))
		u.desks[network] = h
		return h, nil
	}
	return nil, fmt.Errorf("no address is free in %v", network)
}

// reach waits until something on the device takes what comes to a port, and returns where
// that is, with a desktop computer beside it. Where nothing does within the time, the device
// is asked all the same: it refuses.
func (d *Device) reach(proto wire.Proto, port int, cancelled func() bool) (*peer.Host, netip.AddrPort, error) {
	none := netip.AddrPort{}
	if port < 1 || port > 65535 {
		return nil, none, fmt.Errorf("port %d: there are 1 to 65535", port)
	}
	if err := d.reason(); err != nil {
		return nil, none, err
	}
	d.wait(d.after(d.timeout), func() bool {
		return cancelled() || d.prefix().IsValid() && d.d.Listening(proto, uint16(port))
	})
	switch at := d.prefix(); {
	case d.reason() != nil:
		return nil, none, d.reason()
	case !at.IsValid():
		return nil, none, d.noAddress()
	default:
		desk, err := d.desk(at)
		return desk, netip.AddrPortFrom(at.Addr(), uint16(port)), err
	}
}

// reason is why a method that returns an error can do nothing, nil if it can. The death of a
// program is one; the test fails of it at the next other call, or at its end.
func (u *universe) reason() error {
	u.endTask()
	switch {
	case u.err != nil:
		return u.err
	case u.stepping:
		return errStepping
	case u.closed:
		return errWorldOver
	case u.failure != "":
		return errors.New(u.failure)
	}
	return nil
}

func never() bool { return false }

// Dial connects to a TCP port of the device, from a desktop computer in its network. It waits
// until the device has an address and listens, so it may be called right after Boot; a port
// at which nothing listens then refuses (syscall.ECONNREFUSED).
func (d *Device) Dial(port int) (*Conn, error) {
	desk, to, err := d.reach(wire.TCP, port, never)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	return d.dial(desk, to, never)
}

// DialUDP returns a socket to a UDP port of the device, from a desktop computer in its
// network: a Write sends a datagram, a Read returns one. Like Dial it waits until the device
// listens, but nothing refuses.
func (d *Device) DialUDP(port int) (net.Conn, error) {
	desk, to, err := d.reach(wire.UDP, port, never)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: err}
	}
	return d.dialUDP(desk, to)
}

// Peer puts a host of somebody else's into the world, for the device to call: Listen,
// ListenUDP, Serve and ServeHTTP make servers of it. addr is an IPv4 address that is free, in
// the network of the devices ("192.168.1.20") or anywhere in the world ("93.184.216.34").
// Nothing of a host waits; see package peer.
func (d *Device) Peer(addr string) *peer.Host {
	d.t.Helper()
	if !d.ready() {
		return nil
	}
	network := d.world.Air.RouterPrefix()
	a, err := netip.ParseAddr(addr)
	switch owner := d.world.Wire.Owner(a); {
	case err != nil || !a.Is4():
		d.fatal("simtest: Peer(%q): write an IPv4 address such as 192.168.1.20", addr)
		return nil
	case d.world.NodeAt(a) != nil || owner != nil && owner.Prefix().Addr() == a:
		d.fatal("simtest: Peer(%q): somebody has this address", addr)
		return nil
	case network.Contains(a):
		network = netip.PrefixFrom(a, network.Bits())
	default:
		network = netip.PrefixFrom(a, 24)
	}
	return peer.New(d.world.Wire, addr, network)
}

// DNS has the name server of the devices' network answer for a name with an IPv4 address.
func (d *Device) DNS(name, ip string) {
	d.t.Helper()
	if !d.ready() {
		return
	}
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is4() || strings.Trim(name, ".") == "" {
		d.fatal("simtest: DNS(%q, %q): write a name and an IPv4 address", name, ip)
		return
	}
	if _, err := d.world.Give(gateway.Name, gateway.SetName{Name: name, Addr: a}); err != nil {
		d.fatal("simtest: DNS: %v", err)
	}
}

// Serve accepts TCP connections to a port of a host. serve runs for each, and takes turns with
// the test and with others as in Together: where it waits, they go on. When it returns the
// connection is closed.
func (d *Device) Serve(host *peer.Host, port int, serve func(*Conn)) {
	d.t.Helper()
	if !d.ready() || host == nil {
		return
	}
	if port < 1 || port > 65535 {
		d.fatal("simtest: Serve: port %d: there are 1 to 65535", port)
		return
	}
	_, err := host.Listen(uint16(port), func(p *peer.Conn) {
		c := d.conn(p)
		c.connected, c.local, c.remote = true, p.Local(), p.Remote()
		c.patience = clock.Duration(clock.Forever)
		d.begin(func() {
			defer c.Close()
			serve(c)
		})
	})
	if err != nil {
		d.fatal("simtest: Serve: %v", err)
	}
}
