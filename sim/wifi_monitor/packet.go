package wifimonitor

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/nodemcu-sim/nodemcu-sim/device/radio"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
)

// A packet's parts, in bytes (fw: wifi_monitor.c, packet_t; sys/network_80211.h).
const (
	packetSize   = 2 + radio.ManagementLen // its length stands before it
	frameAt      = radio.RxControlLen
	frameRoom    = 112
	headerLen    = 24 // of a management frame
	bodyAt       = frameAt + headerLen
	lookupSteps  = 8 // comparisons of a binary search in the list of fields
	stepsPerChar = 1 // of a text in hexadecimal, in VM instructions: estimated
)

// packet is a wifi.packet: what the SDK gave of a frame.
type packet struct{ data []byte }

// String names packets in heap snapshots.
func (p *packet) String() string {
	return fmt.Sprintf("subtype %d from %x", p.subtype(), p.data[bodyAt-14:bodyAt-8])
}

func (p *packet) subtype() int     { return int(p.data[frameAt] >> 4) }
func (p *packet) management() bool { return p.data[frameAt]>>2&3 == 0 }

// elementsAt is where the information elements begin in the bodies of management frames, by
// subtype; -1: there are none (IEEE 802.11-2012, 8.3.3).
var elementsAt = [16]int{4, 6, 10, 6, 0, 12, -1, -1, 12, -1, 2, 6, 2, 2, -1, -1}

// elements calls fn for each information element, until it returns false. They end with the
// packet, not with the frame.
func (p *packet) elements(fn func(id byte, data []byte) bool) {
	at := elementsAt[p.subtype()]
	if at < 0 {
		return
	}
	rest := p.data[bodyAt+at:]
	for len(rest) >= 2 && len(rest) >= 2+int(rest[1]) {
		n := 2 + int(rest[1])
		if !fn(rest[0], rest[2:n]) {
			return
		}
		rest = rest[n:]
	}
}

// element returns the first information element of a number.
func (p *packet) element(id int) (data []byte, ok bool) {
	p.elements(func(i byte, d []byte) bool {
		if int(i) == id {
			data, ok = d, true
		}
		return !ok
	})
	return data, ok
}

// packetType is wifi.packet.
func (m *module) packetType() *vm.Type {
	radioPart, framePart := part{m, 0, radio.RxControlLen}, part{m, frameAt, frameRoom}
	return &vm.Type{
		Name: "wifi.packet",
		Methods: []vm.Func{
			{Name: "radio_byte", Fn: radioPart.byte},
			{Name: "frame_byte", Fn: framePart.byte},
			{Name: "radio_sub", Fn: radioPart.sub},
			{Name: "frame_sub", Fn: framePart.sub},
			{Name: "radio_subhex", Fn: radioPart.subhex},
			{Name: "frame_subhex", Fn: framePart.subhex},
		},
		Index: m.index,
	}
}

// index is packet[key]: an information element, a field or a method.
func (m *module) index(c *vm.Call) int {
	p := c.Object(1, m.packet).(*packet)
	if !p.management() {
		return 0
	}
	if id, ok := number(c, 2); ok {
		data, ok := p.element(id)
		if !ok {
			return 0
		}
		return c.ReturnString(string(data))
	}
	name := c.String(2)
	c.VM.ChargeSteps(lookupSteps)
	name = vm.CString(name)
	if f, ok := find(name, p.subtype()); ok {
		return f.push(c, p)
	}
	if fn := c.VM.RawGetString(m.methods, name); fn != vm.Nil {
		return c.Return(fn)
	}
	return 0
}

// part is the radio's header of a packet, or its frame.
type part struct {
	m     *module
	at, n int
}

func (s part) of(c *vm.Call) []byte {
	return c.Object(1, s.m.packet).(*packet).data[s.at : s.at+s.n]
}

// byte is packet:radio_byte(n) and frame_byte.
func (s part) byte(c *vm.Call) int {
	b := s.of(c)
	n := c.Int(2)
	if n < 1 || n > len(b) {
		return 0
	}
	return c.ReturnInt(int(b[n-1]))
}

// span returns the bytes that arguments 2 and 3 name, as those of string.sub.
func (s part) span(c *vm.Call) []byte {
	b := s.of(c)
	place := func(n int) int {
		if n < 0 {
			n += len(b) + 1
		}
		return max(n, 0)
	}
	from, to := place(c.Int(2)), place(c.OptInt(3, -1))
	from, to = max(from, 1), min(to, len(b))
	if from > to {
		return nil
	}
	return b[from-1 : to]
}

// sub is packet:radio_sub(from[, to]) and frame_sub.
func (s part) sub(c *vm.Call) int { return c.ReturnString(string(s.span(c))) }

// subhex is packet:radio_subhex(from[, to[, separator]]) and frame_subhex.
func (s part) subhex(c *vm.Call) int {
	b := s.span(c)
	return pushHex(c, b, vm.CString(c.OptString(4, "")))
}

// pushHex returns bytes as text.
func pushHex(c *vm.Call, b []byte, separator string) int {
	pairs := make([]string, len(b))
	for i := range b {
		pairs[i] = hex.EncodeToString(b[i : i+1])
	}
	text := strings.Join(pairs, separator)
	c.VM.ChargeSteps(len(text) * stepsPerChar)
	return c.ReturnString(text)
}
