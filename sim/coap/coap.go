// Package coap is the firmware module coap: requests of the Constrained Application
// Protocol (RFC 7252), and a server that shows variables and functions of the program (fw:
// app/modules/coap.c, app/coap, docs/modules/coap.md).
//
// # Functions
//
//	coap.Server(), coap.Client()
//
//	server:listen(port [, ip])      ip is ignored
//	server:close()
//	server:var(name [, content])    GET /v1/v/NAME is the global variable
//	server:func(name [, content])   POST /v1/f/NAME calls the global function
//
//	client:get([type,] url [, payload]), and post, put, delete
//
//	coap.CON, NON                   types: with CON, the default, a request is repeated
//	coap.TEXT_PLAIN, LINKFORMAT, XML, OCTET_STREAM, EXI, JSON   contents
//
// A URL is coap://host[:port]/path?query. The server also has POST /v1/c, which runs the
// payload as Lua; GET /v1/id, the chip's number, four bytes; and GET /.well-known/core,
// a list.
//
// # What surprises, and is kept because programs meet it
//
//   - What a client's requests are answered never reaches the program.
//   - The host must be an address: a name is 255.255.255.255.
//   - A request of more than 576 bytes is not sent, and its memory is lost.
//   - A request is repeated to the host of the client's last request, whichever it was for.
//     A client that is collected while one of its requests is repeated crashes the device.
//   - A function that returns anything but text, a number or nil is called for ever; an
//     error in it is a panic, and so are more than 1024 bytes.
//   - Names are not copied: one that is collected is freed memory. They belong to all
//     servers.
//   - Text of a variable ends at its first zero byte.
//   - Whoever reaches the server may run Lua on it. Errors and results go nowhere.
//   - All answers are acknowledgements, of what needs none as well; a ping is answered 4.04,
//     and so is a RST. Malformed or longer than 1152 bytes: no answer.
//   - A list of more than 1023 bytes overflows its buffer.
package coap

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module coap.
var Module = device.Module{Name: "coap", Open: func(d *device.Device) *device.Lib { return open(d, d.Random) }}

// Sizes of the module's structures in bytes (fw: app/modules/coap.c, app/coap/*.h).
const (
	sizeUserdata = 8   // lcoap_userdata
	sizeEntry    = 12  // coap_luser_entry
	sizeURI      = 28  // coap_uri_t
	sizePDU      = 20  // coap_pdu_t
	sizePacket   = 228 // coap_packet_t
	sizeNode     = 28  // coap_queue_t
)

// The module's limits in bytes (oracle: client-constants.json coap; fw: app/coap/coap.h).
const (
	maxMessage = 1152
	maxPayload = 1024
	maxRequest = 576
	maxScratch = 60 // of a request's path, query and port
	maxHost    = 63
	maxLine    = 256 // of a command, with its end
	maxOptions = 16  // of a message
)

const defaultPort = 5683

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d       *device.Device
	v       *vm.VM
	espconn *espconn.Layer
	random  func() uint32 // rand

	server, client *vm.Type

	vars, funcs []*entry // in the order in which they were registered
	messageID   uint16

	ends []*endpoint // that have a port, in the order in which it was opened

	// What is repeated, and when.
	queue []*pending
	timer *ets.Timer
	base  uint32 // when the queue's times were last brought up to date, in ms
}

// entry is a variable or function that the server shows (fw: coap_luser_entry).
type entry struct {
	name    string
	content uint16
	memory  heap.Block
}

// endpoint is a Server or a Client.
type endpoint struct {
	sockets.Object
	m         *module
	kind      string
	memory    [2]heap.Block // struct espconn, esp_udp
	localPort int
	remote    netip.AddrPort // of the last request
	received  func(data []byte, from netip.AddrPort)
	ports     []*espconn.UDP
}

func open(d *device.Device, random func() uint32) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, espconn: d.Espconn(), random: random}
	m.messageID = uint16(random())
	m.timer = d.NewTimer(m.tick)
	m.makeTypes()
	d.Inspect.OnHeapSnapshot(m.heapParts)
	number := func(name string, n int) vm.Const { return vm.Const{Name: name, Value: vm.Number(n)} }
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "Server", Fn: func(c *vm.Call) int { return m.create(c, m.server) }},
			{Name: "Client", Fn: func(c *vm.Call) int { return m.create(c, m.client) }},
		},
		Consts: []vm.Const{
			number("CON", confirmable), number("NON", nonConfirmable),
			number("TEXT_PLAIN", textPlain), number("LINKFORMAT", linkFormat), number("XML", 41),
			number("OCTET_STREAM", 42), number("EXI", 47), number("JSON", 50),
		},
		Types: []*vm.Type{m.server, m.client},
	}
}

// makeTypes makes the types of the two objects. server:var and server:func don't look at
// what they are called on.
func (m *module) makeTypes() {
	method := func(t **vm.Type, fn func(*endpoint, *vm.Call) int) func(*vm.Call) int {
		return func(c *vm.Call) int { return fn(c.Object(1, *t).(*endpoint), c) }
	}
	m.server = &vm.Type{Name: "coap_server", Methods: []vm.Func{
		{Name: "listen", Fn: method(&m.server, (*endpoint).listen)},
		{Name: "close", Fn: method(&m.server, (*endpoint).close)},
		{Name: "var", Fn: func(c *vm.Call) int { return m.register(c, &m.vars) }},
		{Name: "func", Fn: func(c *vm.Call) int { return m.register(c, &m.funcs) }},
		{Name: "__gc", Fn: method(&m.server, (*endpoint).collected)},
	}}
	verb := func(code byte) func(*vm.Call) int {
		return method(&m.client, func(e *endpoint, c *vm.Call) int { return e.request(c, code) })
	}
	m.client = &vm.Type{Name: "coap_client", Methods: []vm.Func{
		{Name: "get", Fn: verb(codeGet)},
		{Name: "post", Fn: verb(codePost)},
		{Name: "put", Fn: verb(codePut)},
		{Name: "delete", Fn: verb(codeDelete)},
		{Name: "__gc", Fn: method(&m.client, (*endpoint).collected)},
	}}
}

// create is coap.Server() and coap.Client().
func (m *module) create(c *vm.Call, t *vm.Type) int {
	e := &endpoint{Object: m.NewObject(), m: m, kind: t.Name}
	c.Push(m.v.NewObject(t, sizeUserdata, e))
	for i, n := range []int{espconn.SizeConn, espconn.SizeUDP} {
		b, ok := m.d.Malloc(n, heap.Other)
		if !ok {
			e.Dead = true
			c.Error("not enough memory")
		}
		e.memory[i] = b
	}
	e.remote = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	if t == m.server {
		e.received = e.respond
	} else {
		e.received = e.answered
	}
	return 1
}

// String names the object for people.
func (e *endpoint) String() string { return fmt.Sprintf("%s %d", e.kind, e.ID) }

// Callbacks lists none: there are only functions that have a name.
func (e *endpoint) Callbacks() []sockets.Callback { return nil }

// Over reports whether the object has no port.
func (e *endpoint) Over() bool { return len(e.ports) == 0 }

// alive makes sure that the object has not been finalized.
func (e *endpoint) alive() bool {
	if e.Dead {
		e.m.d.Crash("%s has been finalized, and the firmware uses what is not there any more", e)
	}
	return !e.Dead
}

// openPort opens the local port (fw: espconn_create). One that an object of the module
// has is not opened again.
func (e *endpoint) openPort() {
	m := e.m
	for _, o := range m.ends {
		if o.localPort == e.localPort {
			return
		}
	}
	u, err := m.espconn.ListenUDP(uint16(e.localPort), e, func(data []byte, from netip.AddrPort) { e.received(data, from) })
	if err != espconn.OK {
		return
	}
	e.ports = append(e.ports, u)
	m.ends = append(m.ends, e)
}

// closePort closes the port that was opened first (fw: espconn_delete).
func (e *endpoint) closePort() {
	if len(e.ports) == 0 {
		return
	}
	e.ports[0].Close()
	e.ports = e.ports[1:]
	i := slices.Index(e.m.ends, e)
	e.m.ends = slices.Delete(e.m.ends, i, i+1)
}

// listen is server:listen(port [, ip]).
func (e *endpoint) listen(c *vm.Call) int {
	port := c.Int(2)
	if !e.alive() {
		return 0
	}
	if c.IsString(3) {
		e.m.Hints.Here("coap's server:listen ignores the address: it listens on all the device has")
	}
	e.localPort = port
	e.Anchor(c.Arg(1), e.kind)
	e.openPort()
	return 0
}

// close is server:close().
func (e *endpoint) close(*vm.Call) int {
	e.closePort()
	e.Release()
	return 0
}

// collected is __gc of both.
func (e *endpoint) collected(*vm.Call) int {
	if e.Dead {
		return 0
	}
	e.Release()
	e.closePort()
	e.Dead = true
	for i := range e.memory {
		e.m.d.Free(&e.memory[i], heap.Other)
	}
	return 0
}

// register is server:var(name [, content]) and server:func.
func (m *module) register(c *vm.Call, list *[]*entry) int {
	name := vm.CString(c.String(2))
	content := uint16(c.OptInt(3, textPlain))
	if i := slices.IndexFunc(*list, func(e *entry) bool { return e.name == name }); i >= 0 {
		(*list)[i].content = content
		return 0
	}
	b, ok := m.d.Malloc(sizeEntry, heap.Other)
	if !ok {
		c.Error("not enough memory")
	}
	*list = append(*list, &entry{name: name, content: content, memory: b})
	return 0
}

// heapParts adds what the module holds to a heap snapshot.
func (m *module) heapParts(p *inspect.HeapParts) {
	for _, list := range [][]*entry{m.vars, m.funcs} {
		for _, e := range list {
			p.Add(inspect.NativeBlock{Kind: heap.Other, Key: "coap " + e.name, Name: "coap entry " + e.name, Size: sizeEntry, Age: -1})
		}
	}
	for _, n := range m.queue {
		at := p.Add(inspect.NativeBlock{Kind: heap.Other, Key: fmt.Sprintf("coap request %d", n.id), Name: "coap request", Size: sizeNode, Age: -1, Of: n.from})
		for _, size := range pduSizes {
			p.AddTo(at, heap.Other, "request", size)
		}
	}
}
