package luatest

import (
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Ports of the tests' hosts that the device calls: sim.listen.

// listener is a port of a host of the test that the device can call.
type listener struct {
	r        *run
	host     *peer.Host
	tcp      *peer.Listener
	port     uint16
	waiting  []*conn
	accepted int
	changed  changes
	secure   *securePort   // nil: no TLS
	answer   func(k *conn) // nil: connections wait for :accept
	requests []any
	kept     int // bytes of their bodies
	told     int // how many of them :expect is done with
}

// listen is sim.listen([ip or name,] port [, {tls = …}]).
func (r *run) listen(c *vm.Call) int {
	r.room(c)
	at := 2
	if _, isTable := c.Arg(2).(*vm.Table); c.NArgs() == 1 || isTable {
		at = 1
	}
	port := portArg(c, at)
	o := optionsOf(c, at+1, "sim.listen", "tls")
	var host *peer.Host
	var name string
	if at == 1 {
		host, name = r.hostAt(c, 1, "")
	} else {
		host, name = r.where(c, 1)
	}
	l := &listener{r: r, host: host, port: port}
	l.secure = r.secureOf(o, name, &l.changed)
	tcp, err := host.Listen(port, func(tcp *peer.Conn) {
		if len(l.waiting) >= waitingLimit {
			tcp.Abort()
			return
		}
		l.secure.take(r.newConn(tcp), func(k *conn) {
			l.accepted++
			if l.answer != nil {
				l.answer(k)
				return
			}
			l.waiting = append(l.waiting, k)
			l.changed.tell()
		})
	})
	if err != nil {
		c.Error("sim.listen: port %d of %v is in use: close the listener that has it", port, host.Addr())
	}
	l.tcp = tcp
	r.openedSecure(l.secure)
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
				w.fail("the device has not called %v, port %d, within %s (%d connections before%s)", l.host.Addr(), l.port, w.passed(), l.accepted, l.secure.last())
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
	t.Methods = append(t.Methods, r.secureFuncs(func(c *vm.Call) *securePort { return c.Object(1, t).(*listener).secure })...)
	method("accepted", func(c *vm.Call, l *listener) int { return c.ReturnInt(l.accepted) })
	method("address", func(c *vm.Call, l *listener) int { return returns(c, l.host.Addr().String(), int(l.port)) })
	method("close", func(c *vm.Call, l *listener) int {
		l.tcp.Close()
		return 0
	})
	return t
}
