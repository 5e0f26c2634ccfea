package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/world"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway/hostnet"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

func TestManySequentialConnections(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	addr := b.publish(hostnet.Publication{Port: 80})
	for i := range 1000 {
		want := fmt.Sprintf("request %d", i)
		c := b.dial(addr)
		got, err := roundTrip(c, []byte(want))
		c.Close()
		if string(got) != want || err != nil {
			t.Fatalf("request %d: got %q, %v", i, got, err)
		}
	}
	b.settled()
}

// connections counts those of the host.
func (b *bench) connections() int { return b.g.net.(*hostnet.Network).Connections() }

// settled checks that nothing is left of connections that have ended.
func (b *bench) settled() {
	b.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		open := 0
		b.in(func() {
			for _, c := range append(b.g.stack.Netstat(), b.d.Net.Stack().Netstat()...) {
				if c.State != "" && c.State != "LISTEN" {
					open++
				}
			}
			open += len(b.g.flows) + len(b.g.dialing) + len(b.g.bridges) + b.connections()
		})
		if open == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.in(func() {
				b.t.Errorf("%d connections left: gateway %+v, device %+v", open, b.g.stack.Netstat(), b.d.Net.Stack().Netstat())
			})
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestParallelConnections(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	addr := b.publish(hostnet.Publication{Port: 80})
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(30 * time.Second))
			want, got := bytes.Repeat([]byte{byte(i)}, 3000), make([]byte, 3000)
			go c.Write(want)
			if n, err := io.ReadFull(c, got); !bytes.Equal(got, want) || err != nil {
				t.Errorf("connection %d: %d bytes back, %v", i, n, err)
			}
		}()
	}
	wg.Wait()
	b.settled()
}

func random(n int) []byte {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestBigBodiesArriveIntact(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	addr := b.publish(hostnet.Publication{Port: 80})
	body := random(1 << 20)
	// Not half-closed: the device's stack gives up a direction when the other ends
	// (oracle: net-behaviour.md 7.3).
	c := b.dial(addr)
	go c.Write(body)
	back := make([]byte, len(body))
	if n, err := io.ReadFull(c, back); err != nil {
		t.Fatalf("%d of %d bytes back: %v", n, len(body), err)
	}
	if sha256.Sum256(back) != sha256.Sum256(body) {
		t.Error("the bytes that came back differ")
	}
	c.Close()
	b.settled()
}

func TestSlowReaderHoldsTheDeviceUp(t *testing.T) {
	sent := 0 // the world's
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			block := make([]byte, 1460)
			more := func(*lwip.TCPConn, int) lwip.Err {
				for c.Write(block) == lwip.OK {
					sent += len(block)
				}
				c.Output()
				return lwip.OK
			}
			c.OnSent = more
			more(nil, 0)
		})
	})
	addr := b.publish(hostnet.Publication{Port: 80})
	c := b.dial(addr)
	c.SetReadBuffer(64 << 10)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	last := -1
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		now := 0
		b.in(func() { now = sent })
		if now == last && now > 0 {
			break
		}
		last = now
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if last > 1<<20 {
		t.Errorf("the device could send %d bytes to a client that reads nothing", last)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	b.in(func() {
		for _, conn := range b.g.stack.Netstat() {
			if conn.RecvWindow < 0 || conn.Unread > b.g.stack.Params().Window {
				t.Errorf("%+v", conn)
			}
		}
	})
	// The client wakes up: everything goes on.
	if n, err := io.CopyN(io.Discard, c, int64(last)+500_000); err != nil {
		t.Errorf("%d bytes, then %v", n, err)
	}
}

func TestSlowDeviceHoldsTheHostUp(t *testing.T) {
	var conn *lwip.TCPConn
	got := 0
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			conn = c
			c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
				for _, p := range data {
					got += len(p)
				}
				return lwip.OK // never gives the window back
			}
		})
	})
	c := b.dial(b.publish(hostnet.Publication{Port: 80}))
	c.SetWriteBuffer(64 << 10)
	c.SetWriteDeadline(time.Now().Add(time.Second))
	n, err := c.Write(make([]byte, 16<<20))
	if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(fmt.Sprint(err), "timeout") || n > 2<<20 {
		t.Errorf("wrote %d bytes to a device that takes none: %v", n, err)
	}
	b.in(func() {
		if got != 5840 {
			t.Errorf("the device got %d bytes, its window is 5840", got)
		}
		conn.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
			for _, p := range data {
				got += len(p)
				c.Recved(len(p))
			}
			return lwip.OK
		}
		conn.Recved(5840)
	})
	c.CloseWrite()
	for range 500 {
		time.Sleep(20 * time.Millisecond)
		now := 0
		b.in(func() { now = got })
		if now == n {
			return
		}
	}
	t.Errorf("the device got %d of %d bytes", got, n)
}

func TestResetsArePassedOn(t *testing.T) {
	ended := make(chan lwip.Err, 1)
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
				if data != nil && string(data[0]) == "reset me" {
					c.OnError = nil
					c.Abort()
					return lwip.ErrAbort
				}
				return lwip.OK
			}
			c.OnError = func(err lwip.Err) { ended <- err }
		})
	})
	addr := b.publish(hostnet.Publication{Port: 80})

	c := b.dial(addr)
	c.Write([]byte("hello"))
	time.Sleep(20 * time.Millisecond)
	c.SetLinger(0)
	c.Close()
	select {
	case err := <-ended:
		if err != lwip.ErrReset {
			t.Errorf("the device saw %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("the device saw nothing of the reset")
	}

	c = b.dial(addr)
	c.Write([]byte("reset me"))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client saw %v", err)
	}

	// Nobody listens there: the client, already accepted, is reset.
	// The reset may be there before it knows that it is connected.
	closed, err := net.Dial("tcp", b.publish(hostnet.Publication{Port: 81}))
	if err == nil {
		defer closed.Close()
		closed.SetDeadline(time.Now().Add(20 * time.Second))
		_, err = closed.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client of a closed port saw %v", err)
	}
	for range 200 {
		if b.connections() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d connections of the host are left", b.connections())
}

func TestHalfClose(t *testing.T) {
	b := start(t, Options{}, wired, func(s *lwip.Stack) {
		listen(s, func(c *lwip.TCPConn) {
			c.OnRecv = func(c *lwip.TCPConn, data [][]byte) lwip.Err {
				if data == nil {
					c.Write([]byte("answer after the end"))
					c.Close()
					return lwip.OK
				}
				c.Recved(len(data[0]))
				return lwip.OK
			}
		})
	})
	got, err := roundTrip(b.dial(b.publish(hostnet.Publication{Port: 80})), []byte("question"))
	if string(got) != "answer after the end" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	b.settled()
}

// What comes to a published port on which nobody listens is told once for each port.
func TestNobodyListens(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	notes := make(chan string, 10)
	b.in(func() {
		b.w.Subscribe(func(e world.Event) {
			if n, ok := e.Data.(event.Note); ok {
				notes <- n.Text
			}
		})
	})
	roundTrip(b.dial(b.publish(hostnet.Publication{Port: 80})), []byte("x"))
	deaf := b.publish(hostnet.Publication{Port: 81})
	for range 2 {
		if c, err := net.Dial("tcp", deaf); err == nil { // it may be reset before
			if _, err := roundTrip(c.(*net.TCPConn), []byte("x")); err == nil {
				t.Error("somebody listens")
			}
			c.Close()
		}
	}
	c, err := net.Dial("udp", b.publish(hostnet.Publication{Port: 53, UDP: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write([]byte("x"))
	for _, want := range []string{
		"tcp port 81 is published, and the program does not listen on it: what comes there is refused",
		"udp port 53 is published, and the program does not listen on it: what comes there is lost",
	} {
		select {
		case got := <-notes:
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("not told: %s", want)
		}
	}
}

func TestPublishErrors(t *testing.T) {
	b := start(t, Options{}, wired, echo)
	for _, udp := range []bool{false, true} {
		at := netip.MustParseAddrPort(b.publish(hostnet.Publication{Port: 80, UDP: udp}))
		_, err := b.g.Publish(hostnet.Publication{Device: b.d.Name(), HostPort: int(at.Port()), Port: 80, UDP: udp})
		want := fmt.Sprintf("cannot publish on 127.0.0.1 port %d: another program uses it; stop that one or choose another port, such as %d:80", at.Port(), at.Port()+1)
		if err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := b.g.Publish(hostnet.Publication{Device: b.d.Name(), Host: "192.0.2.1", HostPort: 8080, Port: 80})
	if err == nil || !strings.Contains(err.Error(), "no such address") {
		t.Errorf("foreign address: %v", err)
	}
}

// BenchmarkRequests measures short exchanges, each on a connection of its own,
// from several clients at a time, over a wire without latency: what is measured is
// the gateway and the stacks.
func BenchmarkRequests(b *testing.B) {
	for _, clients := range []int{1, 5, 50} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			bench := start(b, Options{}, wired, echo)
			bench.in(func() { bench.w.Wire.Latency = 0 })
			addr := bench.publish(hostnet.Publication{Port: 80})
			var wg sync.WaitGroup
			work := make(chan struct{})
			for range clients {
				wg.Add(1)
				go func() {
					defer wg.Done()
					for range work {
						c, err := net.Dial("tcp", addr)
						if err != nil {
							b.Error(err)
							continue
						}
						c.Write([]byte("hello"))
						if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
							b.Error(err)
						}
						c.Close()
					}
				}()
			}
			b.ResetTimer()
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
