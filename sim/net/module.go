package net

import (
	"net/netip"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Module is the firmware module `net`.
var Module = device.Module{Name: "net", Open: open}

// The constants net.TCP and net.UDP.
const (
	typeTCP = 1
	typeUDP = 2
)

// sizeUserdata is the size of the objects' struct in bytes (oracle:
// net-constants.json sizeof_lnet_userdata).
const sizeUserdata = 44

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d *device.Device
	v *vm.VM
	// legacy: the build has what programs older than release 3.0 call; see legacy.go.
	legacy bool
	// series of echo requests that are under way, and the number of the last request
	pings    []*ping
	pingSeq  uint16
	pingSeen uint16 // of the last answer
}

func open(d *device.Device) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, legacy: d.Build().Legacy}
	if m.legacy {
		m.v.AddMethods(udpType, connectUDP)
	}
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "createServer", Fn: m.Enter(m.createServer)},
			{Name: "createConnection", Fn: m.Enter(m.createConnection)},
			{Name: "createUDPSocket", Fn: m.Enter(m.createUDPSocket)},
			{Name: "ifinfo", Fn: m.Enter(m.ifinfo)},
			{Name: "multicastJoin", Fn: m.Enter(m.multicastJoin)},
			{Name: "multicastLeave", Fn: m.Enter(m.multicastLeave)},
			{Name: "ping", Fn: m.Enter(m.startPing)},
		},
		Types: []*vm.Type{serverType, socketType, udpType},
		Consts: []vm.Const{
			{Name: "dns", Value: d.VM.NewROMTable("net.dns", []vm.Func{
				{Name: "setdnsserver", Fn: m.Enter(m.setDNSServer)},
				{Name: "getdnsserver", Fn: m.Enter(m.getDNSServer)},
				{Name: "resolve", Fn: m.Enter(m.resolve)},
			}, nil)},
			{Name: "TCP", Value: vm.Number(typeTCP)},
			{Name: "UDP", Value: vm.Number(typeUDP)},
		},
		Close: func() {
			for _, p := range m.pings {
				p.stop()
			}
		},
	}
}

// method makes a method of the functions for the types of object that have it.
// The three types share the firmware's functions: which one runs follows from the
// object, not from where the program has got the method.
func method(srv func(*server, *vm.Call) int, tcp, udp func(*socket, *vm.Call) int) func(*vm.Call) int {
	return func(c *vm.Call) int {
		if s, ok := c.TestObject(1, serverType).(*server); ok && srv != nil {
			return sockets.Within(s.m.Table, c, s, srv)
		}
		if s, ok := c.TestObject(1, socketType).(*socket); ok && tcp != nil {
			return sockets.Within(s.m.Table, c, s, tcp)
		}
		if s, ok := c.TestObject(1, udpType).(*socket); ok && udp != nil {
			return sockets.Within(s.m.Table, c, s, udp)
		}
		_, isUserData := c.Arg(1).(*vm.UserData)
		ours := c.TestObject(1, serverType) != nil || c.TestObject(1, socketType) != nil || c.TestObject(1, udpType) != nil
		if isUserData && !ours {
			// The firmware takes the first word of a userdata for the kind of object, which
			// in those of other modules is 0 as a rule, as in a server.
			c.TypeError(1, serverType.Name)
		}
		c.Error("invalid user data")
		return 0
	}
}

// raise raises the error of a failed call into the stack.
func raise(c *vm.Call, err lwip.Err) { c.Error("%s", err.Error()) }

// function returns argument n as a callback, or nil when it is no function.
func function(c *vm.Call, n int) *vm.Function {
	f, _ := c.Arg(n).(*vm.Function)
	return f
}

// addrText is the address as getaddr, dns and the like return it.
func addrText(a netip.Addr) vm.String {
	if !a.IsValid() {
		return "0.0.0.0"
	}
	return vm.String(a.String())
}

// pushAddr returns a port and an address, or two nils for port 0.
func pushAddr(c *vm.Call, a netip.AddrPort) int {
	if a.Port() == 0 {
		return c.Return(vm.Nil, vm.Nil)
	}
	return c.Return(vm.Number(a.Port()), addrText(a.Addr()))
}
