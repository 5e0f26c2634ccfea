// Package http is the firmware module `http`: requests to web servers (fw:
// app/modules/http.c, app/http/httpclient.c, docs/modules/http.md).
//
// # Functions
//
//	http.get(url [, headers] [, fn(code, body, headers)])
//	http.post(url [, headers] [, body] [, fn])
//	http.put(url [, headers] [, body] [, fn])
//	http.delete(url [, headers] [, body] [, fn])
//	http.request(url, method [, headers] [, body] [, fn])
//	http.OK, http.ERROR     0 and -1
//
// headers is text: whole lines, each with its \r\n. The function gets the status code, the
// body and a table of the answer's headers, with their names in lower case; or -1, nil,
// nil. It runs protected: an error goes to the onerror function.
//
// # What surprises, and is kept because programs meet it
//
//   - There is one callback for all requests. A further request with a function replaces
//     it, one without leaves it, and the first request that ends calls and forgets it.
//   - Arguments have fixed places: http.get(url, fn) has no callback.
//   - The answer is looked at when the connection ends, whatever Content-Length says: with
//     a server that keeps connections open that is after 60 s. What has come by then is
//     the answer, also when it is cut.
//   - An answer has 8191 bytes at most, head and body.
//   - An answer without an empty line after its head crashes the device.
//   - The head is sent first, the body when that is acknowledged. A body ends at its first
//     zero byte, and beyond 2920 bytes, with TLS 1460, comes from freed memory.
//   - Redirects are followed, 20 of them; headers and body of the request are lost on the
//     way. "Location:" counts wherever it stands, also in the body.
//   - "Host:" anywhere in the headers, also as part of another name, keeps the module from
//     sending its own.
//   - In a build without TLS https://… is plain text to port 443.
//
// The module prints what goes wrong on the serial port, "HTTP client: …".
package http

import (
	"fmt"

	"github.com/nodemcu-sim/nodemcu-sim/device"
	"github.com/nodemcu-sim/nodemcu-sim/device/espconn"
	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// Module is the firmware module `http`.
var Module = device.Module{Name: "http", Open: open}

// Status codes of the module's own.
const (
	statusOK    = 0
	statusError = -1
)

// module is what the module knows in one boot of a device.
type module struct {
	*sockets.Table
	d        *device.Device
	v        *vm.VM
	espconn  *espconn.Layer
	callback vm.Ref // of whichever request ends first
	open     []*request
}

func open(d *device.Device) *device.Lib {
	m := &module{Table: d.Sockets(), d: d, v: d.VM, espconn: d.Espconn()}
	d.Inspect.OnHeapSnapshot(m.heapParts)
	verb := func(method string, body bool) func(*vm.Call) int {
		return m.Enter(func(c *vm.Call) int { return m.start(c, method, 2, body) })
	}
	return &device.Lib{
		Funcs: []vm.Func{
			{Name: "request", Fn: m.Enter(func(c *vm.Call) int {
				c.String(1)
				return m.start(c, c.String(2), 3, true)
			})},
			{Name: "post", Fn: verb("POST", true)},
			{Name: "put", Fn: verb("PUT", true)},
			{Name: "delete", Fn: verb("DELETE", true)},
			{Name: "get", Fn: verb("GET", false)},
		},
		Consts: []vm.Const{
			{Name: "OK", Value: vm.Number(statusOK)},
			{Name: "ERROR", Value: vm.Number(statusError)},
		},
	}
}

// start is one of the functions: headers stand at argument n, then the body if the
// function has one, then the callback.
func (m *module) start(c *vm.Call, method string, n int, hasBody bool) int {
	r := target{url: vm.CString(c.String(1)), method: vm.CString(method)}
	text := func() *string {
		defer func() { n++ }()
		if c.IsString(n) {
			s := vm.CString(c.String(n))
			return &s
		}
		if _, ok := c.Arg(n).(*vm.Function); ok {
			m.Hints.Here("a function as argument %d of http's functions is ignored: headers and body come first, pass nil for them", n)
		}
		return nil
	}
	r.headers = text()
	if hasBody {
		r.body = text()
	}
	if fn, ok := c.Arg(n).(*vm.Function); ok {
		if m.callback != 0 && len(m.open) > 0 {
			m.Hints.Here("http has one callback for all requests: this one replaces that of the request under way, and whichever ends first calls it. Start the next request in the callback")
		}
		m.v.SetRef(&m.callback, fn, "callback of http")
	}
	m.request(r)
	return 0
}

// fault prints what the firmware says of something that went wrong.
func (m *module) fault(format string, args ...any) {
	m.d.Serial.WriteText("HTTP client: " + fmt.Sprintf(format, args...) + "\n")
}

// finish hands an answer, or the lack of one, to the callback.
func (m *module) finish(code int, body string, headers [][2]string, buffer *heap.Block) {
	if m.callback == 0 {
		m.d.Free(buffer, heap.Other)
		return
	}
	fn := m.v.Deref(m.callback)
	args := []vm.Value{vm.Number(code), vm.Nil, vm.Nil}
	if code != statusError {
		args[1] = m.NewString(body)
		t := m.v.NewTable(0, 0)
		args[2] = t
		for _, h := range headers {
			m.v.SetField(t, h[0], m.NewString(h[1]))
		}
	}
	m.d.Free(buffer, heap.Other)
	m.v.Unref(&m.callback)
	m.Protected("http callback", fn, args...)
}

// heapParts adds what the requests hold to a heap snapshot. One that is being made has not
// got all of it yet.
func (m *module) heapParts(p *inspect.HeapParts) {
	for _, r := range m.open {
		if len(r.blocks) == 0 {
			continue
		}
		at := p.Add(inspect.NativeBlock{Kind: heap.Other, Key: r.String(), Name: r.String(), Size: sizeRequest, Site: r.Site, Age: m.d.Now().Sub(r.Born)})
		add := func(name string, b heap.Block) {
			if b.Placed() {
				p.AddTo(at, heap.Other, name, b.Size())
			}
		}
		for _, b := range r.blocks[1:] {
			add("request", b)
		}
		add("request", r.headersAt)
		add("request", r.bodyAt)
		add("response", r.bufferAt)
	}
}
