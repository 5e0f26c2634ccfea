package luatest

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// The hosts that tests have on the device's network, their addresses and names: sim.dns.

// host is the tests' own host in a network: it has the last address there that is free.
func (r *run) host(near netip.Prefix) (*peer.Host, error) {
	network := near.Masked()
	if h := r.sim.hosts[network]; h != nil {
		return h, nil
	}
	addr, err := r.free(network)
	if err != nil {
		return nil, err
	}
	h := r.newHost(netip.PrefixFrom(addr, network.Bits()))
	r.sim.hosts[network] = h
	return h, nil
}

func (r *run) newHost(p netip.Prefix) *peer.Host {
	name := "test"
	if r.sim.peers++; r.sim.peers > 1 {
		name = fmt.Sprintf("test-%d", r.sim.peers)
	}
	return peer.New(r.app.World.Wire, name, p)
}

// free is an address of a network that nobody has, looked for from its end: the router
// gives them out from the beginning.
func (r *run) free(network netip.Prefix) (netip.Addr, error) {
	last := network.Masked().Addr().As4()
	for bit := network.Bits(); bit < 32; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	const most = 100
	addr := netip.AddrFrom4(last).Prev()
	for range most {
		if !network.Contains(addr) || addr == network.Masked().Addr() {
			break
		}
		if addr != r.app.World.Air.RouterPrefix().Addr() && r.owner(addr) == "" {
			return addr, nil
		}
		addr = addr.Prev()
	}
	return netip.Addr{}, fmt.Errorf("no address of the network %v is free for a host of the test", network)
}

// owner is who has an address, "" where nobody has.
func (r *run) owner(addr netip.Addr) string {
	if nic := r.app.World.Wire.Owner(addr); nic != nil && nic.Prefix().Addr() == addr {
		return nic.Name
	}
	return ""
}

// maxHosts is how many addresses tests can have.
const maxHosts = 1000

// place is the host with an address, made where there is none.
func (r *run) place(c *vm.Call, addr netip.Addr) *peer.Host {
	router := r.app.World.Air.RouterPrefix()
	prefix := netip.PrefixFrom(addr, 0) // anywhere: it answers without a router
	if router.Contains(addr) {
		prefix = netip.PrefixFrom(addr, router.Bits())
	}
	for _, h := range r.sim.hosts {
		if h.Addr() == addr {
			return h
		}
	}
	key := netip.PrefixFrom(addr, 32)
	switch {
	case addr == router.Addr():
		c.Error("%v is the router's address: take another one of %v", addr, router.Masked())
	case r.owner(addr) != "":
		c.Error("%v is %s's address: take one that nobody has", addr, r.owner(addr))
	case addr.IsMulticast() || addr.IsUnspecified() || addr.IsLoopback():
		c.Error("%v is no address that a host can have", addr)
	}
	if len(r.sim.hosts) >= maxHosts {
		c.Error("the test has %d hosts: that is all there can be", maxHosts)
	}
	h := r.newHost(prefix)
	r.sim.hosts[key] = h
	return h
}

// where is argument n, an address or a name; absent: any free address.
func (r *run) where(c *vm.Call, n int) (*peer.Host, string) {
	if c.IsNoneOrNil(n) {
		return r.hostAt(c, n, "")
	}
	text := c.String(n)
	if text == "" {
		hostname(c, n, text)
	}
	return r.hostAt(c, n, text)
}

// hostAt is the host with an address or a name, "" for any free address, and which that is.
func (r *run) hostAt(c *vm.Call, n int, text string) (*peer.Host, string) {
	if text == "" {
		h, err := r.host(r.app.World.Air.RouterPrefix())
		if err != nil {
			c.Error("%v", err)
		}
		return h, h.Addr().String()
	}
	if addr, ok := addressOf(text); ok {
		return r.place(c, addr), text
	}
	name := hostname(c, n, text)
	addr, known := r.sim.names[name]
	if !known {
		addr = r.nextOutside(c)
		r.name(name, addr)
	}
	return r.place(c, addr), name
}

// outside is where names are given addresses that have none (RFC 5737, TEST-NET-2).
var outside = netip.MustParsePrefix("198.51.100.0/24")

func (r *run) nextOutside(c *vm.Call) netip.Addr {
	if !r.sim.outside.IsValid() {
		r.sim.outside = outside.Addr()
	}
	next := r.sim.outside.Next()
	if !outside.Contains(next.Next()) {
		c.Error("%v has no more addresses for names: say which they have with sim.dns", outside)
	}
	r.sim.outside = next
	return next
}

// hostname checks a name of a host.
func hostname(c *vm.Call, n int, text string) string {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if name == "" || len(name) > 253 || strings.ContainsAny(name, " /:\x00") {
		c.ArgError(n, fmt.Sprintf("%q is neither an IPv4 address nor a host's name", text))
	}
	return name
}

func (r *run) name(name string, addr netip.Addr) {
	r.sim.names[name] = addr
	r.app.World.Give(gateway.Name, gateway.SetName{Name: name, Addr: addr})
}

// simDNS is sim.dns{name = address, …}.
func (r *run) simDNS(c *vm.Call) int {
	for _, p := range pairsOf(c, c.Table(1), "sim.dns takes names and addresses, as in sim.dns{[\"example.com\"] = \"192.168.1.9\"}") {
		addr, ok := addressOf(p[1])
		if !ok {
			c.Error("sim.dns: %q has %q, which is no IPv4 address", p[0], p[1])
		}
		r.name(hostname(c, 1, p[0]), addr)
	}
	return 0
}
