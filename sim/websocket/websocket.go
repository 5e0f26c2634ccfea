// Package websocket is the firmware module `websocket`: clients of WebSocket servers (fw:
// app/modules/websocket.c, app/websocket/websocketclient.c, docs/modules/websocket.md).
//
// # Functions
//
//	websocket.createClient()    a client
//
//	client:on(event, fn)        connection(ws), receive(ws, text, opcode), close(ws, code);
//	                            nil removes it
//	client:config({headers = {[name] = value, …}})
//	client:connect(url)         ws://host[:port][/path], wss://… with TLS
//	client:send(text [, opcode])    opcode 1 is text, the default, 2 is binary
//	client:close()
//
// Callbacks run protected: an error goes to the onerror function. What the codes of close
// mean stands in package inspect (failures.go).
//
// # What surprises, and is kept because programs meet it
//
//   - send counts as connected as soon as TCP is, before the server has agreed.
//   - A send before the last one is acknowledged is lost silently, and so is the answer to
//     a ping.
//   - Beyond 2920 bytes, with TLS 1460, a frame comes from freed memory.
//   - The server's answer must lie in the first segment that it sends.
//   - A frame that comes in several segments is put together only if its last segment ends
//     with it. What follows in that segment is lost, or earlier frames come again.
//   - The first fragment of a fragmented message is lost; with three or more fragments the
//     parser runs off into whatever lies behind the data.
//   - Frames of 64 KB and more are misread, and so are headers that a segment cuts.
//   - close says -99 also when the program has closed, and when the peer has.
//   - connect inside close works, but the client is let go after the handler: its
//     callbacks get nil. Connect from a task.
//   - A client that is collected before it was ever closed calls close(-100), with the code
//     as the only argument.
//   - After -18 the TCP connection stays, without anybody who hears it.
//   - With wss:// in a build without TLS nothing is sent, and close comes with -18.
package websocket

import (
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module `websocket`.
var Module = device.Module{Name: "websocket", Open: open}

// Sizes of the module's structures in bytes (fw: app/websocket/websocketclient.h,
// app/modules/websocket.c).
const (
	sizeInfo   = 96 // ws_info, the userdata
	sizeData   = 16 // ws_data
	sizeHeader = 8  // header_t
)

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d       *device.Device
	v       *vm.VM
	espconn *espconn.Layer
}

func open(d *device.Device) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, espconn: d.Espconn()}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	return &device.Lib{
		Funcs: []vm.Func{{Name: "createClient", Fn: m.Enter(m.createClient)}},
		Types: []*vm.Type{clientType},
	}
}

// state is how far a connection is (fw: connectionState).
type state int

const (
	idle state = iota
	resolving
	connecting
	connected // TCP is
	closed
)

// header is a line of the request.
type header struct{ name, value string }

// client is a websocket.client.
type client struct {
	sockets.Object
	m     *module
	state state
	data  heap.Block // ws_data

	onConnection, onReceive, onClose vm.Ref

	headers      []header // the program's
	headersAt    heap.Block
	headerBlocks []heap.Block

	secure     bool
	host, path string
	port       int
	conn       *espconn.Conn
	accept     string // the answer to our key
	upgraded   bool   // the server has agreed
	closeSent  bool   // its close frame is being answered
	telling    bool   // the close handler runs
	code       int    // for close, 0: none known
	timer      *ets.Timer
	onTimer    func()
	unhealthy  int // pings without an answer
	blocks     []heap.Block

	frames reader
}

func (m *module) take(n int) heap.Block {
	return m.d.Unchecked(n, "websocket has no memory for a connection")
}

func (m *module) give(b *heap.Block) { m.d.Free(b, heap.Other) }

var clientType = &vm.Type{Name: "websocket.client"}

func init() {
	method := func(fn func(*client, *vm.Call) int) func(*vm.Call) int {
		return func(c *vm.Call) int {
			s := c.Object(1, clientType).(*client)
			return sockets.Within(s.m.Table, c, s, fn)
		}
	}
	clientType.Methods = []vm.Func{
		{Name: "__gc", Fn: method((*client).collected)},
		{Name: "on", Fn: method((*client).on)},
		{Name: "config", Fn: method((*client).config)},
		{Name: "connect", Fn: method((*client).connect)},
		{Name: "send", Fn: method((*client).send)},
		{Name: "close", Fn: method((*client).close)},
	}
}

// createClient is websocket.createClient().
func (m *module) createClient(c *vm.Call) int {
	s := &client{Object: m.NewObject(), m: m}
	s.Lasting = true
	s.timer = m.d.NewTimer(func() { s.onTimer() })
	s.frames.s = s
	c.VM.Malloc(&s.data, sizeData)
	c.Push(m.v.NewObject(clientType, sizeInfo, s))
	return 1
}

// String names the client for people.
func (s *client) String() string { return fmt.Sprintf("websocket %d", s.ID) }

var events = []string{"connection", "receive", "close"}

// handler returns where the callback of an event is kept.
func (s *client) handler(name string) *vm.Ref {
	return map[string]*vm.Ref{"connection": &s.onConnection, "receive": &s.onReceive, "close": &s.onClose}[name]
}

// Callbacks lists the events that have one.
func (s *client) Callbacks() []sockets.Callback {
	var out []sockets.Callback
	for _, name := range events {
		if ref := s.handler(name); *ref != 0 {
			out = append(out, sockets.Callback{Name: name, Ref: *ref})
		}
	}
	return out
}

// Over reports whether the client has no connection and waits for none.
func (s *client) Over() bool { return s.conn == nil }

// on is client:on(event, fn).
func (s *client) on(c *vm.Call) int {
	name := events[c.Option(2, "", events...)]
	fn, isFunction := c.Arg(3).(*vm.Function)
	if !isFunction && (c.IsNone(3) || c.Arg(3) != vm.Nil) {
		c.ArgError(3, "function or nil")
	}
	s.SetCallback(s.handler(name), name, "websocket", nil)
	s.SetCallback(s.handler(name), name, "websocket", fn)
	return 0
}

// config is client:config({headers = …}).
func (s *client) config(c *vm.Call) int {
	t, ok := c.Index(c.Table(2), vm.String("headers")).(*vm.Table)
	if !ok {
		return 0
	}
	m, v := s.m, s.m.v
	s.dropHeaders()
	n := 0
	for k, _, _ := v.RawNext(t, vm.Nil); k != vm.Nil; k, _, _ = v.RawNext(t, k) {
		n++
	}
	if n == 0 {
		return 0
	}
	s.headersAt = m.take(sizeHeader * (n + 1))
	for k, x, _ := v.RawNext(t, vm.Nil); k != vm.Nil; k, x, _ = v.RawNext(t, k) {
		name, hasName := text(v, k)
		value, hasValue := text(v, x)
		if !hasName || !hasValue {
			m.d.Crash("websocket's headers are texts by name: another value makes config read at address 0")
			return 0
		}
		s.headers = append(s.headers, header{name, value})
		s.blocksOfHeaders(name, value)
		if _, isNumber := k.(vm.Number); isNumber {
			// The key has become a text while the table was gone through.
			c.Raise("invalid key to 'next'")
		}
	}
	return 0
}

// text is a string or number as C gets it.
func text(v *vm.VM, x vm.Value) (string, bool) {
	switch x.(type) {
	case vm.String, vm.Number:
		s, ok := v.ToString(x)
		return vm.CString(s), ok
	}
	return "", false
}

// blocksOfHeaders takes the memory of one of the program's headers.
func (s *client) blocksOfHeaders(name, value string) {
	s.headerBlocks = append(s.headerBlocks, s.m.take(len(name)+1), s.m.take(len(value)+1))
}

func (s *client) dropHeaders() {
	for i := range s.headerBlocks {
		s.m.give(&s.headerBlocks[i])
	}
	s.headers, s.headerBlocks = nil, nil
	s.m.give(&s.headersAt)
}

// connect is client:connect(url).
func (s *client) connect(c *vm.Call) int {
	if s.state != idle && s.state != closed {
		c.Error("Websocket already connecting or connected.\n")
	}
	s.state = idle
	if !s.Anchor(c.Arg(1), "websocket") {
		s.m.v.Ref(c.Arg(1), "websocket that is never let go") // as in the firmware
		if s.telling {
			s.m.Hints.Here("connect() inside a close handler makes a connection whose callbacks get nil instead of the client, and the client is never freed: connect from a task")
		}
	}
	s.open(vm.CString(c.String(2)))
	return 0
}

// send is client:send(text [, opcode]).
func (s *client) send(c *vm.Call) int {
	if s.state != connected {
		c.Error("Websocket isn't connected.\n")
	}
	data := c.String(2)
	op := opText
	if c.NArgs() == 3 {
		op = c.Int(3)
	}
	if n := len(data); n > 0xffff {
		s.m.Hints.Here("send() takes the length modulo 65536: %d of %d bytes are sent", n&0xffff, n)
	}
	s.sendFrame(op, data[:len(data)&0xffff])
	return 0
}

// close is client:close() (fw: ws_close).
func (s *client) close(*vm.Call) int {
	switch s.state {
	case idle, closed:
		return 0
	case resolving:
		s.code = 0
		s.over()
		return 0
	}
	s.code = 0
	s.sendFrame(opClose, "")
	s.arm(s.forceClose, forceCloseTime, false)
	return 0
}

// collected is what the collector does to a client that nobody holds.
func (s *client) collected(c *vm.Call) int {
	if s.Dead {
		return 0
	}
	m := s.m
	s.Dead = true
	s.dropHeaders()
	m.v.Unref(&s.onConnection)
	m.v.Unref(&s.onReceive)
	if s.onClose != 0 {
		if s.state != closed {
			m.Hints.Failed("websocket", s.String(), codeCollected, "")
			m.Protected("websocket close", m.v.Deref(s.onClose), vm.Number(codeCollected))
		}
		m.v.Unref(&s.onClose)
	}
	s.Release()
	s.timer.Disarm()
	s.forget()
	c.VM.Malloc(&s.data, 0)
	return 0
}

// heapParts adds what the clients hold to a heap snapshot.
func (m *module) heapParts(p *inspect.HeapParts) {
	m.v.EachObject(func(value any) {
		s, ok := value.(*client)
		if !ok || s.m != m || s.Dead {
			return
		}
		p.AddLua(s.data, inspect.NativeBlock{Name: "callbacks of " + s.String(), Size: sizeData, Age: -1, Of: s, Owned: true})
		var n int
		for _, list := range [][]heap.Block{s.blocks, s.headerBlocks, {s.headersAt, s.frames.frameAt, s.frames.payloadAt}} {
			for _, b := range list {
				if b.Placed() {
					n++
					p.Add(inspect.NativeBlock{Kind: heap.Other, Key: fmt.Sprintf("%s %d", s, n), Name: "memory of " + s.String(), Size: b.Size(), Age: -1, Of: s})
				}
			}
		}
	})
}

// lower is text with its ASCII letters in lower case.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
