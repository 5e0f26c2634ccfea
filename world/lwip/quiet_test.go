package lwip

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// wakeful is a host whose timers leave nothing out.
type wakeful struct{ *ClockHost }

func (h wakeful) NewTimer(fn func()) Timer {
	return struct{ Timer }{h.ClockHost.NewTimer(fn)}
}

// TestQuietHosts checks that what hosts sleep through does not show: connections that
// open and close, with pauses and loss.
func TestQuietHosts(t *testing.T) {
	trace := func(quiet bool) (string, uint64) {
		c := clock.New()
		w := wire.New(c)
		var out strings.Builder
		link := wire.NewLink(3)
		link.Loss = 0.2
		w.AddRule(link)
		w.Tap(func(e wire.Event) {
			if e.Kind == wire.Sent {
				fmt.Fprintf(&out, "%d %s\n", e.Time, e.Packet)
			}
		})
		boot := func(addr netip.Addr, params Params) (s *Stack) {
			nic := w.Attach(addr.String(), func(p *wire.Packet) { s.Input(0, p) })
			nic.SetPrefix(testPrefix(addr))
			var h Host = NewClockHost(c, 1, nic.Send)
			if !quiet {
				h = wakeful{h.(*ClockHost)}
			}
			s = New(h, params)
			s.SetNetif(0, Netif{Prefix: testPrefix(addr), Up: true})
			return s
		}
		dev := boot(addrA, Device())
		c.RunUntil(7300) // so that they do nothing at the same instant
		desk := boot(addrB, Desktop())
		deskCloses := false // first
		listen(t, desk, 80, func(c *TCPConn) {
			c.OnRecv = func(c *TCPConn, data [][]byte) Err {
				if data != nil {
					c.Recved(len(data[0]))
					c.Write([]byte("answer"))
				}
				if data == nil || deskCloses {
					return c.Close()
				}
				return OK
			}
		})
		rnd := rand.New(rand.NewPCG(1, 1))
		for i := range 300 {
			for range rnd.IntN(40) {
				c.RunUntil(c.Now().Add(500 * clock.Millisecond))
				for _, s := range []*Stack{dev, desk} {
					for _, l := range s.Netstat() {
						fmt.Fprintf(&out, "%d %s %s\n", c.Now(), l.State, l.Remote)
					}
				}
			}
			k := dev.NewTCP()
			deskCloses = i%2 == 0
			k.OnConnected = func(k *TCPConn) Err { return k.Write([]byte("question")) }
			k.OnRecv = func(k *TCPConn, data [][]byte) Err {
				if data != nil {
					k.Recved(len(data[0]))
				}
				if data == nil || !deskCloses {
					return k.Close()
				}
				return OK
			}
			k.Connect(addrB, 80)
		}
		fmt.Fprintf(&out, "%+v %+v\n", dev.Memory(), desk.Memory())
		return out.String(), c.Happened()
	}
	got, slept := trace(true)
	want, awake := trace(false)
	if got != want {
		g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
		for i := range min(len(g), len(w)) {
			if g[i] != w[i] {
				t.Fatalf("line %d: quiet: %s\nalways: %s", i, g[i], w[i])
			}
		}
		t.Fatalf("quiet %d lines, always %d", len(g), len(w))
	}
	if slept*2 > awake {
		t.Errorf("%d events where hosts that never sleep have %d", slept, awake)
	}
}
