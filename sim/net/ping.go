package net

import (
	"net/netip"
	"slices"

	"github.com/nodemcu-sim/nodemcu-sim/device/ets"
	"github.com/nodemcu-sim/nodemcu-sim/device/vm"
	"github.com/nodemcu-sim/nodemcu-sim/world/clock"
	"github.com/nodemcu-sim/nodemcu-sim/world/lwip"
)

// Settings of the SDK's ping (fw: app/lwip/app/ping.c): bytes of data, time
// between two requests, and as long for an answer.
const (
	pingData     = 32
	pingInterval = clock.Second
	pingCount    = 4 // when net.ping is given none, or 0
	pingID       = 0xafaf
	pingLastSeq  = 0x7fff // becomes 0: numbers go on from one series to the next
)

// ping is a series of echo requests.
type ping struct {
	m        *module
	fn       vm.Ref // for each answer, or its absence
	sent     vm.Ref // at the end; may be 0
	ip       netip.Addr
	max      uint32
	left     uint32
	lost     uint32
	waiting  bool // for an answer
	began    clock.Time
	sentAt   clock.Time
	timer    *ets.Timer
	unlisten func()
}

// startPing is net.ping(host [, count], fn [, sent]): fn(bytes, ip, seq, ms) per
// request, with 0 bytes, sequence number 0 and -1 ms when there was no answer in time;
// fn(0) when the host has no address. At the end there is sent(ip, requests, lost, bytes,
// ms). A count of nil is 4 requests.
func (m *module) startPing(c *vm.Call) int {
	host := c.String(1)
	count, at := 0, 2 // at is the callback's place
	if function(c, 2) == nil {
		count, at = c.OptInt(2, 0), 3
	}
	fn := function(c, at)
	if fn == nil {
		c.ArgError(-2, "no received callback specified")
	}
	sent := function(c, at+1)
	if sent == nil && !c.IsNoneOrNil(at+1) {
		c.ArgError(-1, "invalid sent callback, function expected")
	}
	if count == 0 {
		count = pingCount
	}
	p := &ping{m: m, max: uint32(count), left: uint32(count)}
	p.fn = m.v.Ref(fn, "ping callback")
	if sent != nil {
		p.sent = m.v.Ref(sent, "ping end callback")
	}
	found := func(ip netip.Addr, ok bool) {
		if !ok || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			fn := m.v.Deref(p.fn)
			p.drop()
			m.d.Run("ping", fn, vm.Number(0))
			return
		}
		p.begin(ip)
	}
	ip, err := m.Stack.Resolve(host, found)
	switch err {
	case lwip.OK:
		found(ip, true)
	case lwip.ErrProgress:
	default:
		p.drop()
		c.Error("lwip error %d", int(err))
	}
	return 0
}

// drop lets the callbacks go.
func (p *ping) drop() {
	p.m.v.Unref(&p.fn)
	p.m.v.Unref(&p.sent)
}

func (p *ping) begin(ip netip.Addr) {
	m := p.m
	p.ip, p.began = ip, m.d.Now()
	m.pings = append(m.pings, p)
	p.unlisten = m.Stack.ListenEcho(p.answered)
	p.timer = m.d.NewTimer(p.next)
	p.send()
}

func (p *ping) stop() {
	p.timer.Disarm()
	p.unlisten()
}

func (p *ping) send() {
	m := p.m
	if m.pingSeq++; m.pingSeq == pingLastSeq {
		m.pingSeq = 0
	}
	p.sentAt, p.waiting = m.d.Now(), true
	p.timer.Arm(pingInterval, false)
	m.Stack.SendEcho(p.ip, pingID, m.pingSeq, pingData)
}

// next reports a request that was not answered and sends another.
func (p *ping) next() {
	if p.waiting {
		p.waiting = false
		p.lost++
		p.report(0, 0, -1)
		if p.over() {
			return
		}
	}
	if p.left--; p.left != 0 {
		p.send()
		return
	}
	m := p.m
	p.stop()
	m.pings = slices.DeleteFunc(m.pings, func(x *ping) bool { return x == p })
	sent := m.v.Deref(p.sent)
	p.drop()
	if sent != vm.Nil {
		m.d.Run("ping end", sent, m.NewString(string(addrText(p.ip))), vm.Number(int32(p.max)), vm.Number(int32(p.lost)),
			vm.Number(int32(pingData*(p.max-p.lost))), vm.Number(m.d.Now().Sub(p.began)/clock.Millisecond))
	}
}

// over reports whether the device was reset meanwhile.
func (p *ping) over() bool { return p.m.d.VM != p.m.v || p.m.d.Resetting() }

// answered takes an answer to the request that was sent last. Of several series the
// newest gets it, whichever has asked (fw: raw_input, which asks the newest PCB first).
func (p *ping) answered(e lwip.Echo) {
	m := p.m
	if m.pings[len(m.pings)-1] != p || e.ID != pingID || e.Seq != m.pingSeq || e.Seq == m.pingSeen {
		return
	}
	if len(m.pings) > 1 {
		m.Hints.Once("two pings", "the newest of several net.ping at a time gets the answers to all of them, and the others count theirs as lost: ping one host after the other")
	}
	m.pingSeen = e.Seq
	p.waiting = false
	p.report(pingData, int(e.Seq), int(p.m.d.Now().Sub(p.sentAt)/clock.Millisecond))
}

func (p *ping) report(bytes, seq, ms int) {
	p.m.d.Run("ping", p.m.v.Deref(p.fn), vm.Number(bytes), p.m.NewString(string(addrText(p.ip))), vm.Number(seq), vm.Number(ms))
}
