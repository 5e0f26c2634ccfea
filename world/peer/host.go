package peer

import (
	"fmt"
	"hash/fnv"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Host is a host on the wire.
type Host struct {
	clock *clock.Clock
	nic   *wire.NIC
	stack *lwip.Stack
}

// New puts a host on a wire. prefix is its address and network; it should be free
// in a network that devices are in or have a route to. The name is for captures
// and link rules, and seeds the host's random numbers.
func New(w *wire.Wire, name string, prefix netip.Prefix) *Host {
	h := &Host{clock: w.Clock()}
	h.nic = w.Attach(name, func(p *wire.Packet) { h.stack.Input(0, p) })
	h.nic.SetPrefix(prefix)
	seed := fnv.New64a()
	seed.Write([]byte(name))
	h.stack = lwip.New(lwip.NewClockHost(w.Clock(), seed.Sum64(), h.nic.Send), lwip.Desktop())
	h.stack.SetNetif(0, lwip.Netif{Prefix: prefix, Up: true})
	return h
}

// Addr returns the host's address.
func (h *Host) Addr() netip.Addr { return h.nic.Prefix().Addr() }

// Stack returns the host's TCP/IP stack, for what this package leaves out.
func (h *Host) Stack() *lwip.Stack { return h.stack }

// Close takes the host off the wire without a word, as a cable that is pulled.
func (h *Host) Close() {
	h.stack.Close()
	h.nic.Detach()
}

// Join makes the host receive what is sent to a multicast group, Leave ends that.
func (h *Host) Join(group netip.Addr) error {
	return failed(h.stack.JoinGroup(lwip.AnyAddr, group), "join %v", group)
}

// Leave is described at Join.
func (h *Host) Leave(group netip.Addr) error {
	return failed(h.stack.LeaveGroup(lwip.AnyAddr, group), "leave %v", group)
}

// Ping sends an echo request with n bytes of data. fn is called when the answer
// comes, if it does.
func (h *Host) Ping(to netip.Addr, n int, fn func(took clock.Duration)) error {
	sent := h.clock.Now()
	id := uint16(0)
	var stop func()
	stop = h.stack.ListenEcho(func(e lwip.Echo) {
		if e.From == to && e.ID == id {
			stop()
			fn(h.clock.Now().Sub(sent))
		}
	})
	return failed(h.stack.SendEcho(to, id, 0, n), "ping %v", to)
}

// failed turns a stack's error into a Go error.
func failed(err lwip.Err, format string, args ...any) error {
	if err == lwip.OK {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
