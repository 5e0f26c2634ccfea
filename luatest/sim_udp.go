package luatest

import (
	"bytes"
	"fmt"
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/peer"
)

// Datagrams: sim.udp.

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
	// receive([timeout]) and receive{timeout = …, try = …}.
	method("receive", func(c *vm.Call, u *udp) int {
		limit, try := defaultWait, false
		if _, ok := c.Arg(2).(*vm.Table); ok {
			o := optionsOf(c, 2, "udp:receive", "timeout", "try")
			limit, try = o.timeout(), o.flag("try")
		} else {
			limit = timeout(c, 2)
		}
		return r.await(c, limit, func(w *waiter) {
			w.late = func() {
				why := fmt.Sprintf("no datagram has come to %v, port %d, within %s", u.host.Addr(), u.port(), w.passed())
				if try {
					w.values(nil, why)
				} else {
					w.fail("%s", why)
				}
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
