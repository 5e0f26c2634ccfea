package luatest

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/gateway"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Peers of the device on its network: sim.connect, sim.listen, sim.udp, sim.dns.

// inboxLimit is how much a connection holds that no test has read; then it stops reading,
// so that the window closes. waitingLimit is how many connections wait for :accept, and
// datagrams for :receive.
const (
	inboxLimit   = 64 << 10
	waitingLimit = 256
)

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
	v := r.d.VM
	if v == nil {
		return -1, nil, ""
	}
	lib, _ := v.RawGetString(v.ROMGlobals(), "string").(*vm.Table)
	if lib == nil {
		return -1, nil, "the firmware has no string.find, which patterns are looked for with"
	}
	results, err := r.d.CallProtected("sim: a pattern", v.RawGetString(lib, "find"), 2+maxCaptures, vm.String(text), vm.String(pattern))
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
		switch err {
		case nil:
			k.end("the connection is closed")
		case lwip.ErrReset:
			k.end("the device has reset the connection")
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

// host is the tests' own host in a network: it has the last address there that is free.
func (r *run) host(near netip.Prefix) (*peer.Host, error) {
	network := near.Masked()
	if h := r.sim.hosts[network]; h != nil {
		return h, nil
	}
	addr, err := r.free(network)
	if err != nil {
		return nil, err
	}
	h := r.newHost(netip.PrefixFrom(addr, network.Bits()))
	r.sim.hosts[network] = h
	return h, nil
}

func (r *run) newHost(p netip.Prefix) *peer.Host {
	name := "test"
	if r.sim.peers++; r.sim.peers > 1 {
		name = fmt.Sprintf("test-%d", r.sim.peers)
	}
	return peer.New(r.app.World.Wire, name, p)
}

// free is an address of a network that nobody has, looked for from its end: the router
// gives them out from the beginning.
func (r *run) free(network netip.Prefix) (netip.Addr, error) {
	last := network.Masked().Addr().As4()
	for bit := network.Bits(); bit < 32; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	const most = 100
	addr := netip.AddrFrom4(last).Prev()
	for range most {
		if !network.Contains(addr) || addr == network.Masked().Addr() {
			break
		}
		if addr != r.app.World.Air.RouterPrefix().Addr() && r.owner(addr) == "" {
			return addr, nil
		}
		addr = addr.Prev()
	}
	return netip.Addr{}, fmt.Errorf("no address of the network %v is free for a host of the test", network)
}

// owner is who has an address, "" where nobody has.
func (r *run) owner(addr netip.Addr) string {
	if nic := r.app.World.Wire.Owner(addr); nic != nil && nic.Prefix().Addr() == addr {
		return nic.Name
	}
	return ""
}

// maxHosts is how many addresses tests can have.
const maxHosts = 1000

// place is the host with an address, made where there is none.
func (r *run) place(c *vm.Call, addr netip.Addr) *peer.Host {
	router := r.app.World.Air.RouterPrefix()
	prefix := netip.PrefixFrom(addr, 0) // anywhere: it answers without a router
	if router.Contains(addr) {
		prefix = netip.PrefixFrom(addr, router.Bits())
	}
	for _, h := range r.sim.hosts {
		if h.Addr() == addr {
			return h
		}
	}
	key := netip.PrefixFrom(addr, 32)
	switch {
	case addr == router.Addr():
		c.Error("%v is the router's address: take another one of %v", addr, router.Masked())
	case r.owner(addr) != "":
		c.Error("%v is %s's address: take one that nobody has", addr, r.owner(addr))
	case addr.IsMulticast() || addr.IsUnspecified() || addr.IsLoopback():
		c.Error("%v is no address that a host can have", addr)
	}
	if len(r.sim.hosts) >= maxHosts {
		c.Error("the test has %d hosts: that is all there can be", maxHosts)
	}
	h := r.newHost(prefix)
	r.sim.hosts[key] = h
	return h
}

// where is argument n, an address or a name; absent: any free address.
func (r *run) where(c *vm.Call, n int) (*peer.Host, string) {
	if c.IsNoneOrNil(n) {
		h, err := r.host(r.app.World.Air.RouterPrefix())
		if err != nil {
			c.Error("%v", err)
		}
		return h, h.Addr().String()
	}
	text := c.String(n)
	if addr, ok := addressOf(text); ok {
		return r.place(c, addr), text
	}
	name := hostname(c, n, text)
	addr, known := r.sim.names[name]
	if !known {
		addr = r.nextOutside(c)
		r.name(name, addr)
	}
	return r.place(c, addr), name
}

// outside is where names are given addresses that have none (RFC 5737, TEST-NET-2).
var outside = netip.MustParsePrefix("198.51.100.0/24")

func (r *run) nextOutside(c *vm.Call) netip.Addr {
	if !r.sim.outside.IsValid() {
		r.sim.outside = outside.Addr()
	}
	next := r.sim.outside.Next()
	if !outside.Contains(next.Next()) {
		c.Error("%v has no more addresses for names: say which they have with sim.dns", outside)
	}
	r.sim.outside = next
	return next
}

// hostname checks a name of a host.
func hostname(c *vm.Call, n int, text string) string {
	name := strings.ToLower(strings.TrimSuffix(text, "."))
	if name == "" || len(name) > 253 || strings.ContainsAny(name, " /:\x00") {
		c.ArgError(n, fmt.Sprintf("%q is neither an IPv4 address nor a host's name", text))
	}
	return name
}

func (r *run) name(name string, addr netip.Addr) {
	r.sim.names[name] = addr
	r.app.World.Give(gateway.Name, gateway.SetName{Name: name, Addr: addr})
}

// simNet has sim.connect, sim.listen, sim.udp and sim.dns.
func (r *run) simNet() []vm.Func {
	return []vm.Func{
		{Name: "connect", Fn: func(c *vm.Call) int {
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
		}},
		{Name: "listen", Fn: r.listen},
		{Name: "udp", Fn: r.openUDP},
		{Name: "dns", Fn: func(c *vm.Call) int {
			for _, p := range pairsOf(c, c.Table(1), "sim.dns takes names and addresses, as in sim.dns{[\"example.com\"] = \"192.168.1.9\"}") {
				addr, ok := addressOf(p[1])
				if !ok {
					c.Error("sim.dns: %q has %q, which is no IPv4 address", p[0], p[1])
				}
				r.name(hostname(c, 1, p[0]), addr)
			}
			return 0
		}},
	}
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
	method("http", func(c *vm.Call, k *conn) int { return r.httpOn(c, k) })
	return t
}

// listener is a port of a host of the test that the device can call.
type listener struct {
	r        *run
	host     *peer.Host
	tcp      *peer.Listener
	port     uint16
	waiting  []*conn
	accepted int
	changed  changes
	answer   func(k *conn) // nil: connections wait for :accept
	requests []any
	kept     int // bytes of their bodies
	told     int // how many of them :expect is done with
}

// listen is sim.listen([ip or name], port).
func (r *run) listen(c *vm.Call) int {
	r.room(c)
	at := 2
	if c.NArgs() == 1 {
		at = 1
	}
	port := portArg(c, at)
	var host *peer.Host
	if at == 1 {
		host, _ = r.where(c, 3)
	} else {
		host, _ = r.where(c, 1)
	}
	l := &listener{r: r, host: host, port: port}
	tcp, err := host.Listen(port, func(tcp *peer.Conn) {
		if len(l.waiting) >= waitingLimit {
			tcp.Abort()
			return
		}
		k := r.newConn(tcp)
		k.up = true
		l.accepted++
		if l.answer != nil {
			l.answer(k)
			return
		}
		l.waiting = append(l.waiting, k)
		l.changed.tell()
	})
	if err != nil {
		c.Error("sim.listen: port %d of %v is in use: close the listener that has it", port, host.Addr())
	}
	l.tcp = tcp
	r.sim.opened(tcp.Close)
	return returns(c, object{r.sim.types.listener, l})
}

// listenerType is sim.listener.
func (r *run) listenerType() *vm.Type {
	t := &vm.Type{Name: "sim.listener"}
	method := func(name string, fn func(c *vm.Call, l *listener) int) {
		t.Methods = append(t.Methods, vm.Func{Name: name, Fn: func(c *vm.Call) int { return fn(c, c.Object(1, t).(*listener)) }})
	}
	method("accept", func(c *vm.Call, l *listener) int {
		return r.await(c, timeout(c, 2), func(w *waiter) {
			w.late = func() {
				w.fail("the device has not called %v, port %d, within %s (%d connections before)", l.host.Addr(), l.port, w.passed(), l.accepted)
			}
			l.changed.add(w, func() {
				if len(l.waiting) > 0 {
					k := l.waiting[0]
					l.waiting = l.waiting[1:]
					w.values(object{r.sim.types.conn, k})
				}
			})
		})
	})
	method("respond", func(c *vm.Call, l *listener) int { return r.respond(c, l) })
	method("requests", func(c *vm.Call, l *listener) int { return returns(c, l.requests) })
	method("expect", func(c *vm.Call, l *listener) int { return r.expectRequest(c, l) })
	method("accepted", func(c *vm.Call, l *listener) int { return c.ReturnInt(l.accepted) })
	method("address", func(c *vm.Call, l *listener) int { return returns(c, l.host.Addr().String(), int(l.port)) })
	method("close", func(c *vm.Call, l *listener) int {
		l.tcp.Close()
		return 0
	})
	return t
}

// udp is a UDP socket of a host of the test.
type udp struct {
	host    *peer.Host
	socket  *peer.UDP
	closed  bool
	in      []datagram
	lost    int
	changed changes
}

type datagram struct {
	data []byte
	from netip.AddrPort
}

// openUDP is sim.udp([ip or name [, port]]).
func (r *run) openUDP(c *vm.Call) int {
	r.room(c)
	port := 0
	if !c.IsNoneOrNil(2) {
		port = whole(c, 2, 1, 65535, "a port")
	}
	host, _ := r.where(c, 1)
	socket, err := host.ListenUDP(uint16(port))
	if err != nil {
		c.Error("sim.udp: port %d of %v is in use: close the socket that has it", port, host.Addr())
	}
	u := &udp{host: host, socket: socket}
	r.sim.opened(u.close)
	socket.OnData = func(data []byte, from netip.AddrPort) {
		if len(u.in) >= waitingLimit {
			u.lost++
			return
		}
		u.in = append(u.in, datagram{bytes.Clone(data), from})
		u.changed.tell()
	}
	return returns(c, object{r.sim.types.udp, u})
}

// maxDatagram is what fits one packet (Ethernet: 1500 bytes, less the headers).
const maxDatagram = 1472

// udpType is sim.udp.
func (r *run) udpType() *vm.Type {
	t := &vm.Type{Name: "sim.udp"}
	method := func(name string, fn func(c *vm.Call, u *udp) int) {
		t.Methods = append(t.Methods, vm.Func{Name: name, Fn: func(c *vm.Call) int { return fn(c, c.Object(1, t).(*udp)) }})
	}
	method("send", func(c *vm.Call, u *udp) int {
		data, port := c.String(2), portArg(c, 3)
		to := netip.Addr{}
		if p, ok := address(r.d); ok {
			to = p.Addr()
		}
		if !c.IsNoneOrNil(4) {
			var ok bool
			if to, ok = addressOf(c.String(4)); !ok {
				c.ArgError(4, "an IPv4 address")
			}
		}
		switch {
		case u.closed:
			c.Error("cannot send: the test has closed the socket")
		case !to.IsValid():
			c.Error("cannot send: the device has no address yet; wait with sim.run_until(function() return wifi.sta.getip() end)")
		case len(data) > maxDatagram:
			c.ArgError(2, fmt.Sprintf("%d bytes are more than the %d of a datagram", len(data), maxDatagram))
		}
		if err := u.socket.SendTo([]byte(data), netip.AddrPortFrom(to, port)); err != nil {
			c.Error("cannot send: %v", err)
		}
		return 0
	})
	method("receive", func(c *vm.Call, u *udp) int {
		return r.await(c, timeout(c, 2), func(w *waiter) {
			w.late = func() {
				w.fail("no datagram has come to %v, port %d, within %s", u.host.Addr(), u.port(), w.passed())
			}
			u.changed.add(w, func() {
				if len(u.in) > 0 {
					d := u.in[0]
					u.in = u.in[1:]
					w.values(d.data, d.from.Addr().String(), int(d.from.Port()))
				}
			})
		})
	})
	method("address", func(c *vm.Call, u *udp) int {
		if u.closed {
			return c.ReturnNil()
		}
		return returns(c, u.host.Addr().String(), int(u.port()))
	})
	method("close", func(c *vm.Call, u *udp) int {
		u.close()
		return 0
	})
	return t
}

func (u *udp) close() {
	if !u.closed {
		u.closed = true
		u.socket.Close()
	}
}

func (u *udp) port() uint16 {
	if u.closed {
		return 0
	}
	return u.socket.Port()
}
