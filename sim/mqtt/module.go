package mqtt

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module `mqtt`.
var Module = device.Module{Name: "mqtt", Open: open}

const (
	// sizeUserdata is the size of a client's struct in bytes: nine references (36),
	// the settings (32), the state (24), flags (4), the timer (20), the phase (4) (fw:
	// app/modules/mqtt.c, lmqtt_userdata).
	sizeUserdata = espconn.SizeConn + 120
	sizeTCP      = espconn.SizeTCP

	defaultPort       = 1883
	defaultKeepalive  = 60 // seconds
	defaultMaxMessage = 1024
)

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	layer *espconn.Layer
	d     *device.Device
	v     *vm.VM
}

func open(d *device.Device) *device.Lib {
	m := &module{Table: d.Sockets(), layer: d.Espconn(), d: d, v: d.VM}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	return &device.Lib{
		Funcs: []vm.Func{{Name: "Client", Fn: m.Enter(m.client)}},
		Types: []*vm.Type{clientType},
		Consts: []vm.Const{
			{Name: "CONN_FAIL_SERVER_NOT_FOUND", Value: vm.Number(failServer)},
			{Name: "CONN_FAIL_NOT_A_CONNACK_MSG", Value: vm.Number(failNoConnack)},
			{Name: "CONN_FAIL_DNS", Value: vm.Number(failDNS)},
			{Name: "CONN_FAIL_TIMEOUT_RECEIVING", Value: vm.Number(failReceiving)},
			{Name: "CONN_FAIL_TIMEOUT_SENDING", Value: vm.Number(failSending)},
			{Name: "CONNACK_ACCEPTED", Value: vm.Number(accepted)},
			{Name: "CONNACK_REFUSED_PROTOCOL_VER", Value: vm.Number(refusedProtocol)},
			{Name: "CONNACK_REFUSED_ID_REJECTED", Value: vm.Number(refusedID)},
			{Name: "CONNACK_REFUSED_SERVER_UNAVAILABLE", Value: vm.Number(refusedUnavailable)},
			{Name: "CONNACK_REFUSED_BAD_USER_OR_PASS", Value: vm.Number(refusedUser)},
			{Name: "CONNACK_REFUSED_NOT_AUTHORIZED", Value: vm.Number(refusedAuthorization)},
		},
	}
}

// What connfail gets (fw: app/mqtt/mqtt_msg.h).
const (
	failServer           = -5
	failNoConnack        = -4
	failDNS              = -3
	failReceiving        = -2
	failSending          = -1
	accepted             = 0
	refusedProtocol      = 1
	refusedID            = 2
	refusedUnavailable   = 3
	refusedUser          = 4
	refusedAuthorization = 5
)

// heapParts adds to a heap snapshot what clients hold besides Lua's memory.
func (m *module) heapParts(p *inspect.HeapParts) {
	m.v.EachObject(func(value any) {
		c, ok := value.(*client)
		if !ok || c.m != m {
			return
		}
		add := func(name string, size int) int {
			return p.Add(inspect.NativeBlock{Kind: heap.Other, Name: name, Key: fmt.Sprintf("%s %s", c, name), Size: size, Age: -1, Of: c, Owned: true})
		}
		if c.tcp.held {
			add("connection", sizeTCP)
		}
		if c.in.size > 0 {
			add("partial message", c.in.size)
		}
		for i, x := range c.out.list {
			p.AddTo(add(fmt.Sprintf("queued packet %d", i+1), nodeSize), heap.Other, "its bytes", len(x.data))
		}
	})
}
