package lwip

import (
	"encoding/binary"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// FuzzSegment throws segments at a device with a listener and an open connection.
// The input is a list of 12-byte records: which port, flags, offset of the
// sequence number, offset of the acknowledgement, window, length, time to wait.
// Nothing may panic, memory must stay bounded, and all of it must come back when
// the connections are gone.
func FuzzSegment(f *testing.F) {
	rec := func(port, flags byte, seq, ack int16, wnd uint16, n uint16, wait uint16) []byte {
		b := []byte{port, flags}
		for _, v := range []uint16{uint16(seq), uint16(ack), wnd, n, wait} {
			b = binary.BigEndian.AppendUint16(b, v)
		}
		return b
	}
	f.Add(rec(0, byte(wire.ACK|wire.PSH), 0, 0, 5000, 100, 10))
	f.Add(append(rec(0, byte(wire.ACK), 500, 0, 5000, 500, 1), rec(0, byte(wire.ACK|wire.FIN), 0, 0, 5000, 700, 1)...))
	f.Add(append(rec(1, byte(wire.SYN), 0, 0, 5000, 0, 5), rec(1, byte(wire.ACK), 1, 1, 0, 1460, 200)...))
	f.Add(rec(0, byte(wire.RST), 3, 0, 0, 0, 1))
	f.Add(rec(0, byte(wire.ACK|wire.FIN|wire.SYN), -1, -1, 65535, 9000, 60000))
	f.Add(append(rec(0, byte(wire.ACK), 5839, 0, 1, 3, 1), rec(0, byte(wire.FIN), 1, 7000, 1, 5838, 1)...))
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
				c.Write(data[0])
				c.Recved(5840)
				return OK
			}
		})
		var last wire.Packet // the last segment from the device
		peer := w.Attach("peer", func(p *wire.Packet) { last = *p })
		peer.SetPrefix(testPrefix(addrB))
		send := func(port, flags byte, seq, ack uint32, wnd uint16, payload []byte) {
			peer.Send(&wire.Packet{Src: addrB, Dst: addrA, Proto: wire.TCP, SrcPort: 1000 + uint16(port%3), DstPort: 80,
				Seq: seq, Ack: ack, Flags: wire.Flags(flags), Window: wnd, Payload: payload, MSS: wnd})
		}
		// An open connection to begin with.
		send(0, byte(wire.SYN), 99, 0, 5840, nil)
		c.RunUntil(c.Now().Add(10 * clock.Millisecond))
		send(0, byte(wire.ACK), 100, last.Seq+1, 5840, nil)
		c.RunUntil(c.Now().Add(10 * clock.Millisecond))
		for len(data) >= 12 && c.Now() < clock.At(clock.Hour) {
			u := func(i int) uint16 { return binary.BigEndian.Uint16(data[i:]) }
			send(data[0], data[1], 100+uint32(int32(int16(u(2)))), last.Seq+uint32(int32(int16(u(4)))), u(6), make([]byte, u(8)%3000))
			c.RunUntil(c.Now().Add(clock.Duration(u(10)) * clock.Millisecond))
			if h.InUse > h.Limit {
				t.Fatalf("%d bytes in use", h.InUse)
			}
			data = data[12:]
		}
		for p := dev.active; p != nil; p = dev.active {
			p.Abort()
		}
		c.RunUntil(c.Now().Add(10 * clock.Minute))
		if h.InUse != 136+36 {
			t.Errorf("%d bytes in use when all is over, want %d", h.InUse, 136+36)
		}
	})
}

// FuzzDNS throws answers at the parser.
func FuzzDNS(f *testing.F) {
	answer := func(name string) []byte {
		m := dnsQuery(7, name)
		m[2] |= 0x80
		m[7] = 1
		return append(m, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4)
	}
	f.Add(answer("host.test"), "host.test")
	f.Add(answer("a.b.c.d"), "a.b.c.e")
	f.Add(answer("")[:20], "x")
	f.Add(append(answer("host.test"), make([]byte, 500)...), "host.test")
	f.Fuzz(func(t *testing.T, msg []byte, name string) {
		m, ok := parseDNS(msg)
		if !ok {
			return
		}
		if a, _, ok := m.address(name); ok && !a.Is4() {
			t.Errorf("address %v", a)
		}
	})
}
