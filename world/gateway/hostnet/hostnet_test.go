package hostnet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/world"
)

// bench is a network and what it has told. Values wait to be taken.
type bench struct {
	*Network
	t    *testing.T
	told chan told
}

type told struct {
	what world.Stimulus
	done func(string, error)
}

func start(t *testing.T) *bench {
	b := &bench{t: t, told: make(chan told, 1000)}
	b.Network = New(func(what world.Stimulus, done func(string, error)) { b.told <- told{what, done} }, nil)
	t.Cleanup(b.Close)
	return b
}

// expect waits for what is told next, and takes it.
func (b *bench) expect(want world.Stimulus) {
	b.t.Helper()
	b.take(want, nil)
}

// take is expect with a reply.
func (b *bench) take(want world.Stimulus, reply error) {
	b.t.Helper()
	got := b.next(want)
	if got.done != nil {
		got.done("", reply)
	}
}

// next is expect for who takes the value later.
func (b *bench) next(want world.Stimulus) told {
	b.t.Helper()
	select {
	case got := <-b.told:
		if !reflect.DeepEqual(got.what, want) {
			b.t.Fatalf("told %#v, want %#v", got.what, want)
		}
		return got
	case <-time.After(10 * time.Second):
		b.t.Fatalf("nothing told, want %#v", want)
		return told{}
	}
}

// quiet checks that nothing more is told.
func (b *bench) quiet() {
	b.t.Helper()
	select {
	case got := <-b.told:
		b.t.Errorf("told %#v", got.what)
	case <-time.After(50 * time.Millisecond):
	}
}

func (b *bench) publish(udp bool) net.Conn {
	b.t.Helper()
	proto := map[bool]string{false: "tcp", true: "udp"}[udp]
	at, err := b.Publish(Publication{Device: "lamp", Port: 80, UDP: udp})
	if err != nil {
		b.t.Fatal(err)
	}
	c, err := net.Dial(proto, at.String())
	if err != nil {
		b.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	b.t.Cleanup(func() { c.Close() })
	return c
}

func TestAcceptedConnection(t *testing.T) {
	b := start(t)
	c := b.publish(false)
	b.expect(Accepted{-1, "lamp", 80})
	io.WriteString(c, "hello")
	b.quiet() // nobody reads
	b.Read(-1)
	b.expect(Received{-1, []byte("hello")})
	b.Write(-1, [][]byte{[]byte("hello "), []byte("back")})
	b.expect(Written{-1, 10})
	b.CloseWrite(-1)
	if got, err := io.ReadAll(c); string(got) != "hello back" || err != nil {
		t.Errorf("the client got %q, %v", got, err)
	}
	c.Close()
	b.Read(-1)
	b.expect(Ended{-1})
	b.CloseConn(-1)
	b.ResetConn(-1) // gone
	if n := b.Connections(); n != 0 || len(b.accepted) != 1 {
		t.Errorf("%d connections are open, %d accepted or about to be", n, len(b.accepted))
	}
}

// One piece is read before it is asked for, and told when it is. Who closes meanwhile
// hears nothing of it.
func TestReadsOnePieceAhead(t *testing.T) {
	b := start(t)
	c := b.publish(false)
	b.expect(Accepted{-1, "lamp", 80})
	for _, s := range []string{"first", "second, ", "third"} {
		io.WriteString(c, s)
		b.quiet()
	}
	b.Read(-1)
	b.expect(Received{-1, []byte("first")})
	b.quiet()
	b.Read(-1)
	b.expect(Received{-1, []byte("second, third")})
	io.WriteString(c, "fourth")
	b.quiet()
	b.CloseConn(-1)
	b.quiet()
}

// More than the kernel takes at once goes out as the client reads, in order.
func TestWriteOfMuch(t *testing.T) {
	b := start(t)
	c := b.publish(false)
	b.expect(Accepted{-1, "lamp", 80})
	var want bytes.Buffer
	var data [][]byte
	for i := range 300 {
		part := bytes.Repeat([]byte{byte(i)}, 1+i*100)
		data = append(data, part)
		want.Write(part)
	}
	all := want.Len()
	b.Write(-1, data)
	b.quiet() // the client does not read
	got := make([]byte, all)
	if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("the client got something else, %v", err)
	}
	b.expect(Written{-1, all})
}

func TestWriteToOneThatHasReset(t *testing.T) {
	b := start(t)
	c := b.publish(false)
	b.expect(Accepted{-1, "lamp", 80})
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	time.Sleep(20 * time.Millisecond)
	b.Write(-1, [][]byte{[]byte("too late")})
	b.expect(Broken{-1})
	b.CloseConn(-1)
	b.Write(-1, [][]byte{[]byte("much too late")})
	b.quiet()
}

// Closed is the last that is told, whatever is written meanwhile.
func TestClosedIsLast(t *testing.T) {
	for range 300 {
		b := start(t)
		b.publish(false)
		b.expect(Accepted{-1, "lamp", 80})
		stop := make(chan struct{})
		go func() {
			defer close(stop)
			for range 30 {
				b.Write(-1, [][]byte{[]byte("x")})
			}
		}()
		b.Close()
		<-stop
		for len(b.told) > 0 {
			if last := <-b.told; len(b.told) == 0 && last.what != (Closed{}) {
				t.Fatalf("told last: %#v", last.what)
			}
		}
	}
}

// TestClosedHereIsNotBroken closes a connection that is being read.
func TestClosedHereIsNotBroken(t *testing.T) {
	b := start(t)
	b.publish(false)
	b.expect(Accepted{-1, "lamp", 80})
	b.Read(-1)
	b.CloseConn(-1)
	b.quiet()
}

func TestResetIsTold(t *testing.T) {
	b := start(t)
	c := b.publish(false)
	b.expect(Accepted{-1, "lamp", 80})
	b.Read(-1)
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	b.expect(Broken{-1})
}

func TestDial(t *testing.T) {
	b := start(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(l.Addr().String())
	b.Dial(1, at)
	b.expect(Dialed{1, Connected})
	l.Close()
	b.Dial(2, at)
	b.expect(Dialed{2, Refused})
	b.Dial(3, netip.MustParseAddrPort("[2001:db8::1]:80"))
	b.expect(Dialed{3, Silent})
}

func TestSockets(t *testing.T) {
	b := start(t)
	host, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	b.OpenSocket(1, netip.MustParseAddrPort(host.LocalAddr().String()))
	b.SendDatagram(1, []byte("hello"))
	buf := make([]byte, 100)
	n, from, err := host.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "hello" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	host.WriteTo([]byte("back"), from)
	b.expect(Datagram{1, []byte("back")})
	b.CloseSocket(1)
	b.OpenSocket(2, netip.MustParseAddrPort("[2001:db8::1]:80"))
	b.expect(SocketFailed{2})
}

// TestDatagramsThatNobodyTakesAreDropped floods a published port.
func TestDatagramsThatNobodyTakesAreDropped(t *testing.T) {
	b := start(t)
	c := b.publish(true)
	for range 3 * maxPosted {
		c.Write([]byte("x"))
	}
	for range maxPosted {
		b.next(ClientDatagram{-1, "lamp", 80, []byte("x")})
	}
	b.quiet()
}

// TestClientsKeepTheirNumbers follows a client of a published port for as long as
// the world keeps it, and while something of it is under way.
func TestClientsKeepTheirNumbers(t *testing.T) {
	b := start(t)
	c := b.publish(true)
	send := func() { c.Write([]byte("x")) }
	is := func(s Socket) ClientDatagram { return ClientDatagram{s, "lamp", 80, []byte("x")} }

	send()
	b.take(is(-1), errors.New("not kept"))
	send()
	b.take(is(-2), nil)
	send()
	b.take(is(-2), nil)
	b.SendDatagram(-2, []byte("hello"))
	buf := make([]byte, 100)
	if n, err := c.Read(buf); string(buf[:n]) != "hello" {
		t.Errorf("the client got %q, %v", buf[:n], err)
	}
	b.CloseSocket(-2)
	send()
	late := b.next(is(-3))
	b.CloseSocket(-3) // before the world has taken it
	send()
	b.take(is(-3), nil)
	late.done("", nil)
	b.CloseSocket(-3)
	if len(b.clients) != 0 {
		t.Errorf("%d clients are left", len(b.clients))
	}
}

// TestCloseEndsEverything has Close wait for whatever is under way, and tell that it
// was the last.
func TestCloseEndsEverything(t *testing.T) {
	b := start(t)
	b.publish(false)
	b.publish(true)
	b.expect(Accepted{-1, "lamp", 80})
	b.Read(-1)
	b.OpenSocket(1, netip.MustParseAddrPort("127.0.0.1:9"))
	b.Dial(1, netip.MustParseAddrPort("192.0.2.1:9"))
	b.Lookup(1, "name.invalid")
	b.Close()
	b.Close()
	for {
		select {
		case got := <-b.told:
			if got.what == (Closed{}) {
				b.quiet()
				return
			}
		default:
			t.Fatal("not told of the end")
		}
	}
}
