package lwip

import (
	"encoding/binary"
	"net/netip"
	"strings"
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

// FuzzResolver looks names up at a hostile server. The input is what comes for each query
// in turn: a byte of flags (1: the query's identifier, 2: its header's counts and question
// first, 4: from another port, 8: from another address, 16: once more a second later), a byte
// of length, so many bytes. No look-up may end twice or never, nothing may panic or stay, and
// afterwards the names of an honest server are found.
func FuzzResolver(f *testing.F) {
	rec := func(flags byte, data ...byte) []byte { return append([]byte{flags, byte(len(data))}, data...) }
	address := []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4}
	f.Add("host.test", rec(3, address...))
	f.Add("host.test", append(rec(2, address...), rec(1|4, address...)...))                                // another's identifier, port
	f.Add("host.test", append(rec(3|8, address...), rec(3|16, address...)...))                             // another's address; twice
	f.Add("host.test", rec(3, address[:11]...))                                                            // cut
	f.Add("a.b", rec(1, 0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1, 0xc0, 12, 0, 1))   // a name that is itself
	f.Add("a.b", rec(3, 0xc0, 0xff, 0, 1, 0, 1, 0, 0, 0, 0, 0xff, 0xff))                                   // out of the message
	f.Add("a.b", rec(3, append([]byte{63}, make([]byte, 80)...)...))                                       // a label of zeros
	f.Add(strings.Repeat("x", 255), rec(3, address...))                                                    // the longest name
	f.Add(strings.Repeat("a.", 127), rec(1, 0, 0, 0x81, 0x83, 0, 1, 0xff, 0xff, 0, 0, 0, 0, 1, 'a', 1))    // NXDOMAIN, 65535 answers
	f.Add("x..y", append(rec(3, 0, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12), rec(3, 0, 0, 28, 0, 1)...))   // CNAME, AAAA
	f.Add("a", append(append(rec(1), rec(0, make([]byte, 26)...)...), rec(16, make([]byte, 255)...)...))   // empty, zeros
	f.Add("b", append(rec(3, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 255, 255, 255, 255), rec(3, address...)...)) // broadcast, TTL 0
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		c := clock.New()
		w := wire.New(c)
		dev, h := attach(w, "dev", addrA, Device())
		h.Limit = 40000
		dev.SetDNS(0, addrB)
		var server, liar *wire.NIC
		honest := false
		answer := func(query []byte, rest ...byte) []byte {
			m := append([]byte(nil), query...)
			m[2] |= 0x80
			m[7] = 1
			return append(m, rest...)
		}
		server = w.Attach("server", func(p *wire.Packet) {
			reply := wire.Packet{Src: p.Dst, Dst: p.Src, Proto: wire.UDP, SrcPort: p.DstPort, DstPort: p.SrcPort}
			if honest {
				reply.Payload = answer(p.Payload, address...)
				server.Send(&reply)
				return
			}
			if len(data) < 2 {
				return
			}
			flags, n := data[0], min(int(data[1]), len(data)-2)
			reply.Payload, data = append([]byte(nil), data[2:2+n]...), data[2+n:]
			if flags&2 != 0 {
				reply.Payload = answer(p.Payload, reply.Payload...)
				copy(reply.Payload, "id")
			}
			if flags&1 != 0 {
				copy(reply.Payload, p.Payload[:2])
			}
			if flags&4 != 0 {
				reply.SrcPort++
			}
			from := server
			if flags&8 != 0 {
				reply.Src, from = addrC, liar
			}
			from.Send(&reply)
			if flags&16 != 0 {
				c.After(clock.Second, func() { from.Send(&reply) })
			}
		})
		server.SetPrefix(testPrefix(addrB))
		liar = w.Attach("liar", func(*wire.Packet) {})
		liar.SetPrefix(testPrefix(addrC))
		before := h.InUse
		names := []string{name, name + "x", "host.test", "other.test"}
		ended, want := make([]int, len(names)), make([]int, len(names))
		lookUp := func() {
			for i, name := range names {
				if _, err := dev.Resolve(name, func(a netip.Addr, ok bool) {
					if ended[i]++; ok && !a.Is4() {
						t.Errorf("%q is %v", name, a)
					}
				}); err == ErrProgress {
					want[i]++
				} else if err != OK && err != ErrArg {
					t.Errorf("%q: %v", name, err)
				}
			}
		}
		lookUp()
		c.RunUntil(c.Now().Add(clock.Minute))
		honest = true
		lookUp()
		c.RunUntil(c.Now().Add(clock.Minute))
		for i := range names {
			if ended[i] != want[i] {
				t.Errorf("%d look-ups of %q, %d ends", want[i], names[i], ended[i])
			}
		}
		found := false
		dev.Resolve("last.test", func(a netip.Addr, ok bool) { found = ok && a == netip.AddrFrom4([4]byte{1, 2, 3, 4}) })
		c.RunUntil(c.Now().Add(10 * clock.Second))
		if !found {
			t.Error("the name of an honest server is not found")
		}
		if most := dnsSlots * (dnsMaxName + 16); h.InUse-before > most {
			t.Errorf("%d bytes stay in use, at most %d are the names'", h.InUse-before, most)
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
