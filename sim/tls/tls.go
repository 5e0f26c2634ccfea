// Package tls is the firmware module `tls`: connections with TLS, and what TLS trusts (fw:
// app/modules/tls.c, docs/modules/tls.md). A build has it with [firmware] ssl; TLS itself is
// package mbedtls.
//
// # Functions
//
//	tls.createConnection()      a socket
//
//	socket:connect(port [, host])
//	socket:on(event, fn)        dns(s, ip), connection(s), receive(s, data), sent(s),
//	                            reconnection(s, reason), disconnection(nil); nil removes it
//	socket:send(data)
//	socket:close()
//	socket:hold()  socket:unhold()
//	socket:getpeer()            ip, port
//
//	tls.cert.verify(fn | pem | bool)        whom servers must be signed by
//	tls.cert.auth(fn | pem, pem | bool)     the client's own certificate and key
//
// What tls.cert sets holds for mqtt, http and websocket, too. fn(k) returns the k-th
// certificate; auth's returns the key for 0. What is given as text lies in the flash, and
// true uses that again after a restart.
//
// # What surprises, and is kept because programs meet it
//
//   - Nothing of a server is verified until tls.cert.verify; then its name and its dates are
//     not. The name is not sent either (SNI).
//   - A record of more than 4096 bytes, a chain of certificates above all, ends the
//     connection.
//   - Where there is too little memory to begin with, connect does nothing, and nothing
//     follows; a further connect is "already connected".
//   - After a name that is not found the socket is "already connected" for ever.
//   - disconnection gets nil, because the socket lets go of itself first.
//   - reconnection has a reason only for what TCP says. TLS's errors have none: nil.
//   - close within receive is a reconnection, not a disconnection.
//   - A send before the last one is acknowledged is lost silently.
//   - hold does not hold.
//   - verify with a function that returns no certificate refuses every server; documented
//     is the opposite.
package tls

import (
	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module `tls`.
var Module = device.Module{Name: "tls", Open: open}

// sizeUserdata is the size of tls_socket_ud in bytes: the connection and seven references
// (fw: app/modules/tls.c).
const sizeUserdata = espconn.SizeConn + 7*4

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d     *device.Device
	v     *vm.VM
	layer *espconn.Layer

	verify, auth vm.Ref // functions given to tls.cert
}

func open(d *device.Device) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, layer: d.Espconn()}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	return &device.Lib{
		Funcs: []vm.Func{{Name: "createConnection", Fn: m.Enter(m.createConnection)}},
		Types: []*vm.Type{socketType},
		Consts: []vm.Const{{Name: "cert", Value: d.VM.NewROMTable("tls.cert", []vm.Func{
			{Name: "verify", Fn: m.Enter(m.certVerify)},
			{Name: "auth", Fn: m.Enter(m.certAuth)},
		}, nil)}},
	}
}

// heapParts adds to a heap snapshot what sockets hold besides Lua's memory and TLS's.
func (m *module) heapParts(p *inspect.HeapParts) {
	m.v.EachObject(func(value any) {
		if s, ok := value.(*socket); ok && s.m == m && s.conn != nil {
			p.Add(inspect.NativeBlock{Kind: heap.Other, Name: "connection", Key: s.String() + " connection", Size: espconn.SizeTCP, Age: -1, Of: s, Owned: true})
		}
	})
}
