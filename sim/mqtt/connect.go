package mqtt

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// tcp is the struct that the layer below needs for a connection. The client gives it
// back when it takes a connection for over: what the layer tells it afterwards goes
// through a null pointer.
type tcp struct {
	held  bool
	block heap.Block
}

func (t *tcp) alloc(d *device.Device) bool {
	if !t.held {
		t.block, t.held = d.Malloc(sizeTCP, heap.Other)
	}
	return t.held
}

func (t *tcp) free(d *device.Device) {
	d.Free(&t.block, heap.Other)
	t.held = false
}

// connect is m:connect(host [, port [, secure]] [, fn] [, fn]).
func (k *client) connect(c *vm.Call) int {
	if k.connected {
		c.Error("already connected")
	}
	k.sending = false
	n, at := c.NArgs(), 2
	host, given := "", false
	if at <= n && c.IsString(at) {
		host, given = c.String(at), true
		at++
	}
	port := defaultPort
	if at <= n && c.IsNumber(at) {
		port = c.Int(at)
		at++
	}
	if at <= n && c.IsNumber(at) {
		k.m.d.Serial.WriteText("Warning, deprecated API! mqtt.connect secure parameter as integer. It will be removed in the future. See documentation for details.\n")
		k.secure = c.Int(at) != 0
		at++
	} else if on, ok := c.Arg(at).(vm.Bool); at <= n && ok {
		k.secure = bool(on)
		at++
	}
	if k.secure && !k.m.d.Build().SSL {
		k.m.Hints.Here("this build has no TLS, and the client remembers that it was asked for: further calls without the argument fail, too. Give false, or build with [firmware] ssl = true")
		c.Error("ssl not available")
	}
	if x := c.Arg(at); x != vm.Nil {
		if _, ok := x.(*vm.Function); !ok {
			k.m.Hints.Here("connect() takes its functions by their place: argument #%d, a %s, stands in that of the connect function, and a function behind it is the one for failures", at-1, c.TypeName(at))
		}
	}
	k.take(c, at, onConnect)
	k.take(c, at+1, onConnfail)

	if !k.tcp.held {
		if !k.tcp.alloc(k.m.d) {
			c.Error("not enough memory")
		}
		if k.conn == nil {
			k.conn = k.m.layer.NewConn(k, k)
		} else {
			k.conn.LocalPort = k.m.layer.Port()
		}
	}
	k.Anchor(c.Arg(1), "mqtt client")
	k.conn.RemotePort = uint16(port)
	k.timer.Disarm()
	if !given {
		k.m.d.Crash("connect() without a host: the firmware looks up a name that is anywhere in memory")
		return 0
	}
	switch ip, err := k.m.layer.Resolve(host, func(ip netip.Addr, ok bool) { k.found(host, ip, ok) }); err {
	case espconn.OK:
		k.found(host, ip, true)
	case espconn.ErrInProgress:
	case espconn.ErrMem:
		k.fail(failDNS, inspect.ManyNames)
	default:
		k.fail(failDNS, inspect.NoName, host)
	}
	return 0
}

// found is the end of a look-up.
func (k *client) found(host string, ip netip.Addr, ok bool) {
	if k.Dead {
		k.dangling()
		return
	}
	if !ok || ip.IsUnspecified() {
		k.fail(failDNS, inspect.NoName, host)
		k.over()
		return
	}
	if !k.tcp.held {
		k.dangling()
		return
	}
	k.conn.RemoteIP = ip
	k.conn.Secure = k.secure
	k.phase = idle
	if err := k.conn.Connect(); err != espconn.OK {
		k.fail(failDNS, inspect.NoConnection, err)
		k.over()
	}
}

// dangling is an event of a connection whose struct the client has given back.
func (k *client) dangling() {
	k.m.d.Crash("%s: something happened on a connection that the firmware has given up already: connect() was called within connfail, or again while it was connecting. Connect from a timer, once: connfail and offline, which comes behind it, must start the same one", k)
}

// send gives the layer one packet. It reports false when that did not take it.
func (k *client) send(data []byte) bool { return k.conn.Send(data) == espconn.OK }

func (k *client) disconnect() { k.conn.Disconnect() }

// Connected implements espconn.Handler: CONNECT goes out, before anything that is queued.
func (k *client) Connected(*espconn.Conn) {
	if k.Dead || !k.tcp.held {
		k.dangling()
		return
	}
	k.connected = true
	packet := connect(k.connectInfo())
	k.unsent = ""
	if packet == nil {
		k.unsent = inspect.NoConnect
	}
	k.send(packet)
	k.sending = true
	k.armSending()
	k.phase = connectSending
}

// Received implements espconn.Handler.
func (k *client) Received(_ *espconn.Conn, data []byte) {
	if k.Dead {
		k.dangling()
		return
	}
	k.received(data)
}

// Sent implements espconn.Handler.
func (k *client) Sent(*espconn.Conn) {
	if k.Dead {
		k.dangling()
		return
	}
	k.sent()
}

// Disconnected implements espconn.Handler.
func (k *client) Disconnected(*espconn.Conn) {
	if k.Dead || !k.tcp.held {
		k.dangling()
		return
	}
	k.over()
}

// Failed implements espconn.Handler.
func (k *client) Failed(c *espconn.Conn, err espconn.Err) {
	if k.Dead || !k.tcp.held {
		k.dangling()
		return
	}
	k.timer.Disarm()
	k.fail(failServer, c.Cause(err))
	k.over()
}

// over drops what belongs to a connection, and tells that it is over if TCP was there.
// The anchor goes before the handler, which may connect again.
func (k *client) over() {
	d := k.m.d
	k.timer.Disarm()
	k.out.clear(d)
	k.in.reset(d)
	k.tcp.free(d)
	if !k.connected {
		k.Release()
		return
	}
	k.connected = false
	fn := k.handlers[onOffline]
	if fn == 0 || !k.Anchored() {
		k.Release()
		return
	}
	self := k.Value()
	k.Release()
	k.m.Callback(events[onOffline], k.m.v.Deref(fn), self)
}
