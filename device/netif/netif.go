// Package netif is what a device has of the wire: its network interfaces, and while
// it is on the TCP/IP stack that they belong to, with the limits of the Wi-Fi driver
// and the memory that the stack takes from the device's heap.
//
// It does not know the radio, which tells it when an interface is up, nor Lua.
package netif

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// The limits of the Wi-Fi driver's queues, in packets. They keep a program from
// flooding the host; that a queue is full is rare on the device, too. Assumed.
const (
	// rxQueue is how many received packets may wait for the CPU.
	rxQueue = 64
	// txBurst is how many packets a device may send before world time moves on.
	txBurst = 256
)

// Host is the device as its network interfaces see it.
type Host interface {
	world.Node
	// Heap is the heap that the stack shares with Lua, nil while there is no Lua.
	Heap() *heap.Heap
	// Random returns the next number of the hardware random generator.
	Random() uint32
	// Hint tells what the place in the program that is running loses.
	Hint(text string)
	Emit(world.Happening)
	// MAC is the address of an interface, and Deaf why its packets do not get
	// through; empty when they do.
	MAC(air.Interface) air.MAC
	Deaf(air.Interface) string
}

// Network is the network interfaces of a device. It is the stack's lwip.Host.
type Network struct {
	host  Host
	world *world.World
	ets   *ets.Scheduler
	stack *lwip.Stack // nil when the device is off
	links [air.NumInterfaces]link

	waiting int        // received packets the CPU has not got to
	sentAt  clock.Time // world time of the last packet sent
	sent    int        // packets sent at that time
	memory  nativeMemory
}

// link is one interface: its place on the wire and its address.
type link struct {
	nic *wire.NIC
	ip  air.IPInfo
	up  bool
}

// New returns the interfaces of a device that is off.
func New(h Host, w *world.World, s *ets.Scheduler) *Network {
	return &Network{host: h, world: w, ets: s}
}

// Stack returns the TCP/IP stack, nil when the device is off. Each boot has a new
// one.
func (n *Network) Stack() *lwip.Stack { return n.stack }

// Address returns the address and network of an interface, the zero value when
// it has none or is down.
func (n *Network) Address(i air.Interface) netip.Prefix {
	if l := n.links[i]; l.up {
		return l.ip.Prefix
	}
	return netip.Prefix{}
}

// Start boots the stack.
func (n *Network) Start() {
	n.waiting, n.sent = 0, 0
	n.memory = newNativeMemory(n.host.Heap)
	n.stack = lwip.New(n, lwip.Device())
}

// Stop takes the device off the wire. What is under way to it is lost.
func (n *Network) Stop() {
	if n.stack == nil {
		return
	}
	n.stack.Close()
	n.stack = nil
	for i := range n.links {
		if nic := n.links[i].nic; nic != nil {
			nic.Detach()
		}
		n.links[i] = link{}
	}
}

// Set gives an interface its address, and says whether its radio is on a
// network.
func (n *Network) Set(i air.Interface, ip air.IPInfo, up bool) {
	l := &n.links[i]
	up = up && ip.Prefix.IsValid()
	if n.stack == nil || l.ip == ip && l.up == up {
		return
	}
	if other := n.world.NodeAt(ip.Prefix.Addr()); up && other != nil && other.Name() != n.host.Name() {
		n.host.Note(fmt.Sprintf("%s has the address %s, too: packets reach only one of the two", other.Name(), ip.Prefix.Addr()))
	}
	l.ip, l.up = ip, up
	if l.nic == nil && up {
		l.nic = n.attach(i)
	}
	if l.nic != nil {
		on := netip.Prefix{}
		if up {
			on = ip.Prefix
		}
		l.nic.SetPrefix(on)
	}
	n.stack.SetNetif(int(i), lwip.Netif{Prefix: ip.Prefix, Gateway: ip.Gateway, Up: up})
}

// attach puts an interface on the wire.
func (n *Network) attach(i air.Interface) *wire.NIC {
	name := n.host.Name()
	if i != air.StationIf {
		name += "-" + i.String()
	}
	nic := n.world.Wire.Attach(name, func(p *wire.Packet) { n.receive(i, p) })
	nic.Host, nic.MAC = n.host.Name(), n.host.MAC(i)
	if i == air.StationIf {
		nic.Gate = func() string { return n.host.Deaf(i) }
	}
	return nic
}

// SetMAC changes the address of an interface that is on the wire.
func (n *Network) SetMAC(i air.Interface, m air.MAC) {
	if nic := n.links[i].nic; nic != nil {
		nic.MAC = m
	}
}

// receive queues a packet for the CPU.
func (n *Network) receive(i air.Interface, p *wire.Packet) {
	l := &n.links[i]
	if !l.up || n.waiting >= rxQueue || !n.ets.On() {
		return
	}
	n.waiting++
	stack := n.stack
	n.ets.Receive(func() {
		n.waiting--
		stack.Input(int(i), p)
	})
}

// Transmit implements lwip.Host: the packet leaves at the device's own time,
// which may be ahead of the world's.
func (n *Network) Transmit(netif int, p *wire.Packet) {
	l := &n.links[netif]
	if !l.up {
		return
	}
	now := n.world.Clock.Now()
	if n.sentAt != now {
		n.sentAt, n.sent = now, 0
	}
	if n.sent++; n.sent > txBurst {
		if n.sent == txBurst+1 {
			n.host.Hint("too many packets sent at once: the Wi-Fi driver drops the rest")
		}
		return
	}
	nic := l.nic
	if at := n.ets.Now(); at > now {
		n.world.Clock.At(at, func() { nic.Send(p) })
		return
	}
	nic.Send(p)
}

// Now implements lwip.Host.
func (n *Network) Now() clock.Time { return n.ets.Now() }

// NewTimer implements lwip.Host.
func (n *Network) NewTimer(fn func()) lwip.Timer { return n.ets.NewTimer(fn) }

// Rand implements lwip.Host.
func (n *Network) Rand() uint32 { return n.host.Random() }

// Alloc implements lwip.Host.
func (n *Network) Alloc(kind lwip.Kind, size int) bool { return n.memory.alloc(heapKind(kind), size) }

// Free implements lwip.Host.
func (n *Network) Free(kind lwip.Kind, size int) { n.memory.free(heapKind(kind), size) }

// heapKind says under what the heap's totals show the stack's memory.
func heapKind(kind lwip.Kind) heap.Kind {
	switch kind {
	case lwip.KindTCP, lwip.KindListen, lwip.KindUDP:
		return heap.PCB
	case lwip.KindSegment:
		return heap.Segment
	case lwip.KindPbuf:
		return heap.Pbuf
	case lwip.KindTimeout:
		return heap.Timer
	}
	return heap.Other
}
