package gateway

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// UDP is translated datagram by datagram. A udpFlow is one pair of endpoints: of a
// device that sends out, its own port and one remote address; of a published port,
// the host client and the port of the gateway that stands for it on the wire. A flow
// ends when nothing has passed for a minute.

// udpIdle is how long a flow is remembered.
const udpIdle = 60 * clock.Second

type udpFlow struct {
	g      *Gateway
	key    flow           // in Gateway.udp
	socket hostnet.Socket // in Gateway.sockets
	used   clock.Time
	expiry *clock.Event

	leave  func() // lets the clock go; nil: it is free
	answer *clock.Event
}

// answerWait is how long virtual time keeps to wall time for an answer after a
// datagram has passed.
const answerWait = 2 * clock.Second

// touch keeps the flow alive.
func (f *udpFlow) touch() {
	f.used = f.g.world.Clock.Now()
	if f.leave == nil {
		f.leave = f.g.world.Clock.Follow()
	}
	f.answer.Stop()
	f.answer = f.g.after(answerWait, f.free)
}

// free lets virtual time run.
func (f *udpFlow) free() {
	f.answer.Stop()
	if f.leave != nil {
		f.leave()
		f.leave = nil
	}
}

// check ends the flow if it was idle for long, and looks again later if not.
func (f *udpFlow) check() {
	if idle := f.g.world.Clock.Now().Sub(f.used); idle < udpIdle {
		f.expiry = f.g.after(udpIdle-idle, f.check)
		return
	}
	f.end()
}

func (f *udpFlow) end() {
	f.expiry.Stop()
	f.free()
	delete(f.g.udp, f.key)
	delete(f.g.sockets, f.socket)
	if port := f.key.remote.Port(); f.g.udpPorts[port] == f {
		delete(f.g.udpPorts, port)
	}
	f.g.net.CloseSocket(f.socket)
}

// add remembers a flow. The one that was idle longest goes when there are too
// many.
func (g *Gateway) add(f *udpFlow) {
	if len(g.udp) >= maxUDPFlows {
		var oldest *udpFlow
		for _, o := range g.udp {
			if oldest == nil || o.used < oldest.used || o.used == oldest.used && less(o.key, oldest.key) {
				oldest = o
			}
		}
		oldest.end()
	}
	g.udp[f.key], g.sockets[f.socket] = f, f
	f.touch()
	f.expiry = g.after(udpIdle, f.check)
}

// less is any total order of flows.
func less(a, b flow) bool {
	if c := a.device.Compare(b.device); c != 0 {
		return c < 0
	}
	return a.remote.Compare(b.remote) < 0
}

// datagram takes what a device sends.
func (g *Gateway) datagram(p *wire.Packet) {
	key := flow{netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort)}
	f := g.udp[key]
	if f == nil {
		to, ok := g.hostAddr(key.remote)
		if !ok || p.DstPort == 0 {
			if p.Dst.IsLoopback() {
				g.noteLoopback(p)
			} else if !g.allows(key.remote) {
				g.note(p.Src, fmt.Sprintf("%s: datagrams to %s go nowhere", g.bar(key.remote), key.remote))
			}
			return
		}
		g.note(p.Src, "sends datagrams to "+g.called(key.remote))
		g.lastSocket++
		f = &udpFlow{g: g, key: key, socket: g.lastSocket}
		g.add(f)
		g.net.OpenSocket(f.socket, netip.AddrPortFrom(to, p.DstPort))
	}
	f.touch()
	g.net.SendDatagram(f.socket, p.Payload)
}

// toDevice passes an answer of the host to the device.
func (f *udpFlow) toDevice(data []byte) {
	f.touch()
	f.g.sendUDP(f.key.remote, f.key.device, data)
}

// errNoAddress says why a client's datagram does not reach its device.
var errNoAddress = errors.New("the device has no address")

// clientDatagram passes a host client's datagram to the device. An error means that
// there is no flow for the client.
func (g *Gateway) clientDatagram(in hostnet.ClientDatagram) error {
	f := g.sockets[in.Socket]
	dev, err := g.node(in.Device)
	if err != nil {
		return err
	}
	local, remote, ok := g.route(dev)
	if !ok {
		if f != nil {
			return nil
		}
		return errNoAddress
	}
	if f == nil || f.key.device.Addr() != remote {
		if f != nil {
			f.end()
		}
		for range len(g.udpPorts) + 1 {
			g.nextPort = nextAfter(g.nextPort)
			if g.udpPorts[g.nextPort] == nil {
				break
			}
		}
		f = &udpFlow{g: g, socket: in.Socket,
			key: flow{netip.AddrPortFrom(remote, in.Port), netip.AddrPortFrom(local, g.nextPort)}}
		g.udpPorts[g.nextPort] = f
		g.add(f)
		g.noteDeaf(dev, wire.UDP, in.Port, "lost")
	}
	f.toDevice(in.Data)
	return nil
}
