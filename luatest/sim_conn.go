package luatest

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer/secure"
)

// Connections of tests with the device: sim.connect and sim.conn, and what waits to be read
// from them.

// inbox is text that has come and that nobody has read.
type inbox struct {
	data    []byte
	ended   string // why no more comes; "" as long as it may
	changed changes
	took    func() // what has been read
}

// take is the first n bytes, which are then read.
func (b *inbox) take(n int) []byte {
	out := bytes.Clone(b.data[:n])
	b.data = b.data[n:]
	if b.took != nil {
		b.took()
	}
	return out
}

// magic are the characters that make a text a pattern.
const magic = "^$*+?.([%-"

// expect waits for a text, or where there is no such text for a match of it as a pattern,
// and gives all up to its end, with the pattern's captures.
func (r *run) expect(c *vm.Call, b *inbox, want, from string, limit clock.Duration) int {
	return r.await(c, limit, func(w *waiter) {
		w.late = func() {
			w.failCompared(fmt.Sprintf("%q", want), quoted(b.data), "expected %q %s within %s, came %s", want, from, w.passed(), quoted(b.data))
		}
		ended := func() {
			if b.ended != "" {
				w.failCompared(fmt.Sprintf("%q", want), quoted(b.data), "expected %q %s, came %s, and no more comes: %s", want, from, quoted(b.data), b.ended)
			}
		}
		matching := false
		look := func() {
			if i := bytes.Index(b.data, []byte(want)); i >= 0 {
				w.values(b.take(i + len(want)))
				return
			}
			switch {
			case !strings.ContainsAny(want, magic):
				ended()
			case !matching:
				matching = true
				r.work(func() {
					matching = false
					if w.over {
						return
					}
					n := len(b.data)
					end, captures, err := r.find(string(b.data), want)
					switch {
					case err != "":
						w.broken(err)
					case end >= 0:
						w.values(append([]any{b.take(end)}, captures...)...)
					case n == len(b.data):
						ended()
					}
				})
			}
		}
		b.changed.add(w, look)
	})
}

// maxCaptures is how many captures of a pattern are returned.
const maxCaptures = 16

// find is string.find on the device, which counts the steps that a pattern takes. end is
// -1 where nothing matches.
func (r *run) find(text, pattern string) (end int, captures []any, problem string) {
	v := r.lua()
	if v == nil {
		return -1, nil, ""
	}
	lib, _ := v.RawGetString(v.ROMGlobals(), "string").(*vm.Table)
	if lib == nil {
		return -1, nil, "the firmware has no string.find, which patterns are looked for with"
	}
	results, err := r.call("sim: a pattern", v.RawGetString(lib, "find"), 2+maxCaptures, vm.String(text), vm.String(pattern))
	if err != nil {
		return -1, nil, fmt.Sprintf("the pattern %q: %s", pattern, err.Message())
	}
	if len(results) < 2 || results[1] == vm.Nil {
		return -1, nil, ""
	}
	for _, x := range results[2:] {
		switch x := x.(type) {
		case vm.String:
			captures = append(captures, string(x))
		case vm.Number:
			captures = append(captures, float64(x))
		}
	}
	n, _ := results[1].(vm.Number)
	return int(n), captures, ""
}

// conn is a TCP connection of a test with the device.
type conn struct {
	r      *run
	tcp    *peer.Conn
	in     inbox
	closed bool // from this side
	over   bool
	paused bool
	held   bool
	limit  int // of what is not read
	joined changes
	up     bool
	client string // the name in its certificate, with TLS
}

// newConn takes a connection; what comes is kept from now on.
func (r *run) newConn(tcp *peer.Conn) *conn {
	k := &conn{r: r, tcp: tcp, limit: inboxLimit}
	k.in.took = k.hold
	r.sim.opened(tcp.Abort)
	tcp.OnConnect = func() {
		k.up = true
		k.joined.tell()
	}
	tcp.OnData = func(data []byte) {
		k.in.data = append(k.in.data, data...)
		k.hold()
		k.in.changed.tell()
	}
	tcp.OnEnd = func() { k.end("the device has closed the connection") }
	tcp.OnClose = func(err error) {
		k.over = true
		var ended secure.Error
		switch {
		case err == nil:
			k.end("the connection is closed")
		case err == lwip.ErrReset:
			k.end("the device has reset the connection")
		case errors.As(err, &ended):
			k.end(string(ended))
		default:
			k.end("the connection was given up: " + err.Error())
		}
	}
	return k
}

// hold closes the window while too much is not read, or the test wants it.
func (k *conn) hold() {
	if held := k.paused || len(k.in.data) >= k.limit; held != k.held {
		k.held = held
		k.tcp.Hold(held)
	}
}

func (k *conn) end(why string) {
	if k.in.ended == "" {
		k.in.ended = why
	}
	k.in.changed.tell()
	k.joined.tell()
}

// connect gives a connection to a port of the device when it is established. done is given
// what came of it: no connection, and why.
func (r *run) connect(w *waiter, port uint16, done func(k *conn, why string)) {
	late := w.late
	w.late = func() {
		if p, ok := address(r.d); ok {
			done(nil, fmt.Sprintf("no answer from port %d of the device (%v) within %s", port, p.Addr(), w.passed()))
		} else {
			done(nil, fmt.Sprintf("the device has had no address for %s: it is in no Wi-Fi network (see wifi.sta.config, [wifi] of nodemcu-sim.toml)", w.passed()))
		}
	}
	var try func()
	try = func() {
		if w.over {
			return
		}
		p, ok := address(r.d)
		if !ok {
			r.app.World.Clock.After(clock.Millisecond, try)
			return
		}
		h, err := r.host(p)
		if err != nil {
			done(nil, err.Error())
			return
		}
		tcp, err := h.Dial(netip.AddrPortFrom(p.Addr(), port))
		if err != nil {
			done(nil, err.Error())
			return
		}
		k := r.newConn(tcp)
		give := w.late
		w.late = func() { tcp.Abort(); give() }
		k.joined.add(w, func() {
			switch {
			case k.up:
				w.late = late
				k.joined.list = nil
				done(k, "")
			case k.in.ended == "the device has reset the connection":
				done(nil, fmt.Sprintf("the device (%v) refuses connections to port %d: nobody listens there, or all its connections are in use", p.Addr(), port))
			case k.in.ended != "":
				done(nil, fmt.Sprintf("port %d of the device (%v): %s", port, p.Addr(), k.in.ended))
			}
		})
	}
	try()
}

// simConnect is sim.connect(port [, timeout]) and sim.connect{…}.
func (r *run) simConnect(c *vm.Call) int {
	port, limit, try := uint16(0), clock.Duration(0), false
	if _, ok := c.Arg(1).(*vm.Table); ok {
		o := optionsOf(c, 1, "sim.connect", "port", "timeout", "try")
		port, limit, try = uint16(o.whole("port", 1, 65535, 0)), o.timeout(), o.flag("try")
		if port == 0 {
			c.Error("sim.connect: say which port of the device, as in sim.connect{port = 80}")
		}
	} else {
		port, limit = portArg(c, 1), timeout(c, 2)
	}
	r.room(c)
	return r.await(c, limit, func(w *waiter) {
		r.connect(w, port, func(k *conn, why string) {
			switch {
			case k != nil:
				w.values(object{r.sim.types.conn, k})
			case try:
				w.values(nil, why)
			default:
				w.fail("sim.connect: %s", why)
			}
		})
	})
}

// connType is sim.conn, a connection.
func (r *run) connType() *vm.Type {
	t := &vm.Type{Name: "sim.conn"}
	method := func(name string, fn func(c *vm.Call, k *conn) int) {
		t.Methods = append(t.Methods, vm.Func{Name: name, Fn: func(c *vm.Call) int { return fn(c, c.Object(1, t).(*conn)) }})
	}
	method("send", func(c *vm.Call, k *conn) int {
		if _, err := k.tcp.Write([]byte(c.String(2))); err != nil {
			why := k.in.ended
			if k.closed {
				why = "the test has closed the connection"
			}
			c.Error("cannot send: %s", why)
		}
		c.SetTop(1)
		c.PushCopy(1)
		return 1
	})
	method("expect", func(c *vm.Call, k *conn) int {
		return r.expect(c, &k.in, c.String(2), "from the device", timeout(c, 3))
	})
	method("read", func(c *vm.Call, k *conn) int {
		if c.IsNoneOrNil(2) { // what there is
			return c.ReturnString(string(k.in.take(len(k.in.data))))
		}
		n := whole(c, 2, 1, inboxLimit, "a number of bytes")
		return r.await(c, timeout(c, 3), func(w *waiter) {
			w.late = func() {
				w.fail("expected %d bytes from the device within %s, came %d: %s", n, w.passed(), len(k.in.data), quoted(k.in.data))
			}
			k.in.changed.add(w, func() {
				switch {
				case len(k.in.data) >= n:
					w.values(k.in.take(n))
				case k.in.ended != "":
					w.fail("expected %d bytes from the device, came %d: %s; %s", n, len(k.in.data), quoted(k.in.data), k.in.ended)
				}
			})
		})
	})
	method("line", func(c *vm.Call, k *conn) int {
		return r.await(c, timeout(c, 2), func(w *waiter) {
			w.late = func() { w.fail("expected a line from the device within %s, came %s", w.passed(), quoted(k.in.data)) }
			k.in.changed.add(w, func() {
				if i := bytes.IndexByte(k.in.data, '\n'); i >= 0 {
					w.values(bytes.TrimSuffix(bytes.TrimSuffix(k.in.take(i+1), []byte("\n")), []byte("\r")))
				} else if k.in.ended != "" {
					w.fail("expected a line from the device, came %s; %s", quoted(k.in.data), k.in.ended)
				}
			})
		})
	})
	method("close", func(c *vm.Call, k *conn) int {
		k.closed = true
		k.tcp.Close()
		return 0
	})
	method("reset", func(c *vm.Call, k *conn) int {
		k.closed, k.over = true, true
		k.tcp.Abort()
		k.end("the test has reset the connection")
		return 0
	})
	method("pause", func(c *vm.Call, k *conn) int {
		k.paused = true
		k.hold()
		return 0
	})
	method("resume", func(c *vm.Call, k *conn) int {
		k.paused = false
		k.hold()
		return 0
	})
	// closed(): why nothing more comes, or false. closed(timeout) waits for it.
	method("closed", func(c *vm.Call, k *conn) int {
		if c.IsNoneOrNil(2) {
			if k.in.ended == "" {
				return c.ReturnBool(false)
			}
			return c.ReturnString(k.in.ended)
		}
		return r.await(c, timeout(c, 2), func(w *waiter) {
			w.late = func() {
				w.fail("the device has not closed the connection within %s; not read is %s", w.passed(), quoted(k.in.data))
			}
			k.in.changed.add(w, func() {
				if k.in.ended != "" {
					w.values(k.in.ended)
				}
			})
		})
	})
	method("address", func(c *vm.Call, k *conn) int {
		if a := k.tcp.Local(); a.IsValid() {
			return returns(c, a.Addr().String(), int(a.Port()))
		}
		return c.ReturnNil()
	})
	method("client", func(c *vm.Call, k *conn) int {
		if k.client == "" {
			return c.ReturnNil()
		}
		return c.ReturnString(k.client)
	})
	method("http", func(c *vm.Call, k *conn) int { return r.httpOn(c, k) })
	return t
}
