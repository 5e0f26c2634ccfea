package net

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/event"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// Module is the firmware module `net`.
var Module = device.Module{Name: "net", Open: open}

// sizeUserdata is the size of the objects' struct in bytes (oracle:
// net-constants.json sizeof_lnet_userdata).
const sizeUserdata = 44

// module is what the module knows in one boot of a device.
type module struct {
	d     *device.Device
	v     *vm.VM
	stack *lwip.Stack

	// call is the call from Lua that is running, if any. Callbacks of the stack
	// that happen within it belong to it: their errors go to its caller.
	call   *vm.Call
	nextID int
	hinted map[string]bool
	ping   *ping
}

func open(d *device.Device) *device.Lib {
	m := &module{d: d, v: d.VM, stack: d.Net.Stack(), hinted: map[string]bool{}}
	m.stack.OnLoss = m.loss
	d.OnSnapshot(m.snapshot)
	d.Inspect.OnHeapSnapshot(m.heapParts)
	d.Inspect.OnEnded(m.endedWith)
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "createServer", Fn: m.enter(m.createServer)},
			{Name: "createConnection", Fn: m.enter(m.createConnection)},
			{Name: "createUDPSocket", Fn: m.enter(m.createUDPSocket)},
			{Name: "ifinfo", Fn: m.enter(m.ifinfo)},
			{Name: "ping", Fn: m.enter(m.startPing)},
			{Name: "multicastJoin", Fn: m.enter(m.multicastJoin)},
			{Name: "multicastLeave", Fn: m.enter(m.multicastLeave)},
		},
		Types: []*vm.Type{serverType, socketType, udpType},
		Consts: []vm.Const{
			{Name: "TCP", Value: vm.Number(1)},
			{Name: "UDP", Value: vm.Number(2)},
			{Name: "dns", Value: d.VM.NewROMTable("net.dns", []vm.Func{
				{Name: "resolve", Fn: m.enter(m.resolve)},
				{Name: "setdnsserver", Fn: m.enter(m.setDNSServer)},
				{Name: "getdnsserver", Fn: m.enter(m.getDNSServer)},
			}, nil)},
		},
		Close: func() {
			if m.ping != nil {
				m.ping.stop()
			}
		},
	}
}

// enter notes the running call around a function of the module.
func (m *module) enter(fn func(*vm.Call) int) func(*vm.Call) int {
	return func(c *vm.Call) int {
		outer := m.call
		m.call = c
		defer func() { m.call = outer }()
		return fn(c)
	}
}

// method makes a method of the functions for the types of object that have it.
// The three types share the firmware's functions: which one runs follows from the
// object, not from where the program has got the method.
func method(srv func(*server, *vm.Call) int, tcp, udp func(*socket, *vm.Call) int) func(*vm.Call) int {
	return func(c *vm.Call) int {
		if s, ok := c.TestObject(1, serverType).(*server); ok && srv != nil {
			return s.m.enter(func(c *vm.Call) int { return srv(s, c) })(c)
		}
		if s, ok := c.TestObject(1, socketType).(*socket); ok && tcp != nil {
			return s.m.enter(func(c *vm.Call) int { return tcp(s, c) })(c)
		}
		if s, ok := c.TestObject(1, udpType).(*socket); ok && udp != nil {
			return s.m.enter(func(c *vm.Call) int { return udp(s, c) })(c)
		}
		c.Error("invalid user data")
		return 0
	}
}

// callback calls a Lua function from the stack: unprotected, so that an error is
// a panic of the device and this does not return; but within a call from Lua an
// error goes to whoever made that call.
func (m *module) callback(what string, ref vm.Ref, args ...vm.Value) {
	m.invoke(what, m.v.Deref(ref), args...)
}

// invoke is callback for a function instead of a reference to one.
func (m *module) invoke(what string, fn vm.Value, args ...vm.Value) {
	if m.call == nil {
		m.d.RunUnprotected(what, fn, args...)
		return
	}
	m.call.Invoke(fn, 0, args...)
}

// raise raises the error of a failed call into the stack.
func raise(c *vm.Call, err lwip.Err) { c.Error("%s", err.Error()) }

// object is what servers, sockets and UDP sockets have in common.
type object struct {
	m    *module
	id   int
	self vm.Ref // the anchor: keeps the object alive without Lua's help
	born clock.Time
	site string // where the program made it
	dead bool   // finalized: the stack may still have callbacks of it

	endedAt clock.Time // when it lost its anchor, 0 while it has one
}

func (m *module) newObject() object {
	m.nextID++
	return object{m: m, id: m.nextID, born: m.d.Now(), site: m.v.Where()}
}

// anchor makes the object, which is argument 1 of the call, live on its own. It
// reports whether it did not before.
func (o *object) anchor(c *vm.Call, kind string) bool {
	if o.self != 0 {
		return false
	}
	o.self = o.m.v.Ref(c.Arg(1), fmt.Sprintf("%s %d", kind, o.id))
	o.endedAt = 0
	return true
}

func (o *object) release() {
	if o.self != 0 {
		o.endedAt = o.m.d.Now()
	}
	o.m.v.Unref(&o.self)
}

// state tells the event stream about a socket.
func (o *object) state(state string, local, remote netip.AddrPort) {
	d := event.Socket{ID: o.id, State: state}
	if local.IsValid() && local.Port() != 0 {
		d.Local = local.String()
	}
	if remote.IsValid() && remote.Port() != 0 {
		d.Remote = remote.String()
	}
	o.m.d.Emit(d)
}

// hint tells the user, once per place in the program, that the program has met a
// rule of the firmware that loses something.
func (m *module) hint(format string, args ...any) {
	where := m.v.Where()
	if key := where + "\x00" + format; !m.hinted[key] {
		m.hinted[key] = true
		m.d.Emit(event.Hint{Text: fmt.Sprintf(format, args...), Where: where})
	}
}

// loss is a hint from the stack.
func (m *module) loss(owner any, kind lwip.Loss, what string) {
	m.hintOnce(fmt.Sprintf("loss %d", kind), "%s: %s", nameOf(owner), what)
}

// hintOnce is a hint about something that no place in the program can be named
// for; it is given once per boot and kind.
func (m *module) hintOnce(kind, format string, args ...any) {
	if !m.hinted[kind] {
		m.hinted[kind] = true
		m.d.Emit(event.Hint{Text: fmt.Sprintf(format, args...)})
	}
}

func nameOf(owner any) string {
	switch o := owner.(type) {
	case *socket:
		return fmt.Sprintf("socket %d", o.id)
	case *server:
		return fmt.Sprintf("server %d", o.id)
	}
	return "a connection"
}

// function returns argument n as a callback, or nil when it is no function.
func function(c *vm.Call, n int) *vm.Function {
	f, _ := c.Arg(n).(*vm.Function)
	return f
}

// cString is what C sees of a Lua string: it ends at the first zero byte.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// addrText is the address as getaddr, dns and the like return it.
func addrText(a netip.Addr) vm.String {
	if !a.IsValid() {
		return "0.0.0.0"
	}
	return vm.String(a.String())
}

// newString makes a string for a callback, which takes memory unless an equal one
// exists.
func (m *module) newString(s string) vm.String {
	m.v.Intern(s)
	return vm.String(s)
}

// pushAddr returns a port and an address, or two nils for port 0.
func pushAddr(c *vm.Call, a netip.AddrPort) int {
	if a.Port() == 0 {
		return c.Return(vm.Nil, vm.Nil)
	}
	return c.Return(vm.Number(a.Port()), addrText(a.Addr()))
}

// snapshot adds the device's sockets to a snapshot.
func (m *module) snapshot(s *device.Snapshot) {
	for _, c := range m.stack.Netstat() {
		line := device.SocketSnapshot{
			Proto: c.Proto.String(), State: c.State, Local: c.Local.String(),
			Queued: c.Queued, Unacked: c.UnackedBytes, Segments: c.Unsent + c.Unacked, Window: c.SendWindow,
			Held:    c.Unread > 0,
			RxBytes: int64(c.RxBytes), TxBytes: int64(c.TxBytes),
			Retransmits: c.Resent,
		}
		if c.Remote.Port() != 0 {
			line.Remote = c.Remote.String()
		}
		switch o := c.Owner.(type) {
		case *socket:
			line.ID, line.Age, line.Handlers, line.Site = o.id, s.Time.Sub(o.born), o.handlers(), o.site
		case *server:
			line.ID, line.Age, line.Site = o.id, s.Time.Sub(o.born), o.site
		case nil:
			if c.Proto == wire.UDP {
				continue // the DNS client's
			}
		}
		s.Sockets = append(s.Sockets, line)
	}
}
