package mdns

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
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
	memory  [2]heap.Block
	payload []byte // the buffer for received packets
	tooLong bool   // said so

	typeMemory heap.Block // of the service's type, which close does not free
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
	typeBuffer    = 128 // fw: mdns_set_servicename
)

// announceInterval is from one announcement to the next, and announceType how many of them
// from one of the service type to the next (oracle: mdns-behaviour.md).
const (
	announceInterval = 280 * clock.Second
	announceType     = 12
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
	if !m.address().Prefix.IsValid() {
		c.Error("No network connection")
	}
	m.stop()
	if !m.start(i) {
		m.stop()
		c.Error("Unable to start mDns daemon")
	}
	return 0
}

// address is the one that is made known, zero without one.
func (m *module) address() air.IPInfo {
	on := air.StationIf
	if m.d.Radio.Mode() == radio.APMode {
		on = air.APIf
	}
	return m.d.Radio.IP(on)
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

// start opens the port and announces the service (fw: nodemcu_mdns_init).
func (m *module) start(i *info) bool {
	size := infoStruct + len(i.host) + len(i.description) + len(i.service) + 3
	for _, a := range i.attributes {
		size += len(a) + 1
	}
	take := func(b *heap.Block, n int) (ok bool) {
		*b, ok = m.d.Malloc(n, heap.Other)
		return ok
	}
	if !take(&m.memory[0], size) || !take(&m.memory[1], receiveBuffer) {
		return false
	}
	if len(i.typeName()) >= typeBuffer {
		m.d.Crash("mdns.register writes a service of more than %d bytes beyond the end of a buffer on the stack", typeBuffer-1-len("_._tcp."+local))
		return true
	}
	m.d.Free(&m.typeMemory, heap.Other)
	take(&m.typeMemory, len(i.typeName())+1)
	stack := m.d.Net.Stack()
	if m.pcb = stack.NewUDP(); m.pcb == nil {
		return false
	}
	for n, mode := range []radio.Mode{radio.StationMode, radio.APMode} {
		ip := m.d.Radio.IP(air.Interface(n)).Prefix
		if m.d.Radio.Mode()&mode != 0 && ip.IsValid() && stack.JoinGroup(ip.Addr(), group.Addr()) != lwip.OK {
			return false
		}
	}
	if m.pcb.Bind(lwip.AnyAddr, group.Port()) != lwip.OK {
		return false
	}
	m.pcb.OnRecv = m.receive
	m.info, m.payload = i, make([]byte, receiveBuffer)
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
	m.timer, m.pcb, m.info, m.payload = nil, nil, nil, nil
}
