package mdns

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Module is the module.
var Module = device.Module{Name: "mdns", Open: open}

// module is what the module knows in one boot of a device.
type module struct {
	d *device.Device

	// While the service runs:
	info    *info
	pcb     *lwip.UDPSocket
	timer   *ets.Timer
	count   int // announcements since the last one of the service type
	memory  [3]heap.Block
	tooLong bool // said so
}

// info is what was registered.
type info struct {
	host, description, service string
	port                       uint16
	attributes                 []string // "key=value"
}

const (
	maxAttributes = 10  // fw: docs/modules/mdns.md
	infoStruct    = 56  // bytes of struct nodemcu_mdns_info on the device
	receiveBuffer = 512 // fw: DNS_MSG_SIZE
)

func open(d *device.Device) *device.Lib {
	m := &module{d: d}
	return &device.Lib{Funcs: []vm.Func{
		{Name: "register", Fn: m.register},
		{Name: "close", Fn: m.close},
	}}
}

// register is mdns.register(hostname [, attributes]).
func (m *module) register(c *vm.Call) int {
	i := &info{host: vm.CString(c.String(1)), service: "http", port: 80}
	i.description = i.host
	if c.NArgs() >= 2 {
		i.take(c, c.Table(2))
	}
	if !m.address().IsValid() {
		c.Error("No network connection")
	}
	m.stop()
	if !m.start(i) {
		m.stop()
		c.Error("Unable to start mDns daemon")
	}
	return 0
}

// take reads the table of attributes, in the order in which Lua goes through it.
func (i *info) take(c *vm.Call, t *vm.Table) {
	for key, value, _ := c.VM.RawNext(t, vm.Nil); key != vm.Nil && len(i.attributes) < maxAttributes; key, value, _ = c.VM.RawNext(t, key) {
		text, ok := key.(vm.String)
		if !ok {
			c.ArgError(-2, "string expected, got "+c.VM.TypeName(key)) // where the firmware finds it on the stack
		}
		name := vm.CString(string(text))
		if name == "port" {
			n, ok := c.VM.ToNumber(value)
			if !ok {
				c.ArgError(-1, "number expected, got "+c.VM.TypeName(value))
			}
			i.port = uint16(vm.Integer(n))
			continue
		}
		content, ok := c.VM.ToString(value)
		if !ok {
			c.ArgError(-1, "string expected, got "+c.VM.TypeName(value))
		}
		switch content = vm.CString(content); name {
		case "service":
			i.service = content
		case "description":
			i.description = content
		default:
			i.attributes = append(i.attributes, name+"="+content)
		}
	}
}

// close is mdns.close().
func (m *module) close(*vm.Call) int {
	m.stop()
	return 0
}

// start opens the port and announces the service.
func (m *module) start(i *info) bool {
	size := infoStruct + len(i.host) + len(i.description) + len(i.service) + 3
	for _, a := range i.attributes {
		size += len(a) + 1
	}
	for n, size := range []int{size, receiveBuffer, len(i.typeName()) + 1} {
		var ok bool
		if m.memory[n], ok = m.d.Malloc(size, heap.Other); !ok {
			return false
		}
	}
	stack := m.d.Net.Stack()
	if m.pcb = stack.NewUDP(); m.pcb == nil {
		return false
	}
	if stack.JoinGroup(group.Addr()) != lwip.OK || m.pcb.Bind(lwip.AnyAddr, group.Port()) != lwip.OK {
		return false
	}
	m.pcb.OnRecv = m.receive
	m.info = i
	m.timer = m.d.NewTimer(m.announce)
	m.timer.Arm(announceInterval, true)
	m.count, m.tooLong = announceType, false
	m.announce()
	return true
}

func (m *module) stop() {
	if m.timer != nil {
		m.timer.Disarm()
	}
	if m.pcb != nil {
		m.pcb.Close()
	}
	for n := range m.memory {
		m.d.Free(&m.memory[n], heap.Other)
	}
	m.timer, m.pcb, m.info = nil, nil, nil
}
