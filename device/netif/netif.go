// Package netif is what a device has of the wire: its network interfaces, and while
// it is on the TCP/IP stack that they belong to, with the limits of the Wi-Fi driver
// and the memory that the stack takes from the device's heap.
//
// It does not know the radio, which tells it when an interface is up, nor Lua.
package netif

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

const (
	// rxBuffers is how many frames the Wi-Fi driver has room for. One stays taken until
	// the stack has done with its packet. Beacons take them, too, while a callback keeps
	// the CPU; that they do is assumed (oracle: sdk-behaviour.md, 4.2), and left out.
	rxBuffers = 6
	// rxUnlimited keeps the far end from flooding the host where the driver would not.
	rxUnlimited = 64
	// txBurst is how many packets a device may send before world time moves on. That the
	// driver's queue is full is rare on the device, too. Assumed.
	txBurst = 256
)

// airtime is how long a frame of n bytes keeps the air. Assumed: 802.11n at 65 Mbit/s,
// with 150 µs for the pauses, the preamble and the acknowledgement. It only tells what
// comes within a callback from what comes before it.
func airtime(n int) clock.Duration {
	const perFrame, bytesPerMicro = 150 * clock.Microsecond, 8
	return perFrame + clock.Duration(n/bytesPerMicro)
}

// noBuffer is why a frame is lost that finds no room.
const noBuffer = "the device has no receive buffer free"

// Config is what the interfaces may do otherwise than the chip's.
type Config struct {
	// UnlimitedReceive keeps received packets in the heap, as many as come, instead of
	// six in the driver's buffers. Measurements of the stack were made like that: they
	// had no driver.
	UnlimitedReceive bool
}

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
	// NoPbuf is called when there is no memory for a packet that has arrived: the SDK
	// uses what it did not get, which is a fatal exception.
	NoPbuf()
}

// Network is the network interfaces of a device. It is the stack's lwip.Host.
type Network struct {
	host  Host
	world *world.World
	ets   *ets.Scheduler
	stack *lwip.Stack // nil when the device is off
	links [air.NumInterfaces]link

	cfg       Config
	frames    []frame    // received, and the CPU has not got to them
	inputNext func()     // input, made once
	taken     int        // how many of them the Wi-Fi task has taken over
	sentAt    clock.Time // world time of the last packet sent
	sent      int        // packets sent at that time
	memory    nativeMemory
}

// link is one interface: its place on the wire and its address.
type link struct {
	nic *wire.NIC
	ip  air.IPInfo
	up  bool
}

// New returns the interfaces of a device that is off.
func New(h Host, w *world.World, s *ets.Scheduler, cfg Config) *Network {
	n := &Network{host: h, world: w, ets: s, cfg: cfg}
	if !cfg.UnlimitedReceive {
		s.Frames = n.takeOver
	}
	n.inputNext = n.input
	return n
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
	n.frames, n.taken, n.sent = nil, 0, 0
	n.memory = newNativeMemory(n.host.Heap)
	params := lwip.Device()
	params.Elapsed = n.ets.Elapsed
	params.HeapReceive = n.cfg.UnlimitedReceive
	n.stack = lwip.New(n, params)
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
	if !n.cfg.UnlimitedReceive {
		nic.Full = n.full
		nic.Airtime = func(p *wire.Packet) clock.Duration { return airtime(p.Len()) }
	}
	return nic
}

// SetMAC changes the address of an interface that is on the wire.
func (n *Network) SetMAC(i air.Interface, m air.MAC) {
	if nic := n.links[i].nic; nic != nil {
		nic.MAC = m
	}
}

// frame is a received packet in one of the driver's buffers.
type frame struct {
	netif int
	p     *wire.Packet
	pbuf  *lwip.Received // from the Wi-Fi task on
}

// full is why a frame that arrives is lost; empty when it is not.
func (n *Network) full() string {
	if n.stack == nil || len(n.frames)-n.taken+n.stack.InBuffers() < rxBuffers {
		return ""
	}
	n.host.Hint("a callback keeps the CPU, or the stack keeps data that came out of order: six received packets wait, and all that come now are lost")
	return noBuffer
}

// receive queues a packet for the CPU.
func (n *Network) receive(i air.Interface, p *wire.Packet) {
	if !n.links[i].up || len(n.frames) >= rxUnlimited || !n.ets.On() {
		return
	}
	n.frames = append(n.frames, frame{netif: int(i), p: p})
	n.ets.Receive(n.inputNext)
}

// takeOver is the Wi-Fi task: each frame that has arrived gets a pbuf.
func (n *Network) takeOver() {
	for ; n.taken < len(n.frames); n.taken++ {
		f := &n.frames[n.taken]
		if f.pbuf = n.stack.Receive(f.p); f.pbuf == nil {
			n.host.NoPbuf()
			return
		}
	}
}

// input hands the first packet to the stack.
func (n *Network) input() {
	f := n.frames[0]
	n.frames = slices.Delete(n.frames, 0, 1)
	if f.pbuf == nil {
		n.stack.Input(f.netif, f.p)
		return
	}
	n.taken--
	n.stack.InputReceived(f.netif, f.pbuf)
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
