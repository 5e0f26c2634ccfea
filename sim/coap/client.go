package coap

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/heap"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
	"github.com/nodemcu-sim/nodemcu-sim/world/wire"
)

// token is that of all requests (fw: app/coap/coap.c).
const token = "node"

// Requests are repeated four times, the first time after 2 to 3 s, then after twice as
// long each time (fw: app/coap/coap_timer.h).
const (
	retransmissions = 4
	firstTimeout    = 2000 // ms
	spread          = 1000 // ms, that chance adds at most
)

// pduSizes are the blocks of a request (fw: coap_new_pdu).
var pduSizes = []int{sizePDU, maxScratch, sizePacket, maxRequest + 1}

// pdu is the memory of a request.
type pdu []heap.Block

// pending is a request that is repeated until it is answered (fw: coap_queue_t).
type pending struct {
	from    *endpoint
	to      netip.AddrPort
	id      uint16
	data    []byte
	memory  heap.Block
	pdu     pdu
	timeout uint32 // ms
	wait    uint32 // ms, after the one before it in the queue
	sent    uint   // repetitions
}

// newPDU takes the memory of a request.
func (m *module) newPDU() (p pdu, ok bool) {
	for _, n := range pduSizes {
		b, ok := m.d.Malloc(n, heap.Other)
		if !ok {
			m.freePDU(p)
			return nil, false
		}
		p = append(p, b)
	}
	return p, true
}

func (m *module) freePDU(p pdu) {
	for i := range p {
		m.d.Free(&p[i], heap.Other)
	}
}

// request is client:get([type,] url [, payload]) and its like (fw: coap_request).
func (e *endpoint) request(c *vm.Call, code byte) int {
	m := e.m
	n := 2
	kind := confirmable
	if c.IsNumber(n) {
		kind = c.VM.ToInteger(c.Arg(n))
		if n++; kind != confirmable && kind != nonConfirmable {
			c.Error("wrong arg type")
		}
	}
	url := c.String(n)
	n++
	space, ok := m.d.Malloc(len(url)+1+sizeURI, heap.Other)
	u, good := uri{}, false
	if ok {
		u, good = splitURI(url)
	}
	if !good {
		m.d.Free(&space, heap.Other)
		c.Error("uri wrong format.")
	}
	if len(u.host) > maxHost {
		c.Error("host too long") // the copy of the URL stays in memory
	}
	if !e.alive() {
		return 0
	}
	e.localPort = int(m.espconn.Port())
	ip := e.remote.Addr()
	if u.host != "" {
		if ip, ok = lwip.ParseAddr(vm.CString(u.host)); !ok {
			m.Hints.Here("coap does not look names up: a request to %q goes to 255.255.255.255. Give an address", u.host)
			ip = wire.Broadcast
		}
	}
	e.remote = netip.AddrPortFrom(ip, u.port)
	p, ok := m.newPDU()
	if !ok {
		m.d.Free(&space, heap.Other)
		c.Error("alloc fail")
	}
	r := message{kind: byte(kind), code: code, id: m.messageID, token: []byte(token), options: u.options()}
	m.messageID++
	if c.IsString(n) {
		r.payload = []byte(c.String(n))
	}
	if len(r.options) > maxOptions {
		m.d.Crash("a coap request has %d options, parts of its path and query among them, and the firmware has room for %d", len(r.options), maxOptions)
		return 0
	}
	if data, ok := r.build(maxRequest); ok {
		e.openPort()
		if kind != confirmable || !m.sendConfirmed(e, r.id, data, p) {
			if kind != confirmable {
				e.send(data)
			}
			m.freePDU(p)
		}
	} else { // its memory stays
		m.Hints.Here("coap does not send a request of more than %d bytes, and loses its memory", maxRequest)
	}
	m.d.Free(&space, heap.Other)
	return 0
}

// send sends data to where the client's last request went (fw: coap_send).
func (e *endpoint) send(data []byte) {
	if len(e.ports) > 0 {
		e.ports[0].SendTo(data, e.remote)
	}
}

// sendConfirmed sends a request that is repeated. It reports false when there is no
// memory for that; then it is not sent (fw: coap_send_confirmed).
func (m *module) sendConfirmed(e *endpoint, id uint16, data []byte, p pdu) bool {
	memory, ok := m.d.Malloc(sizeNode, heap.Other)
	if !ok {
		return false
	}
	e.send(data)
	n := &pending{from: e, to: e.remote, id: id, data: data, memory: memory, pdu: p}
	n.timeout = firstTimeout + spread*(m.random()&0xff)>>8
	m.timer.Disarm()
	m.update()
	n.wait = n.timeout
	m.insert(n)
	m.arm()
	return true
}

// update brings the queue's times up to date (fw: coap_timer_update).
func (m *module) update() {
	const wraps = 0xffffffff / 1000 // when the milliseconds begin anew
	now := uint32(m.d.ETS.Uptime()) / 1000
	passed := now - m.base
	if now < m.base {
		passed = now + wraps - m.base
	}
	m.base = now
	if len(m.queue) > 0 {
		first := m.queue[0]
		first.wait -= min(passed, first.wait)
	}
}

// insert puts a request where its time is (fw: coap_insert_node).
func (m *module) insert(n *pending) {
	i := 0
	for ; i < len(m.queue) && (n.wait > m.queue[i].wait || n.wait == m.queue[i].wait); i++ {
		n.wait -= m.queue[i].wait
	}
	if i < len(m.queue) {
		m.queue[i].wait -= n.wait
	}
	m.queue = slices.Insert(m.queue, i, n)
}

// arm makes the timer that of the first request.
func (m *module) arm() {
	if len(m.queue) > 0 {
		m.timer.Arm(clock.Duration(m.queue[0].wait)*clock.Millisecond, false)
	}
}

// tick repeats the first request, or gives it up (fw: coap_timer_tick).
func (m *module) tick() {
	if len(m.queue) == 0 {
		return
	}
	n := m.queue[0]
	m.queue = slices.Delete(m.queue, 0, 1)
	if n.sent >= retransmissions {
		m.Hints.Once("coap given up", "coap gives a request to %v up: there was no answer. Nothing tells the program", n.to)
		m.free(n)
		m.arm()
		return
	}
	if n.from.Dead {
		m.d.Crash("a coap client was collected while one of its requests is repeated: keep it in a global variable")
		return
	}
	n.sent++
	n.wait = n.timeout << n.sent
	if n.from.remote != n.to {
		m.Hints.Once("coap elsewhere", "coap repeats a request to %v, but at %v: a client repeats to the host of its last request", n.to, n.from.remote)
	}
	n.from.send(n.data)
	n.to = n.from.remote
	m.insert(n)
	m.arm()
}

func (m *module) free(n *pending) {
	m.freePDU(n.pdu)
	m.d.Free(&n.memory, heap.Other)
}

// answered takes a datagram for a client (fw: coap_response_handler).
func (e *endpoint) answered(data []byte, _ netip.AddrPort) {
	m := e.m
	if len(data) > maxMessage {
		return
	}
	if r, ok := parse(data); ok && string(r.token) == token && r.kind != reset {
		m.timer.Disarm()
		m.remove(e.remote, r.id)
		m.update()
		m.arm()
	}
	if len(m.queue) == 0 {
		e.closePort()
	}
}

// remove takes an answered request off the queue (fw: coap_remove_node).
func (m *module) remove(to netip.AddrPort, id uint16) {
	i := slices.IndexFunc(m.queue, func(n *pending) bool { return n.to == to && n.id == id })
	if i < 0 {
		return
	}
	n := m.queue[i]
	m.queue = slices.Delete(m.queue, i, i+1)
	if i < len(m.queue) {
		m.queue[i].wait += n.wait
	}
	m.free(n)
}

// options are those of a request for a URI (fw: coap_make_request).
func (u *uri) options() (list []option) {
	if u.host != "" {
		list = append(list, option{optionHost, []byte(u.host)})
	}
	room := maxScratch
	if u.port != defaultPort {
		value := binary.BigEndian.AppendUint16(nil, u.port)
		for len(value) > 0 && value[0] == 0 {
			value = value[1:]
		}
		list = append(list, option{optionPort, value})
		room -= len(value)
	}
	add := func(number uint8, text string, separator byte, end string) {
		for _, s := range segments(text, separator, end) {
			if value, ok := decode(s); ok && len(value) > 0 && len(value) <= room {
				list = append(list, option{number, value})
				room -= len(value)
			}
		}
	}
	add(optionPath, u.path, '/', "?#")
	add(optionQuery, u.query, '&', "#")
	return list
}
