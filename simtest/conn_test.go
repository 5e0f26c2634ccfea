package simtest_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodemcu-sim/nodemcu-sim/simtest"
)

func TestConnections(t *testing.T) {
	d := simtest.Boot(t, "", program(server))
	var c net.Conn
	c, err := d.Dial(7)
	if err != nil {
		t.Fatal(err)
	}
	if c.RemoteAddr().String() != "192.168.1.10:7" || !strings.HasPrefix(c.LocalAddr().String(), "192.168.1.254:") {
		t.Errorf("from %v to %v", c.LocalAddr(), c.RemoteAddr())
	}
	buf := make([]byte, 100)
	fmt.Fprint(c, "hello")
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("read %q, %v", buf[:n], err)
	}

	// A deadline is one of virtual time.
	before := d.Elapsed()
	c.SetReadDeadline(d.Now().Add(3 * time.Second))
	if _, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || !err.(net.Error).Timeout() {
		t.Errorf("read: %v", err)
	}
	if took := d.Elapsed() - before; took != 3*time.Second {
		t.Errorf("the deadline came after %v", took)
	}
	if _, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || d.Elapsed()-before != 3*time.Second {
		t.Errorf("read behind the deadline: %v", err)
	}
	// Without one a read ends after a minute.
	c.SetDeadline(time.Time{})
	if _, err = c.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || d.Elapsed()-before != 63*time.Second {
		t.Errorf("read without a deadline: %v after %v", err, d.Elapsed()-before)
	}

	if _, err := d.Dial(8); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port at which nothing listens: %v", err)
	}
	fmt.Fprint(c, "bye")
	if n, err := c.Read(buf); n > 0 || !errors.Is(err, syscall.ECONNRESET) { // as the firmware does it within a callback
		t.Errorf("after the device's end: %d, %v", n, err)
	}
	c.Close()
	if err := c.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := c.Read(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("read of what is closed: %v", err)
	}
	if _, err := c.Write(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write to what is closed: %v", err)
	}

	u, err := d.DialUDP(7)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(u, "datagram")
	if n, err := u.Read(buf); err != nil || string(buf[:n]) != "DATAGRAM" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	u.SetDeadline(d.Now().Add(time.Second))
	if _, err := u.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	u.Close()
	if _, err := u.Write(buf); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write to what is closed: %v", err)
	}
	for _, port := range []int{0, 70000, -1} {
		if _, err := d.Dial(port); err == nil || !strings.Contains(err.Error(), "there are 1 to 65535") {
			t.Errorf("port %d: %v", port, err)
		}
	}
}

// A device that does not read stops a writer, when its own buffers and those of the desktop
// are full.
func TestWriteWaits(t *testing.T) {
	d := simtest.Boot(t, "", program(`net.createServer(600):listen(7, function(s) s:hold() t = s s:on("receive", function(_, x) n = (n or 0) + #x end) end)`))
	c, err := d.Dial(7)
	if err != nil {
		t.Fatal(err)
	}
	c.SetWriteDeadline(d.Now().Add(5 * time.Second))
	n, err := c.Write(make([]byte, 200_000))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n < 100<<10 || n > 150<<10 {
		t.Errorf("%d bytes, %v", n, err)
	}
	d.Type("t:unhold()\n")
	c.SetWriteDeadline(time.Time{})
	if m, err := c.Write(make([]byte, 200_000-n)); err != nil || m+n != 200_000 {
		t.Errorf("%d bytes more, %v", m, err)
	}
	d.Advance(time.Minute)
	if got := d.Lua("n"); got != "200000" {
		t.Errorf("the device has %s bytes", got)
	}
	c.Abort()
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("a connection that was broken off can be written to")
	}
}

// Functions end with the world, whatever they would do, and what they have deferred runs.
func TestFunctionsEnd(t *testing.T) {
	ended := 0
	f := within(func(t testing.TB) {
		d := simtest.Boot(t, "", program(`
wifi.eventmon.register(wifi.eventmon.STA_GOT_IP, function()
  for port = 1, 2 do net.createConnection():connect(port, "192.168.1.20") end
end)`))
		host := d.Peer("192.168.1.20")
		d.Serve(host, 1, func(c *simtest.Conn) {
			defer func() { ended++ }()
			for {
				d.Advance(time.Second)
			}
		})
		d.Serve(host, 2, func(c *simtest.Conn) {
			defer func() { ended++ }()
			for {
				c.Read(make([]byte, 1)) // whatever its error
				d.Expect("never")
			}
		})
		d.Advance(30 * time.Second)
	})
	if f.failed || ended != 2 {
		t.Errorf("%q, %d have ended", f.messages, ended)
	}
}
