// Package espconn is the SDK's connection layer, on which the firmware's client modules
// stand (fw: app/lwip/app/espconn.c, espconn_tcp.c, espconn_udp.c): TCP connections to a
// peer, names, UDP ports. net does not use it.
//
// It knows no protocol above TCP and UDP, and no Lua: what happens on a connection goes
// to its Handler.
//
// What surprises, and is kept because modules show it to programs:
//
//   - Five TCP connections at most; the sixth Connect is ErrIsConn.
//   - One send at a time: until all of it is acknowledged, a further Send is ErrMaxNum
//     and dropped.
//   - Of one send, 2920 bytes go to the stack at once. The rest is read from the
//     caller's buffer when acknowledgements come in, whatever has become of it.
//   - Received data is handed out per segment, after the window was given back: so
//     closing in Received is clean.
//   - The peer's FIN is answered at once. Disconnected and Failed are tasks of the SDK:
//     they run before the next packet.
//   - Disconnect does not wait for the peer, and ends a connection in SYN_SENT, too.
//   - Where the send buffer is full, the FIN can't be queued, and Disconnected never
//     comes.
//   - When five connections are being closed, the oldest is forgotten; what its peer
//     still sends is answered with a RST.
package espconn

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/inspect"
	"github.com/nodemcu-sim/nodemcu-sim/device/mbedtls"
	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/sockets"
	"github.com/nodemcu-sim/nodemcu-sim/world/air"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Err is an error code of the layer (fw: app/include/lwip/app/espconn.h).
type Err int8

// The error codes. Others are the stack's own (lwip.Err).
const (
	OK            Err = 0
	ErrMem        Err = -1
	ErrTimeout    Err = -3
	ErrRoute      Err = -4
	ErrInProgress Err = -5
	ErrMaxNum     Err = -7
	ErrAbort      Err = -8
	ErrReset      Err = -9
	ErrClosed     Err = -10
	ErrConn       Err = -11
	ErrArg        Err = -12
	ErrIf         Err = -14
	ErrIsConn     Err = -15
	ErrHandshake  Err = -28 // of TLS, which the firmware does not use any more
	ErrSSLData    Err = -61 // likewise
)

// Cause is the error with which the connection failed, for inspect.Hints.Failed. On a
// secure one all numbers but those of TCP are mbedTLS's.
func (c *Conn) Cause(e Err) inspect.Cause {
	cause := map[Err]inspect.Cause{ErrReset: inspect.Reset, ErrConn: inspect.Unreachable, ErrTimeout: inspect.Unheard, ErrAbort: inspect.Aborted}[e]
	if cause == "" && c.Secure && !c.l.Plain {
		return inspect.TLS
	}
	return cause
}

// maxConnections is how many TCP connections may exist (oracle: client-constants.json).
const maxConnections = 5

// Sizes of the layer's structures in bytes (fw: app/include/lwip/app/espconn.h). SizeConn
// and SizeTCP are what a module allocates for a connection of its own.
const (
	SizeConn   = 28  // struct espconn
	SizeTCP    = 32  // esp_tcp
	SizeUDP    = 16  // esp_udp
	sizeActive = 104 // espconn_msg
	sizeBuffer = 20  // espconn_buf
)

// Host is the device as the layer sees it.
type Host interface {
	Malloc(n int, kind heap.Kind) (heap.Block, bool)
	Free(b *heap.Block, kind heap.Kind)
	Random() uint32
	// PostSystem queues a task of the SDK.
	PostSystem(fn func()) bool
	// FreeHeap is how many bytes of the heap are free.
	FreeHeap() int
	// Compute keeps the CPU busy with arithmetic, during which no watchdog bites.
	Compute(d clock.Duration)
	// TLSFlash is what the flash holds for TLS.
	TLSFlash() *mbedtls.Flash
}

// Layer is the layer in one boot of a device.
type Layer struct {
	// Credentials is what TLS trusts and shows.
	Credentials Credentials
	// Plain makes secure connections go without TLS: in the build that was measured, the
	// secure calls of this layer were mapped to the others (oracle: tls-behaviour.md).
	Plain bool

	host   Host
	stack  *lwip.Stack
	hints  *inspect.Hints
	radio  *radio.Radio
	active []*active // in the order of their making
	port   uint16    // the last one that Port has returned
}

// New returns the layer of a boot, on the stack of t. What it holds of the heap is shown
// by x.
func New(h Host, r *radio.Radio, t *sockets.Table, x *inspect.Inspector) *Layer {
	l := &Layer{host: h, stack: t.Stack, hints: t.Hints, radio: r}
	x.OnHeapSnapshot(l.heapParts)
	return l
}

// Close ends what does not end with the device's memory: TLS that waits for the wire.
func (l *Layer) Close() {
	for _, a := range l.active {
		if a.secure != nil {
			a.secure.session.Stop()
		}
	}
}

// Port returns a random local port, other than the last one (fw: espconn_port).
func (l *Layer) Port() uint16 {
	const span, reserved = 50000, 1024
	for {
		port := uint16(l.host.Random() % span)
		if port < reserved {
			port += reserved
		}
		if port != l.port {
			l.port = port
			return port
		}
	}
}

// Resolve looks a name up (fw: espconn_gethostbyname). OK: it is an address in digits,
// which is returned. ErrInProgress: found will be called, with ok false if there is no
// such name. Other errors: ErrArg, ErrMem; found is not called.
func (l *Layer) Resolve(name string, found func(ip netip.Addr, ok bool)) (netip.Addr, Err) {
	ip, err := l.stack.Resolve(name, found)
	return ip, Err(err)
}

// routable says whether a connection to an address may be tried (fw: espconn_connect).
func (l *Layer) routable(to netip.Addr) Err {
	has := func(i air.Interface) bool { return l.radio.IP(i).Prefix.IsValid() }
	switch l.radio.Mode() {
	case radio.StationMode:
		if !has(air.StationIf) {
			return ErrRoute
		}
	case radio.APMode:
		if !has(air.APIf) {
			return ErrRoute
		}
	case radio.StationAPMode:
		if ap := l.radio.IP(air.APIf).Prefix; ap.IsValid() && sameNetwork(ap.Addr(), to) {
			return OK
		}
		switch status := l.radio.Station.Status(); {
		case status == radio.StationIdle, status == radio.StationHasIP && !has(air.StationIf):
			return ErrRoute
		case status != radio.StationHasIP:
			return Err(status)
		}
	}
	return OK
}

// sameNetwork compares what the layer takes for the network: the first three bytes.
func sameNetwork(a, b netip.Addr) bool {
	x, y := a.As4(), b.As4()
	return [3]byte(x[:3]) == [3]byte(y[:3])
}

// find returns the active connection of c, nil when there is none.
func (l *Layer) find(c *Conn) *active {
	for _, a := range l.active {
		if a.conn == c {
			return a
		}
	}
	return nil
}

// drop forgets an active connection.
func (l *Layer) drop(a *active) {
	if i := slices.Index(l.active, a); i >= 0 {
		l.active = slices.Delete(l.active, i, i+1)
	}
	l.host.Free(&a.memory, heap.Other)
	if a.secure != nil {
		a.secure.free()
	}
	for i := range a.queue {
		l.host.Free(&a.queue[i].memory, heap.Other)
	}
	a.queue = nil
}

// heapParts adds the layer's own memory to a heap snapshot.
func (l *Layer) heapParts(p *inspect.HeapParts) {
	for _, a := range l.active {
		b := inspect.NativeBlock{Kind: heap.Other, Name: "espconn", Size: sizeActive, Age: -1}
		if o := a.conn.Owner; o != nil {
			b.Name, b.Of, b.Site = "espconn of "+o.String(), o, o.Base().Site
		}
		at := p.Add(b)
		for range a.queue {
			p.AddTo(at, heap.Other, "espconn_buf", sizeBuffer)
		}
		if a.secure != nil {
			a.secure.heapParts(p, at)
		}
	}
}
