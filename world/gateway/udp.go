package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// UDP is translated datagram by datagram. A udpFlow is one pair of endpoints: of a
// device that sends out, its own port and one remote address; of a published port,
// the host client and the port of the gateway that stands for it on the wire. A flow
// ends when nothing has passed for a minute. What the world or the host's socket
// does not take in time is dropped.

// udpIdle is how long a flow is remembered.
const udpIdle = 60 * clock.Second

// maxDatagram is the payload that fits a packet: a device cannot reassemble.
const maxDatagram = 1472

type udpFlow struct {
	g      *Gateway
	key    flow         // in Gateway.udp
	toHost func([]byte) // must not block
	close  func()
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
	if port := f.key.remote.Port(); f.g.udpPorts[port] == f {
		delete(f.g.udpPorts, port)
	}
	f.close()
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
	g.udp[f.key] = f
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
		to, ok := g.hostAddr(p.Dst)
		if !ok || p.DstPort == 0 {
			if g.policy == Isolated {
				g.note(p.Src, fmt.Sprintf("the network is isolated: datagrams to %s go nowhere (--net host lets them out)", key.remote))
			}
			return
		}
		f = g.dialUDP(key, netip.AddrPortFrom(to, p.DstPort))
		if f == nil {
			return
		}
		g.add(f)
	}
	f.touch()
	f.toHost(p.Payload)
}

// dialUDP makes the flow of a device that sends out. Connecting a UDP socket does
// not block; only the address it is connected to can answer.
func (g *Gateway) dialUDP(key flow, to netip.AddrPort) *udpFlow {
	conn, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil
	}
	out := make(chan []byte, maxPosted)
	stop := context.AfterFunc(g.ctx, func() { conn.Close() })
	f := &udpFlow{g: g, key: key, toHost: offer(out), close: func() {
		if stop() {
			conn.Close()
		}
		close(out)
	}}
	g.goroutine(func() { g.writeDatagrams(out, func(b []byte) { conn.Write(b) }) })
	g.goroutine(func() {
		g.readDatagrams(func(b []byte) (int, error) { return conn.Read(b) }, func(data []byte) {
			if g.udp[key] == f {
				f.touch()
				g.sendUDP(key.remote, key.device, data)
			}
		})
	})
	return f
}

// offer returns a function that gives a datagram to a channel, or drops it.
func offer(out chan<- []byte) func([]byte) {
	return func(data []byte) {
		select {
		case out <- data:
		default:
		}
	}
}

// writeDatagrams sends what it is given until the channel is closed.
func (g *Gateway) writeDatagrams(out <-chan []byte, write func([]byte)) {
	for {
		select {
		case data, ok := <-out:
			if !ok {
				return
			}
			write(data) // an error is a lost datagram
		case <-g.ctx.Done():
			return
		}
	}
}

// readDatagrams gives the world what arrives, until the socket is closed.
func (g *Gateway) readDatagrams(read func([]byte) (int, error), deliver func([]byte)) {
	slots := make(chan struct{}, maxPosted)
	buf := make([]byte, maxDatagram+1)
	for {
		n, err := read(buf)
		if err != nil {
			if g.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			g.rest() // a datagram before was refused
			continue
		}
		if n > maxDatagram {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		data := append([]byte(nil), buf[:n]...)
		g.post(func() {
			<-slots
			deliver(data)
		})
	}
}

// servePackets serves a published UDP port.
func (g *Gateway) servePackets(p *publication) {
	out := make(chan func(), maxPosted)
	g.goroutine(func() {
		for {
			select {
			case send := <-out:
				send()
			case <-g.ctx.Done():
				return
			}
		}
	})
	clients := map[netip.AddrPort]*udpFlow{} // the world's
	var from netip.AddrPort
	slots := make(chan struct{}, maxPosted)
	buf := make([]byte, maxDatagram+1)
	for {
		var n int
		var err error
		n, from, err = p.packets.ReadFromUDPAddrPort(buf)
		if err != nil {
			if g.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			g.rest()
			continue
		}
		if n > maxDatagram {
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		data, client := append([]byte(nil), buf[:n]...), from
		g.post(func() {
			<-slots
			g.toDevice(p, clients, client, data, out)
		})
	}
}

// toDevice passes a host client's datagram to the device.
func (g *Gateway) toDevice(p *publication, clients map[netip.AddrPort]*udpFlow, client netip.AddrPort, data []byte, out chan<- func()) {
	local, remote, ok := g.route(p.Device)
	if !ok {
		return
	}
	f := clients[client]
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
		key := flow{netip.AddrPortFrom(remote, uint16(p.Port)), netip.AddrPortFrom(local, g.nextPort)}
		f = &udpFlow{g: g, key: key, close: func() { delete(clients, client) }, toHost: func(data []byte) {
			select {
			case out <- func() { p.packets.WriteToUDPAddrPort(data, client) }:
			default:
			}
		}}
		clients[client] = f
		g.udpPorts[g.nextPort] = f
		g.add(f)
	}
	f.touch()
	g.sendUDP(f.key.remote, f.key.device, data)
}
