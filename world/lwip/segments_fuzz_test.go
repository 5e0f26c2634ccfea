package lwip

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// hostile is one packet of FuzzSegments, in 18 bytes.
type hostile struct {
	target, from byte // which port or protocol it is for, and whose address it has
	flags        byte
	based        byte // bits 0 to 2: what seq counts from, 3 to 5: what ack does
	seq, ack     int16
	window, mss  uint16
	length, wait uint16 // bytes, milliseconds
	ttl, kind    byte
}

func (x hostile) bytes() []byte {
	b := []byte{x.target, x.from, x.flags, x.based}
	for _, v := range []uint16{uint16(x.seq), uint16(x.ack), x.window, x.mss, x.length, x.wait} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, x.ttl, x.kind)
}

func readHostile(b []byte) hostile {
	u := func(i int) uint16 { return binary.BigEndian.Uint16(b[i:]) }
	return hostile{b[0], b[1], b[2], b[3], int16(u(4)), int16(u(6)), u(8), u(10), u(12), u(14), b[16], b[17]}
}

const hostileBytes = 18

// FuzzSegments throws packets at a device with an open server, an established
// connection, a client that is connecting and one that is connected. Nothing may
// panic, memory stays within its limit, packets out are bounded by packets in and
// time, and afterwards the server serves and all memory comes back.
func FuzzSegments(f *testing.F) {
	const syn, ack, fin, rst, psh, urg = byte(wire.SYN), byte(wire.ACK), byte(wire.FIN), byte(wire.RST), byte(wire.PSH), byte(wire.URG)
	for _, list := range [][]hostile{
		{{flags: ack | psh, window: 5000, length: 100, wait: 10}},
		{{flags: ack, seq: 500, window: 5000, length: 500}, {flags: ack | fin, window: 5000, length: 700, wait: 1}},
		{{target: 1, flags: syn, window: 5000, mss: 1460, wait: 5}, {target: 1, flags: ack, seq: 1, based: 1 << 3, ack: 1, length: 1460, wait: 200}},
		{{target: 1, flags: syn, mss: 0xffff}, {target: 1, flags: syn, seq: 7, mss: 1}, {target: 1, flags: rst, seq: 1}},
		{{flags: rst, seq: 3}, {flags: rst}, {flags: rst | ack | syn}},
		{{target: 2, flags: syn | ack, ack: 1, window: 0, mss: 536, wait: 1}, {target: 2, flags: ack, seq: 1, ack: 1, window: 1, length: 3, wait: 7000}},
		{{target: 2, flags: syn | ack, ack: -1}, {target: 2, flags: syn, window: 9, wait: 30}, {target: 2, flags: ack, ack: 1}},
		{{target: 2, flags: syn, mss: 1}, {target: 2, flags: rst | ack, ack: 1, wait: 60000}},
		{{target: 3, flags: ack, window: 0, wait: 60000}, {target: 3, flags: ack, window: 1, length: 1, wait: 60000}, {target: 3, flags: fin, window: 5000}},
		{{target: 3, flags: ack, based: 5 << 3, window: 1}, {target: 3, flags: ack, based: 2 << 3, ack: 30000}, {target: 3, flags: fin | ack, length: 9}},
		{{target: 4, flags: syn}, {target: 4, flags: ack}, {target: 4, flags: 0, length: 1000}},
		{{target: 5, length: 1472, wait: 1}, {target: 5, from: 4, length: 8}, {target: 6, kind: 8, length: 65000}, {target: 6, kind: 3, length: 28}, {target: 7, kind: 0x11, length: 4}},
		{{from: 1, flags: syn}, {from: 2, flags: syn}, {from: 3, flags: syn}, {from: 4, flags: syn}, {from: 5, flags: syn}},
		{{flags: ack | urg | psh | 0xc0, seq: -1, length: 1}, {flags: 0xff, window: 0xffff, mss: 0, length: 2999}, {flags: 0}},
		{{flags: ack, seq: 1460, length: 1460}, {flags: ack, seq: 2000, length: 1460}, {flags: ack, seq: 100, length: 5000}, {flags: ack, seq: 32767, length: 1}, {flags: ack | fin, seq: 3000, length: 10}, {flags: ack, length: 1460, window: 100}},
		{{based: 4, seq: 0, flags: ack, length: 10}, {based: 4 | 4<<3, seq: -10, flags: ack | fin}, {based: 3, flags: ack}},
	} {
		var b []byte
		for range 3 {
			for _, x := range list {
				b = append(b, x.bytes()...)
			}
		}
		f.Add(b)
	}
	for seed := range uint64(50) {
		f.Add(randomSegments(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := clock.New()
		w := wire.New(c)
		dev, h := attach(w, "dev", addrA, Device())
		h.Limit = 40000
		listen(t, dev, 80, func(c *TCPConn) {
			c.OnRecv = func(c *TCPConn, data [][]byte) Err {
				if data == nil {
					return c.Close()
				}
				for _, d := range data {
					c.WriteSome(d)
					c.Recved(len(d))
				}
				return OK
			}
		})
		u := dev.NewUDP()
		if err := u.Bind(AnyAddr, 53); err != OK {
			t.Fatal(err)
		}
		u.OnRecv = func(data []byte, from netip.AddrPort) { u.SendTo(data, from.Addr(), from.Port()) }

		last := map[uint16]*wire.Packet{} // from the device, by its remote port
		sent := 0
		peer := w.Attach("peer", func(p *wire.Packet) {
			sent++
			if p.Proto == wire.TCP {
				last[p.DstPort] = p
			}
		})
		peer.SetPrefix(testPrefix(addrB))
		run := func(d clock.Duration) { c.RunUntil(c.Now().Add(d)) }
		from := func(port uint16) wire.Packet {
			if p := last[port]; p != nil {
				return *p
			}
			return wire.Packet{}
		}
		send := func(p wire.Packet) { peer.Send(&p) }
		tcp := func(src, dst uint16, flags wire.Flags, seq, ack uint32) wire.Packet {
			return wire.Packet{Src: addrB, Dst: addrA, Proto: wire.TCP, TTL: 64, SrcPort: src, DstPort: dst, Flags: flags, Seq: seq, Ack: ack, Window: 5840}
		}
		// An established connection from 1000; a client that is connecting to 2000 and
		// one that is connected to 3000.
		send(tcp(1000, 80, wire.SYN, 99, 0))
		run(10 * clock.Millisecond)
		send(tcp(1000, 80, wire.ACK, 100, from(1000).Seq+1))
		for _, port := range []uint16{2000, 3000} {
			client := dev.NewTCP()
			client.OnRecv = func(c *TCPConn, data [][]byte) Err {
				for _, d := range data {
					c.Recved(len(d))
				}
				if data == nil {
					return c.Close()
				}
				return OK
			}
			client.OnConnected = func(c *TCPConn) Err { c.WriteSome(make([]byte, 4000)); return OK }
			if err := client.Connect(addrB, port); err != OK {
				t.Fatal(err)
			}
		}
		run(10 * clock.Millisecond)
		send(tcp(3000, from(3000).SrcPort, wire.SYN|wire.ACK, 99, from(3000).Seq+1))
		run(10 * clock.Millisecond)

		packets := 0
		for ; len(data) >= hostileBytes && packets < 200; data = data[hostileBytes:] {
			x := readHostile(data)
			p := tcp(1000, 80, wire.Flags(x.flags), 0, 0)
			p.Window, p.MSS, p.TTL = x.window, x.mss, x.ttl
			p.Payload = make([]byte, x.length%3000)
			switch x.target % 8 {
			case 1:
				p.SrcPort = 1001 + uint16(x.kind%20)
			case 2, 3:
				p.SrcPort = 1000 * uint16(x.target%8)
				p.DstPort = from(p.SrcPort).SrcPort
			case 4:
				p.SrcPort, p.DstPort = uint16(x.kind), uint16(x.window)
			case 5:
				p.Proto, p.DstPort, p.Flags, p.Seq = wire.UDP, 53, 0, 0
			case 6:
				p.Proto, p.Type, p.Code = wire.ICMP, x.kind, x.flags
			case 7:
				p.Proto, p.Type = wire.IGMP, x.kind
			}
			of := from(p.SrcPort)
			base := [8]uint32{of.Ack, of.Seq, of.Seq + uint32(len(of.Payload)), 0, 1 << 31, of.Ack + 1<<31, 0xffffffff, of.Ack + uint32(of.Window)}
			p.Seq = base[x.based&7] + uint32(int32(x.seq))
			acks := [8]uint32{base[2], of.Seq, of.Seq + 1, 0, 1 << 31, of.Seq + 1<<31, 0xffffffff, of.Ack}
			p.Ack = acks[x.based>>3&7] + uint32(int32(x.ack))
			p.Src = [8]netip.Addr{addrB, addrA, AnyAddr, netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("224.0.0.1"),
				netip.MustParseAddr("10.9.8.7"), addrB, netip.MustParseAddr("127.0.0.1")}[x.from&7]
			send(p)
			packets++
			run(clock.Duration(x.wait%60001) * clock.Millisecond)
			if h.InUse > h.Limit {
				t.Fatalf("%d bytes in use", h.InUse)
			}
		}

		// Nobody answers from now on. Of what was open the device's tick sends again,
		// at most four times a second.
		run(20 * clock.Minute)
		if bound := 50 + 20*packets + int(c.Now()/clock.Time(clock.Second))*4*8; sent > bound {
			t.Errorf("%d packets for %d, want at most %d", sent, packets, bound)
		}
		for p := dev.active; p != nil; p = dev.active {
			p.Abort()
		}
		run(5 * clock.Minute)
		if idle := 136 + sizeListen + sizeUDP; h.InUse != idle { // the stack's own timers and what is open
			t.Errorf("%d bytes in use when all is over, want %d", h.InUse, idle)
		}
		serves(t, c, w)
	})
}

// randomSegments are packets most of which are nearly right.
func randomSegments(seed uint64) (b []byte) {
	r := rand.New(rand.NewPCG(seed, 3))
	near := func() int16 { return [8]int16{0, 0, 0, 1, -1, 536, 1460, int16(r.Uint32())}[r.IntN(8)] }
	for range 10 + r.IntN(30) {
		x := hostile{
			target: [12]byte{0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 4, byte(r.IntN(8))}[r.IntN(12)],
			flags:  [10]byte{16, 16, 16, 24, 17, 2, 18, 4, 20, byte(r.Uint32())}[r.IntN(10)],
			seq:    near(), ack: near(),
			window: [5]uint16{0, 1, 5840, 536, uint16(r.Uint32())}[r.IntN(5)],
			mss:    [4]uint16{0, 0, 1460, uint16(r.Uint32())}[r.IntN(4)],
			length: [7]uint16{0, 0, 1, 100, 536, 1460, uint16(r.Uint32())}[r.IntN(7)],
			wait:   [6]uint16{0, 1, 10, 250, 1000, uint16(r.Uint32())}[r.IntN(6)],
			ttl:    64, kind: byte(r.Uint32()),
		}
		if r.IntN(6) == 0 {
			x.based, x.from = byte(r.Uint32()), byte(r.Uint32())
		}
		b = append(b, x.bytes()...)
	}
	return b
}

// serves fails the test when the device no longer answers on port 80.
func serves(t *testing.T, c *clock.Clock, w *wire.Wire) {
	addr := netip.MustParseAddr("192.168.1.30")
	desk, _ := attach(w, "desk", addr, Desktop())
	var got sink
	client := desk.NewTCP()
	got.attach(client)
	client.OnConnected = func(c *TCPConn) Err {
		c.WriteSome([]byte("still there?"))
		c.Output()
		return OK
	}
	if err := client.Connect(addrA, 80); err != OK {
		t.Fatal(err)
	}
	c.RunUntil(c.Now().Add(30 * clock.Second))
	if got.String() != "still there?" {
		t.Errorf("the server says %q afterwards", got.String())
	}
}
