package luatest

import "github.com/nodemcu-sim/nodemcu-sim/device/vm"

// Peers of the device on its network: sim.connect, sim.listen, sim.udp, sim.dns; sim_secure.go has their TLS.

// inboxLimit is how much a connection holds that no test has read; then it stops reading,
// so that the window closes. waitingLimit is how many connections wait for :accept, and
// datagrams for :receive.
const (
	inboxLimit   = 64 << 10
	waitingLimit = 256
)

// simNet has sim.connect, sim.listen, sim.udp and sim.dns.
func (r *run) simNet() []vm.Func {
	return []vm.Func{
		{Name: "connect", Fn: r.simConnect},
		{Name: "listen", Fn: r.listen},
		{Name: "udp", Fn: r.openUDP},
		{Name: "dns", Fn: r.simDNS},
	}
}
