package lwip

import (
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
)

// BenchmarkSegments moves full segments from a desktop to a device; one operation
// is a segment there and its ACK back.
func BenchmarkSegments(b *testing.B) {
	p := newPair()
	c := p.dev.NewTCP()
	c.Bind(AnyAddr, 80)
	l := c.Listen()
	got := 0
	l.OnAccept = func(c *TCPConn) Err {
		c.OnRecv = func(c *TCPConn, data [][]byte) Err {
			for _, d := range data {
				got += len(d)
			}
			c.Recved(5840)
			return OK
		}
		return OK
	}
	out := p.desk.NewTCP()
	data := make([]byte, 14600)
	fill := func(c *TCPConn, _ int) Err {
		for {
			if n, _ := c.WriteSome(data); n == 0 {
				return OK
			}
		}
	}
	out.OnConnected = func(c *TCPConn) Err { return fill(c, 0) }
	out.OnSent = fill
	out.Connect(addrA, 80)
	b.ReportAllocs()
	b.ResetTimer()
	for got < b.N*1460 {
		p.c.RunUntil(p.c.Now().Add(clock.Millisecond))
	}
}
