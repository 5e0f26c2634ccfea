package net

import (
	"net/netip"

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
	pingCount    = 4 // default of net.ping
	pingID       = 0xafaf
)

// ping is a series of echo requests. A new one ends the one before: the SDK has
// one receiver for all.
type ping struct {
	m        *module
	fn       vm.Ref
	ip       netip.Addr
	left     int
	seq      uint16
	sentAt   clock.Time
	waiting  bool
	timer    *ets.Timer
	unlisten func()
}

// startPing is net.ping(host [, count], fn): fn(bytes, ip, seq, ms) per request,
// with 0 bytes when there was no answer in time, and fn(nil) when the host has no
// address.
func (m *module) startPing(c *vm.Call) int {
	host := c.String(1)
	count, n := pingCount, 2
	if c.IsNumber(2) {
		count, n = c.Int(2), 3
	}
	p := &ping{m: m, left: max(count, 1)}
	p.fn = m.v.Ref(c.Function(n), "ping callback")
	found := func(ip netip.Addr, ok bool) {
		if !ok {
			m.Callback("ping", m.v.Deref(p.fn), vm.Nil)
			m.v.Unref(&p.fn)
			return
		}
		p.begin(ip)
	}
	ip, err := m.Stack.Resolve(host, found)
	switch err {
	case lwip.OK:
		p.begin(ip)
	case lwip.ErrProgress:
	default:
		m.v.Unref(&p.fn)
		raise(c, err)
	}
	return 0
}

func (p *ping) begin(ip netip.Addr) {
	m := p.m
	if m.ping != nil {
		m.ping.stop()
		m.v.Unref(&m.ping.fn)
	}
	m.ping = p
	p.ip = ip
	p.unlisten = m.Stack.ListenEcho(p.answered)
	p.timer = m.d.NewTimer(p.next)
	p.next()
}

func (p *ping) stop() {
	p.timer.Disarm()
	p.unlisten()
}

// next reports a request that was not answered and sends another.
func (p *ping) next() {
	if p.waiting {
		p.waiting = false
		p.report(0, 0)
		if p.m.ping != p {
			return
		}
	}
	if p.left == 0 {
		p.stop()
		p.m.ping = nil
		p.m.v.Unref(&p.fn)
		return
	}
	p.left--
	p.seq++
	p.sentAt = p.m.d.Now()
	p.waiting = true
	p.timer.Arm(pingInterval, false)
	p.m.Stack.SendEcho(p.ip, pingID, p.seq, pingData)
}

func (p *ping) answered(e lwip.Echo) {
	if !p.waiting || e.From != p.ip || e.ID != pingID || e.Seq != p.seq {
		return
	}
	p.waiting = false
	p.report(e.Len, p.m.d.Now().Sub(p.sentAt))
}

func (p *ping) report(bytes int, took clock.Duration) {
	p.m.Callback("ping", p.m.v.Deref(p.fn), vm.Number(bytes), p.m.NewString(string(addrText(p.ip))), vm.Number(p.seq), vm.Number(took/clock.Millisecond))
}
