package device

import (
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
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

// network is what a device has of the wire: its network interfaces, and while it
// is on the TCP/IP stack that they belong to. It is the stack's lwip.Host.
type network struct {
	d     *Device
	stack *lwip.Stack // nil when the device is off
	links [interfaces]link

	waiting int        // received packets the CPU has not got to
	sentAt  clock.Time // world time of the last packet sent
	sent    int        // packets sent at that time
	memory  nativeMemory
}

// link is one interface: its place on the wire and its address.
type link struct {
	nic     *wire.NIC
	prefix  netip.Prefix
	gateway netip.Addr
	up      bool
}

// Net returns the device's TCP/IP stack, nil when the device is off. Each boot
// has a new one.
func (d *Device) Net() *lwip.Stack { return d.net.stack }

// Address returns the address and network of an interface, the zero value when
// it has none or is down.
func (d *Device) Address(i Interface) netip.Prefix {
	if l := d.net.links[i]; l.up {
		return l.prefix
	}
	return netip.Prefix{}
}

// start boots the stack.
func (n *network) start() {
	n.waiting, n.sent = 0, 0
	n.memory = newNativeMemory(n.d.nativeHeap)
	n.stack = lwip.New(n, lwip.Device())
}

// stop takes the device off the wire. What is under way to it is lost.
func (n *network) stop() {
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

// set gives an interface its address, and says whether its radio is on a
// network.
func (n *network) set(i Interface, ip IPInfo, up bool) {
	l := &n.links[i]
	up = up && ip.Prefix.IsValid()
	if n.stack == nil || l.prefix == ip.Prefix && l.gateway == ip.Gateway && l.up == up {
		return
	}
	if other := n.d.world.DeviceAt(ip.Prefix.Addr()); up && other != nil && other != n.d {
		n.d.Emit(Note, NoteData{fmt.Sprintf("%s has the address %s, too: packets reach only one of the two", other.Name, ip.Prefix.Addr())})
	}
	l.prefix, l.gateway, l.up = ip.Prefix, ip.Gateway, up
	if l.nic == nil && up {
		name := n.d.Name
		if i != StationIf {
			name += "-" + i.String()
		}
		l.nic = n.d.world.Wire.Attach(name, func(p *wire.Packet) { n.receive(i, p) })
		l.nic.Host, l.nic.MAC = n.d.Name, n.d.radio.mac[i]
		if i == StationIf {
			l.nic.Gate = n.d.radio.sta.deaf
		}
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

// receive queues a packet for the CPU.
func (n *network) receive(i Interface, p *wire.Packet) {
	l := &n.links[i]
	if !l.up || n.waiting >= rxQueue || !n.d.powered {
		return
	}
	n.waiting++
	stack := n.stack
	n.d.Receive(func() {
		n.waiting--
		stack.Input(int(i), p)
	})
}

// Transmit implements lwip.Host: the packet leaves at the device's own time,
// which may be ahead of the world's.
func (n *network) Transmit(netif int, p *wire.Packet) {
	l := &n.links[netif]
	if !l.up {
		return
	}
	world := n.d.world.Clock
	if n.sentAt != world.Now() {
		n.sentAt, n.sent = world.Now(), 0
	}
	if n.sent++; n.sent > txBurst {
		if n.sent == txBurst+1 {
			n.d.Emit(Hint, HintData{Text: "too many packets sent at once: the Wi-Fi driver drops the rest", Where: n.d.where()})
		}
		return
	}
	nic := l.nic
	if at := n.d.Now(); at > world.Now() {
		world.At(at, func() { nic.Send(p) })
		return
	}
	nic.Send(p)
}

// where returns the place in the program that is running.
func (d *Device) where() string {
	if d.VM == nil {
		return ""
	}
	return d.VM.Where()
}

// Now implements lwip.Host.
func (n *network) Now() clock.Time { return n.d.Now() }

// NewTimer implements lwip.Host.
func (n *network) NewTimer(fn func()) lwip.Timer { return n.d.NewTimer(fn) }

// Rand implements lwip.Host.
func (n *network) Rand() uint32 { return n.d.Random() }

// Alloc implements lwip.Host.
func (n *network) Alloc(kind lwip.Kind, size int) bool { return n.memory.alloc(heapKind(kind), size) }

// Free implements lwip.Host.
func (n *network) Free(kind lwip.Kind, size int) { n.memory.free(heapKind(kind), size) }

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
